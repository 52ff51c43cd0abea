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


class SomethingSent(DomainError):
    """Mails were sent to people of this import: it can no longer be taken back."""


class OthersStandOnIt(DomainError):
    """A later import found rows of this one known: take that one back first."""


# Learnt since from another file or by hand; what a check of its domain said does not count.
_UNTOUCHED = """NOT EXISTS (
    SELECT FROM jsonb_each(t.provenance - '*') AS fact
    WHERE fact.value ->> 'source' IS DISTINCT FROM 'mx')"""
_MADE_HERE = "t.id BETWEEN %s AND %s"
POSITIONS = f"""
DELETE FROM crm.positions WHERE id IN (
    SELECT id FROM crm.positions AS t WHERE {_MADE_HERE} AND {_UNTOUCHED}
    ORDER BY id LIMIT %s)
"""
PEOPLE = f"""
DELETE FROM crm.people WHERE id IN (
    SELECT id FROM crm.people AS t WHERE {_MADE_HERE} AND {_UNTOUCHED}
        AND NOT EXISTS (SELECT FROM crm.positions AS p WHERE p.person_id = t.id)
        AND NOT EXISTS (SELECT FROM crm.consents AS c WHERE c.person_id = t.id)
        AND NOT EXISTS (SELECT FROM crm.phones AS n
                        WHERE n.person_id = t.id AND n.source = 'hand')
    ORDER BY id LIMIT %s)
"""
COMPANIES = f"""
DELETE FROM crm.companies WHERE id IN (
    SELECT id FROM crm.companies AS t WHERE {_MADE_HERE} AND {_UNTOUCHED}
        AND NOT EXISTS (SELECT FROM crm.positions AS p WHERE p.company_id = t.id)
    ORDER BY id LIMIT %s)
"""


def refuse_what_cannot_go(upload: ImportUpload) -> None:
    """Raises SomethingSent or OthersStandOnIt, which names the import."""
    first, last = made_range(upload.pk)
    if Message.objects.outbound().filter(position__gte=first, position__lte=last).exists():
        raise SomethingSent
    later = ImportUpload.objects.filter(stands_on__has_key=str(upload.pk)).exclude(
        status__in=[UploadStatus.UNDONE, UploadStatus.MAPPED]
    )
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
    gone: dict[str, int] = {}
    for name, statement in (("positions", POSITIONS), ("people", PEOPLE), ("companies", COMPANIES)):
        deleted = AT_ONCE
        while deleted == AT_ONCE:
            if stopping():
                return
            with tenant(organisation_id):
                if not _is_wanted(upload_id):
                    return
                deleted = _deleted(statement, made)
            gone[name] = gone.get(name, 0) + deleted
    with tenant(organisation_id):
        _close(upload_id, gone, clock())


def _is_wanted(upload_id: UUID) -> bool:
    """Also while mails of the first moment might be under way: then nothing is deleted."""
    upload = ImportUpload.objects.filter(pk=upload_id, status=UploadStatus.UNDOING).first()
    return upload is not None


def _deleted(statement: str, made: tuple[UUID, UUID]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, [*made, AT_ONCE])
        return cursor.rowcount


def _close(upload_id: UUID, gone: dict[str, int], at: datetime) -> None:
    upload = ImportUpload.objects.select_for_update().get(pk=upload_id)
    move(upload, "status", UploadStatus.UNDONE, ImportUpload.MOVES)
    upload.finished_at = max(at, upload.started_at or at)
    upload.report = upload.report | {"undone": gone}
    upload.rows_done = 0
    upload.save()
    words = ", ".join(f"{number} {name}" for name, number in gone.items())
    record("undone", at=at, target=upload, text=f"{upload.filename}: {words} taken away")
