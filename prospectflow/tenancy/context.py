"""The only door into an organisation."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection, transaction


@contextmanager
def tenant(organisation_id: UUID, *, user_id: UUID | None = None) -> Iterator[None]:
    """Serve one organisation for the length of one transaction. Cannot be nested.

    Raises TypeError for anything but a UUID, RuntimeError when another scope is open.
    """
    if not isinstance(organisation_id, UUID):
        raise TypeError(f"An organisation is named by its UUID, not by {organisation_id!r}.")
    with transaction.atomic(durable=True):
        _serve(str(organisation_id), str(user_id or ""))
        yield
        if not transaction.get_rollback():  # where it is set, the rollback does this
            _serve("", "")


def _serve(organisation_id: str, user_id: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('app.organisation_id', %s, true),"
            " set_config('app.user_id', %s, true)",
            [organisation_id, user_id],
        )
