"""What must be there before the commands of a section of docs/operations.md can be typed."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import xlsxwriter
from django.conf import settings
from django.utils import timezone

from iam.models import Organisation
from outreach.models import Platform
from outreach.services.campaigns import enroll
from outreach.services.mailboxes import set_password
from outreach.services.stopping import suppress_by_hand
from outreach.states import SuppressionReason
from outreach.tests.mail_server import PASSWORD, running_mail_server
from outreach.tests.making import MORNING, make_open_campaign
from prospectflow.operations import embedded
from prospectflow.operations.embedded import state
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import (
    make_campaign,
    make_mailbox,
    make_organisation,
    make_position,
    make_step,
)

HEAD, ROW = ["company_name", "email"], ["Café des Amis", "ada@bar.example.com"]
PLAIN = "%(asctime)s %(levelname)s %(name)s [-] %(message)s"


class Place:
    """A folder to type in, the examples to replace by what is really here, and the environment."""

    def __init__(self, folder: Path, owner_url: str, its_settings: Any) -> None:
        self.folder, self.owner_url, self.settings = folder, owner_url, its_settings
        self.real: dict[str, str] = {}
        self.environment: dict[str, str] = {}
        self.before_each: Callable[[], object] = lambda: None
        for name in ("manage.py", "deploy"):
            (folder / name).symlink_to(settings.BASE_DIR / name)


@contextmanager
def staged(heading: str, place: Place) -> Iterator[None]:
    """Everything that the section's commands need, until they are done."""
    with STAGES.get(heading, acme)(place) as _:
        yield


@contextmanager
def nothing(place: Place) -> Iterator[None]:
    """For commands that begin with nothing."""
    yield


@contextmanager
def acme(place: Place) -> Iterator[Organisation]:
    """The organisation of the examples."""
    yield make_organisation(name="Acme", slug="acme")


@contextmanager
def roles(place: Place) -> Iterator[None]:
    """The superuser of the tests' own server, and the passwords that its roles have already."""
    known = state.load(settings.LOCAL_DIRECTORY)
    place.real = {
        f"{role.upper()}_PASSWORD=…": f"{role.upper()}_PASSWORD={known.passwords[role]}"
        for role in ("owner", "app")
    }
    place.environment = {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(known.port("postgres")),
        "PGUSER": "postgres",
        "PGDATABASE": "postgres",
        "PGPASSWORD": known.passwords["superuser"],
        "PROSPECTFLOW_DATABASE": place.owner_url.rpartition("/")[2],
    }
    yield


@contextmanager
def upgrading(place: Place) -> Iterator[None]:
    """The owner's own way into the database."""
    place.environment = {"DATABASE_URL": place.owner_url}
    place.real = {"postgres://prospectflow_owner:…@host/prospectflow": place.owner_url}
    yield


@contextmanager
def mailboxes(place: Place) -> Iterator[None]:
    """Ada's mailbox, at a server that knows her password."""
    with acme(place) as organisation, running_mail_server(place.folder / "log") as server:
        with tenant(organisation.pk):
            mailbox = make_mailbox(
                address="ada@acme.example",
                username="ada@acme.example",
                smtp_port=server.smtp_port,
                imap_port=server.imap_port,
            )
            set_password(mailbox, PASSWORD)
            mailbox.save()
        yield


@contextmanager
def restored(place: Place) -> Iterator[None]:
    """A database that bears the mark of another, and the log of one objection."""
    log = place.folder / "prospectflow.log"
    handler = logging.FileHandler(log)
    handler.setFormatter(logging.Formatter(PLAIN))
    with acme(place) as organisation:
        logging.getLogger("outreach.stops").addHandler(handler)
        with tenant(organisation.pk):
            reason = SuppressionReason.UNSUBSCRIBED
            suppress_by_hand("a@b.example", reason=reason, source="page", at=timezone.now())
        logging.getLogger("outreach.stops").removeHandler(handler)
        handler.close()
        earlier = timezone.now() - timedelta(hours=1)
        place.real = {
            "2026-11-24T02:00+01:00": earlier.isoformat(),
            "/var/log/prospectflow.log": str(log),
        }
        place.before_each = lambda: Platform.objects.update(database_mark="1:2:3")
        yield


@contextmanager
def campaign(place: Place) -> Iterator[None]:
    """The running campaign of the examples, with somebody in it."""
    with acme(place) as organisation, tenant(organisation.pk):
        spring = make_open_campaign(name="Spring films")
        make_step(spring)
        enroll(spring, [make_position()], at=MORNING)
        make_position(email="newcomer@example.com")
    yield


@contextmanager
def files(place: Place) -> Iterator[None]:
    """The same row as CSV, as a sheet of a workbook, and in a folder as JSON."""
    with acme(place) as organisation, tenant(organisation.pk):
        make_campaign(name="Spring")
    (place.folder / "people.csv").write_text("\n".join(map(",".join, (HEAD, ROW))))
    with xlsxwriter.Workbook(place.folder / "people.xlsx") as workbook:
        sheet = workbook.add_worksheet("Paris")
        for number, row in enumerate((HEAD, ROW)):
            sheet.write_row(number, 0, row)
    (place.folder / "inbox").mkdir()
    rows = [dict(zip(HEAD, ROW, strict=True))]
    (place.folder / "inbox" / "people.json").write_text(json.dumps(rows))
    yield


@contextmanager
def laptop(place: Place) -> Iterator[None]:
    """A folder for servers of its own."""
    place.settings.LOCAL_DIRECTORY = place.folder / ".local"
    place.settings.DEBUG = True  # the test runner turns it off
    yield
    embedded.stop(place.settings.LOCAL_DIRECTORY)


STAGES = {
    "Installing": nothing,
    "Roles": roles,
    "Upgrading": upgrading,
    "The first people": nothing,
    "The worker and its queue": nothing,
    "Mailboxes": mailboxes,
    "After a restore": restored,
    "Simulating a campaign": campaign,
    "Importing": files,
    "The embedded servers": laptop,
}
