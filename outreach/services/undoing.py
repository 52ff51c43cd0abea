"""Takes an import back: what it alone made goes, as long as nothing was sent to it."""

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from crm.importing.identifiers import made_range
from crm.models import Company, Person, Position
from iam.services import record
from outreach.models import ImportUpload, Message
from outreach.services.stages import Clock, Stopping, Working, go_through
from outreach.states import UploadStatus
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


class BeforeUndo(DomainError):
    """This file was imported before its rows were marked as its own: it cannot be taken back."""


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
# People who were there already leave the campaign again, unless it wrote to them.
ENROLLED_HERE = "t.campaign_id = %s AND t.enrolled_at = ANY (%s::timestamptz[])"
NOT_WRITTEN_TO = "NOT EXISTS (SELECT FROM outreach.messages AS m WHERE m.enrollment_id = t.id)"
# The lock waits for whoever writes to such a row just now; then the rows are looked at once more.
LOCKED = """
SELECT id FROM {table} AS t WHERE {made_here} AND {going} ORDER BY id LIMIT %s FOR UPDATE
"""
DELETED = "DELETE FROM {table} AS t WHERE id = ANY (%s) AND {going}"


class Part(NamedTuple):
    """Rows that an import made, and which of them go."""

    name: str
    table: str
    made_here: str
    made: tuple[Any, ...]
    going: str


def refuse_what_cannot_go(upload: ImportUpload) -> None:
    """Raises BeforeUndo, SomethingSent, or OthersStandOnIt, which names the import."""
    if upload.started_at is None:
        raise BeforeUndo
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
        model.objects.filter(pk__gte=first, pk__lte=last).exists()
        for model in (Company, Person, Position)
    )


def perform_undo(
    organisation_id: UUID, upload_id: UUID, *, clock: Clock, stopping: Stopping = lambda: False
) -> None:
    """Delete what the import made and nothing else has touched since, some rows at a time.

    What has come to stand on it since it was asked for leaves it as it was, with the reason.
    """
    stage = UploadStatus.UNDOING
    go_through(Working(organisation_id, upload_id, stage, clock, stopping), _take_back)


def _take_back(working: Working) -> None:
    with tenant(working.organisation_id):
        refuse_what_cannot_go(working.upload)
    parts = list(_parts(working.upload))
    for part in parts:
        found = True
        while found:
            working.end_if_asked()
            with tenant(working.organisation_id):
                found, deleted = _delete_some(part)
                _note(working.upload, part.name, deleted)
    with tenant(working.organisation_id):
        _close(working, [part.name for part in parts])


def _parts(upload: ImportUpload) -> Iterator[Part]:
    """Children before parents."""
    if moments := upload.report.get("enrolled_at"):
        told = (upload.campaign_id, moments)
        table = "outreach.campaign_enrollments"
        yield Part("enrolments", table, ENROLLED_HERE, told, NOT_WRITTEN_TO)
    for table, going in GOING.items():
        yield Part(table, f"crm.{table}", _MADE_HERE, made_range(upload.pk), going)


def _note(upload: ImportUpload, name: str, deleted: int) -> None:
    """Count what went in the transaction in which it went, so that a killed worker's counts.

    Whatever was to go on after the last row of such an import begins with its first one.
    """
    gone = upload.report.get("undone", {})
    upload.report = upload.report | {"undone": gone | {name: gone.get(name, 0) + deleted}}
    upload.rows_done = 0 if deleted else upload.rows_done
    upload.save(update_fields=["report", "rows_done"])


def _delete_some(part: Part) -> tuple[bool, int]:
    """Whether any row was left to delete, and how many were."""
    words = {"table": part.table, "made_here": part.made_here, "going": part.going}
    with connection.cursor() as cursor:
        cursor.execute(LOCKED.format(**words), [*part.made, AT_ONCE])
        ids = [row[0] for row in cursor.fetchall()]
        cursor.execute(DELETED.format(**words), [ids])
        return bool(ids), cursor.rowcount


def _close(working: Working, names: list[str]) -> None:
    upload = working.upload
    if not working.close(UploadStatus.UNDONE):
        return
    upload.rows_done = 0
    upload.save(update_fields=["rows_done"])
    words = ", ".join(f"{upload.report['undone'][name]} {name}" for name in names)
    text = f"{upload.filename}: {words} taken away"
    record("undone", at=working.clock(), target=upload, text=text)
