"""The only door into an organisation."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, transaction

# The request that is being answered: logs and the audit trail name it.
request_id: ContextVar[str] = ContextVar("request_id", default="")


@contextmanager
def tenant(
    organisation_id: UUID, *, user_id: UUID | None = None, using: str = DEFAULT_DB_ALIAS
) -> Iterator[None]:
    """Serve one organisation for the length of one transaction. Cannot be nested.

    Raises TypeError for anything but a UUID, RuntimeError when another scope is open.
    """
    if not isinstance(organisation_id, UUID):
        raise TypeError(f"An organisation is named by its UUID, not by {organisation_id!r}.")
    with scope(using):
        _serve(using, str(organisation_id), str(user_id or ""), request_id.get())
        yield


@contextmanager
def scope(using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """One transaction, whose end forgets whom it served."""
    with transaction.atomic(using=using, durable=True):
        yield
        # COMMIT forgets by itself; only inside a test's transaction it has to be done.
        if len(connections[using].atomic_blocks) > 1 and not transaction.get_rollback(using):
            _serve(using, "", "", "")


def _serve(using: str, organisation_id: str, user_id: str, request: str) -> None:
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT set_config('app.organisation_id', %s, true),"
            " set_config('app.user_id', %s, true),"
            " set_config('app.service_account_id', '', true),"
            " set_config('app.request_id', %s, true)",
            [organisation_id, user_id, request],
        )
