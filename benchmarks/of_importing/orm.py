"""The same rows by Django's ORM: many at a time, and row by row."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import batched
from uuid import UUID

from benchmarks.of_importing.clock import seconds
from benchmarks.of_importing.columns import COMPANY, PERSON, POSITION
from crm.models import Company, Person, Phone, Position
from prospectflow.tenancy.context import tenant
from prospectflow.testing.prospects import HEADERS, pharow_rows


def by_bulk_create(organisation_id: UUID, rows: int) -> float:
    """The seconds of Django's own upserts, 5,000 rows at a time."""
    batches = [list(each) for each in batched(pharow_rows(rows), 5_000)]

    def work() -> None:
        for batch in batches:
            with tenant(organisation_id):
                _upsert(batch)

    return seconds(work)


def _upsert(batch: list[list[str]]) -> None:
    companies = {cells[11]: _company(cells) for cells in batch}
    people = {_mark(cells): _person(cells) for cells in batch}
    _bulk(Company, companies.values(), ["siren"], COMPANY)
    _bulk(Person, people.values(), ["identity_key"], PERSON)
    ids = dict(Company.objects.filter(siren__in=companies).values_list("siren", "id"))
    marks = Person.objects.filter(identity_key__in=people).values_list("identity_key", "id")
    owners = dict(marks)
    positions = [
        Position(
            company_id=ids[cells[11]], person_id=owners[_mark(cells)], **_told(cells, POSITION)
        )
        for cells in batch
    ]
    _bulk(Position, positions, ["company", "person", "email"], ["job_title", "list_name"])
    phones = [
        Phone(person_id=owners[_mark(cells)], **each) for cells in batch for each in _phones(cells)
    ]
    _bulk(Phone, phones, ["person", "source", "number"], ["raw"])


def _bulk(model: type, rows: Iterable[object], keys: list[str], fields: Iterable[str]) -> None:
    model.objects.bulk_create(
        list(rows),
        update_conflicts=True,
        unique_fields=["organisation", *keys],
        update_fields=list(fields),
    )


def by_update_or_create(organisation_id: UUID, rows: int) -> float:
    """The seconds of Django's update_or_create, one transaction a row."""

    def work() -> None:
        for cells in pharow_rows(rows):
            with tenant(organisation_id):
                _store_one(cells)

    return seconds(work)


def _store_one(cells: list[str]) -> None:
    company, _ = Company.objects.update_or_create(
        siren=cells[11], defaults=_told(cells, COMPANY) | _domain(cells)
    )
    person, _ = Person.objects.update_or_create(
        identity_key=_mark(cells), defaults=_told(cells, PERSON)
    )
    told = _told(cells, POSITION)
    Position.objects.update_or_create(
        company=company, person=person, email=told["email"], defaults=told
    )
    for each in _phones(cells):
        Phone.objects.update_or_create(person=person, **each)


def _told(cells: list[str], columns: Mapping[str, str]) -> dict[str, str]:
    """What the row says: column -> text, or nothing where the cell is empty."""
    return {name: cells[HEADERS.index(header)] or None for name, header in columns.items()}


def _company(cells: list[str]) -> Company:
    return Company(siren=cells[11], **_told(cells, COMPANY), **_domain(cells))


def _domain(cells: list[str]) -> dict[str, str]:
    return {"domain": cells[6].partition("@")[2]}


def _person(cells: list[str]) -> Person:
    return Person(identity_key=_mark(cells), **_told(cells, PERSON))


def _mark(cells: list[str]) -> str:
    return f"linkedin:{cells[4][25:]}" if cells[4] else f"email:{cells[6]}"


def _phones(cells: list[str]) -> Iterator[dict[str, str]]:
    for source, header in (("pharow", "Tél portable"), ("kaspr_1", "Tél Kaspr (1)")):
        if number := cells[HEADERS.index(header)]:
            yield {"source": source, "number": number.replace(" ", ""), "kind": "mobile"}
