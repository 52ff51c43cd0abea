"""Takes an import back: what it alone made goes, as long as nothing was sent to it."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import connection

from crm.importing.identifiers import made_range
from crm.models import Company, Person
from iam.services import record
from outreach.models import ImportUpload, Message
from outreach.states import UploadStatus
from prospectflow.choices import move
from prospectflow.errors import DomainError
from prospectflow.tenancy.context import tenant

AT_ONCE = 10_000  # rows that one transaction deletes
STORED = (
    *(UploadStatus.IMPORTING, UploadStatus.COMPLETED),
    *(UploadStatus.CANCELLED, UploadStatus.FAILED),
)


class SomethingSent(DomainError):
    """Mails were sent to people of this import: it can no longer be taken back."""


class OthersStandOnIt(DomainError):
    """A later import found rows of this one known: take that one back first."""


# Learnt since from another file or by hand; what a check of its domain said does not count.
_UNTOUCHED = """NOT EXISTS (
    SELECT FROM jsonb_each(t.provenance - '*') AS fact
    WHERE fact.value ->> 'source' IS DISTINCT FROM 'mx')"""
_MADE_HERE = "t.id BETWEEN %s AND %s"
# Which of its rows go from each table, children before parents.
GOING = {
    "phones": "t.updated_at = t.created_at",
    "positions": f"""{_UNTOUCHED}
        AND NOT EXISTS (SELECT FROM outreach.messages AS m WHERE m.position_id = t.id)""",
    "people": f"""{_UNTOUCHED}
        AND NOT EXISTS (SELECT FROM crm.positions AS p WHERE p.person_id = t.id)
        AND NOT EXISTS (SELECT FROM crm.consents AS c WHERE c.person_id = t.id)
        AND NOT EXISTS (SELECT FROM crm.phones AS n WHERE n.person_id = t.id)""",
    "companies": f"""{_UNTOUCHED}
        AND NOT EXISTS (SELECT FROM crm.positions AS p WHERE p.company_id = t.id)""",
}
# The lock waits for whoever writes to such a row just now; then the rows are looked at once more.
LOCKED = """
SELECT id FROM crm.{table} AS t WHERE {made_here} AND {going} ORDER BY id LIMIT %s FOR UPDATE
"""
DELETED = "DELETE FROM crm.{table} AS t WHERE id = ANY (%s) AND {going}"


def refuse_what_cannot_go(upload: ImportUpload) -> None:
    """Raises SomethingSent or OthersStandOnIt, which names the import."""
    first, last = made_range(upload.pk)
    if Message.objects.outbound().filter(position__gte=first, position__lte=last).exists():
        raise SomethingSent
    later = ImportUpload.objects.filter(stands_on__has_key=str(upload.pk), status__in=STORED)
    if other := later.order_by("-uploaded_at").first():
        raise OthersStandOnIt(
            f"The import of {other.filename} found {other.stands_on[str(upload.pk)]} of these rows"
            " known: take that one back first."
        )


def left_rows(upload: ImportUpload) -> bool:
    """Whether anything that this import made is there, be it a part of a chunk."""
    first, last = made_range(upload.pk)
    return any(
        model.objects.filter(pk__gte=first, pk__lte=last).exists() for model in (Company, Person)
    )


def perform_undo(
    organisation_id: UUID,
    upload_id: UUID,
    *,
    clock: Callable[[], datetime],
    stopping: Callable[[], bool] = lambda: False,
) -> None:
    """Delete what the import made and nothing else has touched since, some rows at a time."""
    made = made_range(upload_id)
    for table in GOING:
        found = True
        while found:
            if stopping():
                return
            with tenant(organisation_id):
                upload = _locked(upload_id)
                if upload is None:
                    return
                found, deleted = _delete_some(table, made)
                _note(upload, table, deleted)
    with tenant(organisation_id):
        _close(upload_id, clock())


def _locked(upload_id: UUID) -> ImportUpload | None:
    """The upload, if it is still to be taken back."""
    wanted = ImportUpload.objects.filter(pk=upload_id, status=UploadStatus.UNDOING)
    return wanted.select_for_update().first()


def _note(upload: ImportUpload, table: str, deleted: int) -> None:
    """Count what went in the transaction in which it went, so that a killed worker's counts."""
    gone = upload.report.get("undone", {})
    gone[table] = gone.get(table, 0) + deleted
    upload.report = upload.report | {"undone": gone}
    upload.save(update_fields=["report"])


def _delete_some(table: str, made: tuple[UUID, UUID]) -> tuple[bool, int]:
    """Whether any row was left to delete, and how many were."""
    words = {"table": table, "going": GOING[table]}
    with connection.cursor() as cursor:
        cursor.execute(LOCKED.format(made_here=_MADE_HERE, **words), [*made, AT_ONCE])
        ids = [row[0] for row in cursor.fetchall()]
        cursor.execute(DELETED.format(**words), [ids])
        return bool(ids), cursor.rowcount


def _close(upload_id: UUID, at: datetime) -> None:
    upload = _locked(upload_id)
    if upload is None:
        return
    move(upload, "status", UploadStatus.UNDONE, ImportUpload.MOVES)
    upload.finished_at = max(at, upload.started_at or at)
    upload.rows_done = 0
    upload.save()
    words = ", ".join(f"{upload.report['undone'][table]} {table}" for table in GOING)
    record("undone", at=at, target=upload, text=f"{upload.filename}: {words} taken away")
