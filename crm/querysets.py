"""Sets of prospects."""

from typing import Any, Self

from django.db import models

SENDABLE = ("valid", "catch_all_likely", "unknown", "generic")


class PositionQuerySet(models.QuerySet[Any]):
    """Positions, the people who may be written to."""

    def sendable(self) -> Self:
        """Positions with an address that may be used, in companies that did not oppose it."""
        return self.filter(
            email__gt="",
            email_status__in=SENDABLE,
            company__diffusion="O",
        )
