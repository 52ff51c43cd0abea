"""Builds with the mistake that a pooler punishes: the organisation is set for a whole session.

PLANTED names the mistake; `granian prospectflow.testing.planted:application` serves with it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import connections

from prospectflow.tenancy import context


def serve_for_the_session(using: str, organisation_id: str, *_: str) -> None:
    """Within the transaction, but for longer than it lasts: a stranger reads what stays behind."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT set_config('app.organisation_id', %s, false)", [organisation_id])


@contextmanager
def serve_before_the_transaction(
    organisation_id: UUID, *, user_id: UUID | None = None, using: str = "default"
) -> Iterator[None]:
    """Before the transaction, which a pooler then gives another session."""
    serve_for_the_session(using, str(organisation_id))
    with context.scope(using):
        yield


MISTAKES: dict[str, tuple[str, Any]] = {
    "session": ("_serve", serve_for_the_session),
    "before": ("tenant", serve_before_the_transaction),
}


def __getattr__(name: str) -> Any:
    if name != "application":
        raise AttributeError(name)
    setattr(context, *MISTAKES[os.environ["PLANTED"]])  # before anything takes it over by its name
    from prospectflow.wsgi import application

    return application
