"""Kill -9 in the middle of an import: begun again, it ends as if nothing had been."""

import signal
import time
from pathlib import Path

import pytest

from iam.models import AuditEvent
from outreach.models import Enrollment, Task, WebhookDelivery
from outreach.services import uploads
from outreach.tests.bringing import ADA, LATER, Bringing, others
from outreach.tests.making import make_open_campaign
from prospectflow.testing import processes
from prospectflow.testing.factories import make_step
from prospectflow.testing.rows import make_endpoint

pytestmark = pytest.mark.faults

WORKER = """
import importlib, os, signal, sys
from datetime import datetime
from uuid import UUID

import django

django.setup()
from crm.importing import engine, parallel
from outreach.services import enrolling_imported, undoing
from outreach.services.importing import perform_import
from outreach.services.undoing import perform_undo

task, organisation, upload, at, place, times = sys.argv[1:]
engine.CHUNK, enrolling_imported.AT_ONCE, undoing.AT_ONCE = 4, 3, 3
left = int(times)

def dying(function):
    def dies(*args, **named):
        global left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **named)
    return dies

if place:
    module, _, names = place.partition(":")
    *owners, name = names.split(".")
    owner = importlib.import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    setattr(owner, name, dying(getattr(owner, name)))
if task == "children":
    parallel.ALONE, parallel.BATCH = 0, 2
perform = perform_undo if task == "undo" else perform_import
perform(UUID(organisation), UUID(upload), clock=lambda: datetime.fromisoformat(at))
"""
BASE = [ADA | {"job_title": "Gérante", "city": "Aix"}, *others(6, city="Arles")]
ROWS = [
    *others(10, city="Nice", mobile="0612345678"),
    ADA | {"email": "nobody"},
    ADA | {"job_title": "Présidente", "siren": "732829320"},
    ADA,
    ADA | {"email": "bob@bar.example.com", "first_name": "Bob", "siren": "732829320"},
    *({"company_name": "Neu", "email": f"n{n}@neu.example.com"} for n in range(6)),
]
IMPORTING = "outreach.services.importing"
STORING = "crm.importing.storing"


class Ready:
    """An organisation with people, a campaign, a listener, and a file that was begun."""

    def __init__(self, folder):
        self.bringing = Bringing(folder)
        self.first = self.bringing.bring(*BASE)
        with self.bringing.open():
            campaign = make_open_campaign()
            make_step(campaign)
            make_endpoint(events=["import.finished"])
        self.upload = self.bringing.receive(*ROWS, at=LATER, campaign=campaign)
        with self.bringing.open():
            uploads.run(self.upload, at=LATER)

    def worker(self, place="", times=1, task="import"):
        """Start a worker that dies when this is called for the nth time."""
        job = (task, str(self.bringing.organisation_id), str(self.upload.pk), LATER.isoformat())
        return processes.script(WORKER, *job, place, str(times))

    def die(self, place, times=1, task="import"):
        worker = self.worker(place, times, task)
        _, complaint = worker.communicate(timeout=60)
        assert (worker.returncode, complaint) == (-signal.SIGKILL, "")

    def outcome(self):
        """Everything that can be told of the import when it is over."""
        upload = self.bringing.fresh(self.upload)
        with self.bringing.open():
            told = [
                sorted(Enrollment.objects.values_list("position__email", flat=True)),
                Task.objects.count(),
                WebhookDelivery.objects.count(),
                list(AuditEvent.objects.filter(action="imported").values_list("description")),
            ]
        facts = (upload.status, upload.row_count, upload.rows_done, upload.report)
        by_rows = self.bringing.by_rows(self.first, upload)
        return facts, self.bringing.problems(upload), by_rows, told


@pytest.fixture
def ready(committed, tmp_path):
    return Ready(tmp_path)


LEFT_ALONE = []


@pytest.fixture
def undisturbed(committed, tmp_path):
    """What a worker that nobody kills leaves behind; always the same, so it is asked for once."""
    if not LEFT_ALONE:
        quiet = Ready(tmp_path)
        assert quiet.worker().communicate(timeout=60)[1] == ""
        LEFT_ALONE.append(quiet.outcome())
    return LEFT_ALONE[0]


