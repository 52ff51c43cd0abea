"""State columns: the CHECK is made from the choices, the moves are a table."""

from collections.abc import Mapping
from typing import Any

from django.db import models

from prospectflow.errors import DomainError

Moves = Mapping[str, frozenset[str]]


class IllegalMove(DomainError):
    """This state does not lead to that one."""


def known(field: str, choices: type[models.TextChoices], *, name: str) -> models.CheckConstraint:
    """The CHECK that a column holds one of its choices."""
    values = [str(value) for value in choices.values]
    return models.CheckConstraint(condition=models.Q(**{f"{field}__in": values}), name=name)


def move(row: Any, field: str, to: str, moves: Moves) -> None:
    """Set the row's state to `to`, in memory; IllegalMove names both when it may not."""
    current = getattr(row, field)
    if to not in moves[current]:
        raise IllegalMove(
            f"{row._meta.verbose_name.capitalize()} is {current}: it cannot become {to}."
        )
    setattr(row, field, to)
