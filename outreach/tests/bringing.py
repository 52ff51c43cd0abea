"""Files of prospects that an organisation brings in, stage by stage, really committed."""

import csv
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from crm.models import Company, Person, Phone, Position
from iam.models import AuditEvent
from outreach.models import ImportUpload
from outreach.services import uploads
from outreach.services.importing import perform_import, perform_validation
from outreach.services.undoing import perform_undo
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_organisation

SAMPLE = settings.BASE_DIR / "crm" / "sample" / "pharow-marseille.csv"
AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LATER = datetime(2026, 12, 23, 9, 0, tzinfo=UTC)
TABLES = (Company, Person, Position, Phone)
NOTHING = [0, 0, 0, 0]  # in any of them
ROW_OF_AN_ID = 0xFFFFFFFF
ADA = {
    "company_name": "Bar des Amis",
    "email": "ada@bar.example.com",
    "first_name": "Ada",
    "last_name": "Lovelace",
}
BOB = ADA | {"email": "bob@bar.example.com", "first_name": "Bob", "last_name": "Martin"}


def others(count: int, **fields: str) -> list[dict[str, str]]:
    """So many people, each of a company of their own."""
    return [
        ADA
        | {"company_name": f"Bar {n}", "email": f"a{n}@bar{n}.example.com", "last_name": f"L{n}"}
        | fields
        for n in range(1, count + 1)
    ]


class Bringing:
    """An organisation, a folder for its files, and a worker that runs in this very process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.organisation_id = make_organisation().pk

    def open(self) -> AbstractContextManager[None]:
        """Stand inside the organisation."""
        return tenant(self.organisation_id)

    def file(self, *rows: dict[str, str], name: str = "prospects.csv") -> Path:
        """A file with these rows; a column that only some rows have is empty in the others."""
        headers = list(dict.fromkeys(header for row in rows for header in row))
        with (self.folder / name).open("w", newline="", encoding="utf-8") as target:
            writer = csv.DictWriter(target, headers, restval="")
            writer.writeheader()
            writer.writerows(rows)
        return self.folder / name

    def receive(self, *rows: dict[str, str], at: datetime = AT, **options: Any) -> ImportUpload:
        """A file with these rows, or `path`, as it was received."""
        path = options.pop("path", None) or self.file(*rows)
        with self.open():
            return uploads.receive(path, at=at, **options)

    def validated(self, upload: ImportUpload, *, at: datetime = AT, **how: Any) -> ImportUpload:
        """What validating the file leads to."""
        with self.open():
            uploads.validate(upload, at=at)
        perform_validation(self.organisation_id, upload.pk, clock=lambda: at, **how)
        return self.fresh(upload)

    def imported(self, upload: ImportUpload, *, at: datetime = AT, **how: Any) -> ImportUpload:
        """What importing the file leads to."""
        with self.open():
            uploads.run(upload, at=at)
        return self.gone_on(upload, at=at, **how)

    def gone_on(self, upload: ImportUpload, *, at: datetime = AT, **how: Any) -> ImportUpload:
        """What the job leads to, when it comes once more."""
        perform_import(self.organisation_id, upload.pk, clock=lambda: at, **how)
        return self.fresh(upload)

    def bring(self, *rows: dict[str, str], at: datetime = AT, **options: Any) -> ImportUpload:
        """Receive and import a file with these rows."""
        return self.imported(self.receive(*rows, at=at, **options), at=at)

    def undone(self, upload: ImportUpload, *, at: datetime = LATER, **how: Any) -> ImportUpload:
        """What taking the import back leads to."""
        with self.open():
            uploads.undo(upload, at=at)
        perform_undo(self.organisation_id, upload.pk, clock=lambda: at, **how)
        return self.fresh(upload)

    def fresh(self, upload: ImportUpload) -> ImportUpload:
        """The upload as it stands now."""
        with self.open():
            return ImportUpload.objects.select_related("campaign").get(pk=upload.pk)

    def problems(self, upload: ImportUpload, *kinds: str) -> list[tuple[int, str]]:
        """The rows in which something was found, each with its code."""
        with self.open():
            found = uploads.problems_of(self.fresh_inside(upload), *kinds)
            return list(found.values_list("row", "code"))

    def fresh_inside(self, upload: ImportUpload) -> ImportUpload:
        return ImportUpload.objects.get(pk=upload.pk)

    def counts(self) -> list[int]:
        """How many companies, people, positions and telephone numbers there are."""
        with self.open():
            return [model.objects.count() for model in TABLES]

    def everything(self) -> list[list[dict[str, Any]]]:
        """All that is stored, by id."""
        with self.open():
            return [list(model.objects.order_by("id").values()) for model in TABLES]

    def by_rows(self, *imports: ImportUpload) -> list[list[Any]]:
        """All that is stored, with import and row in the place of ids, and without moments."""
        names = {str(each.pk)[:28]: nth for nth, each in enumerate(imports)}
        return [
            sorted((_shown(row, names) for row in rows), key=repr) for rows in self.everything()
        ]


def _shown(row: dict[str, Any], names: dict[str, int]) -> dict[str, Any]:
    hidden = {"created_at", "updated_at", "organisation_id"}
    if "number" in row:
        hidden.add("id")  # a telephone number has none of the import's ids
    ids = {"id", "person_id", "company_id"}
    return {
        name: _maker(value, names) if name in ids else value
        for name, value in row.items()
        if name not in hidden
    }


def _maker(made: Any, names: dict[str, int]) -> tuple[int | str, int]:
    return names.get(str(made)[:28], str(made)[:28]), made.int & ROW_OF_AN_ID


def trail(bringing: Bringing, action: str) -> list[str]:
    """What the organisation's trail says of actions of this kind."""
    with bringing.open():
        return list(AuditEvent.objects.filter(action=action).values_list("description", flat=True))


@contextmanager
def on_its_own() -> Iterator[None]:
    """For a thread: its connection ends with it."""
    try:
        yield
    finally:
        connection.close()


def on_chunk(number: int, act: Callable[[], None]) -> Callable[[], bool]:
    """For `stopping`: do this when it is asked for the nth time; never stops by itself."""
    asked = iter(range(1, 1_000_000))

    def stopping() -> bool:
        if next(asked) == number:
            act()
        return False

    return stopping