@pytest.mark.parametrize(
    ("place", "times"),
    [
        ("crm.importing.engine:Import.read", 1),
        ("crm.importing.engine:Import.work_out", 1),
        (f"{IMPORTING}:_stands_on", 1),  # the report is written, nothing committed
        (f"{STORING}:store_parties", 1),
        (f"{STORING}:store_parties", 3),
        (f"{STORING}:hand_over", 2),  # companies are there, nothing committed
        (f"{STORING}:Behind.give", 1),  # companies are there, their positions are not
        (f"{STORING}:Behind.give", 4),
        (f"{STORING}:store_positions", 3),
        (f"{IMPORTING}:Working.stored_up_to", 2),  # positions are there, nothing committed
        (f"{IMPORTING}:enroll_imported", 1),  # all is stored, nobody enrolled
        ("outreach.services.enrolling_imported:_enroll_some", 3),
        (f"{IMPORTING}:record", 1),
        (f"{IMPORTING}:announce", 1),  # all is written down, nothing committed
    ],
)
def test_a_worker_killed_in_an_import_loses_nothing_and_doubles_nothing(
    ready, undisturbed, place, times
):
    ready.die(place, times)
    assert ready.bringing.fresh(ready.upload).status == "importing"

    assert ready.worker().communicate(timeout=60)[1] == ""

    assert ready.outcome() == undisturbed


def test_a_worker_killed_again_and_again_comes_to_the_end(ready, undisturbed):
    for _ in range(3):
        ready.die(f"{STORING}:Behind.give", 2)

    assert ready.worker().communicate(timeout=60)[1] == ""

    assert ready.outcome() == undisturbed


def test_the_processes_that_read_for_a_killed_worker_end_with_it(ready, undisturbed):
    worker = ready.worker("crm.importing.engine:store", 3, "children")
    children = set()
    while worker.poll() is None:
        children |= _children(worker.pid)
        time.sleep(0.01)
    worker.communicate()
    assert worker.returncode == -signal.SIGKILL
    assert len(children) > 1

    for _ in range(500):
        if not any(Path("/proc", str(child)).exists() for child in children):
            break
        time.sleep(0.02)
    assert [child for child in children if Path("/proc", str(child)).exists()] == []

    assert ready.worker(task="children").communicate(timeout=60)[1] == ""
    assert ready.outcome() == undisturbed


def _children(pid):
    try:
        tasks = Path("/proc", str(pid), "task", str(pid), "children").read_text()
    except FileNotFoundError:
        return set()
    return {int(each) for each in tasks.split()}


@pytest.mark.parametrize(
    ("place", "times"),
    [
        ("outreach.services.undoing:_delete_some", 1),
        ("outreach.services.undoing:_delete_some", 4),
        ("outreach.services.undoing:_note", 5),  # rows are gone, nothing committed
        ("outreach.services.undoing:_close", 1),
    ],
)
def test_a_worker_killed_in_an_undo_takes_back_the_rest_when_it_comes_again(
    committed, tmp_path, place, times
):
    bringing = Bringing(tmp_path)
    before = bringing.bring(*others(2)), bringing.everything()
    done = bringing.bring(*({"company_name": f"N{n}", "email": f"n@n{n}.fr"} for n in range(8)))
    with bringing.open():
        uploads.undo(done, at=LATER)
    job = ("undo", str(bringing.organisation_id), str(done.pk), LATER.isoformat())
    worker = processes.script(WORKER, *job, place, str(times))
    worker.communicate(timeout=60)
    assert worker.returncode == -signal.SIGKILL
    assert bringing.fresh(done).status == "undoing"

    assert processes.script(WORKER, *job, "", "1").communicate(timeout=60)[1] == ""

    undone = bringing.fresh(done)
    assert undone.status == "undone"
    assert undone.report["undone"] == {"phones": 0, "positions": 8, "people": 8, "companies": 8}
    assert bringing.everything() == before[1]
