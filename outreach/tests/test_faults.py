"""Kill -9 anywhere: never a second mail, never a lost intention."""

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from django.conf import settings
from psycopg.conninfo import conninfo_to_dict

from outreach.models import Task
from outreach.tests.making import MORNING, fresh, make_open_campaign, make_ready
from prospectflow.jobs import account_for_the_lost
from prospectflow.operations import embedded
from prospectflow.testing.factories import make_step

pytestmark = pytest.mark.faults

WORKER = """
import os, signal, sys
from datetime import datetime
from uuid import UUID

import django

django.setup()
from outreach.services import settling
from outreach.services.sending import batches, deciding, delivering, leasing, send_next

def die(*args, **named):
    os.kill(os.getpid(), signal.SIGKILL)

organisation, mailbox, now, *deadly = sys.argv[1:]
for name in deadly:
    module, _, function = name.rpartition(".")
    getattr(globals()[module], function)
    setattr(globals()[module], function, die)
send_next(
    UUID(organisation), UUID(mailbox), now=datetime.fromisoformat(now), worker="doomed"
)
"""


@pytest.fixture
def start_worker(world, owner_url):
    """Start a worker of its own process that sends one mail, or dies in one of our functions."""
    workers = []
    told = ("PATH", "HOME", "LANG", "SLOW_QUERY_MS")
    given = {name: os.environ[name] for name in told if name in os.environ}
    given |= {
        "DJANGO_SETTINGS_MODULE": "prospectflow.settings",
        "DATABASE_URL": embedded.database_url(
            settings.LOCAL_DIRECTORY, database=conninfo_to_dict(owner_url)["dbname"]
        ),
        "REDIS_URL": settings.REDIS_URL,
        "SECRET_KEY": settings.SECRET_KEY,
        "TOKEN_KEYS": ",".join(settings.TOKEN_KEYS),
        "CREDENTIAL_KEYS": ",".join(settings.CREDENTIAL_KEYS),
        "PUBLIC_URL": settings.PUBLIC_URL,
        "ALLOWED_HOSTS": "127.0.0.1",
        "DEBUG": "on",
    }

    def start(*deadly):
        command = [sys.executable, "-c", WORKER, str(world.organisation_id), str(world.mailbox_id)]
        worker = subprocess.Popen(
            [*command, MORNING.isoformat(), *deadly],
            cwd=settings.BASE_DIR,
            env=given,
            stderr=subprocess.PIPE,
            text=True,
        )
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        worker.kill()
        worker.communicate()


@pytest.fixture
def task(world):
    """The first of two steps, approved and due."""
    with world.open() as mailbox:
        campaign = make_open_campaign(mailbox)
        first, _ = make_step(campaign), make_step(campaign, delay_days=4)
        return make_ready(campaign, workflow_step=first)


def ending(worker):
    _, complaint = worker.communicate(timeout=60)
    return worker.returncode, complaint


def kill_at(postbox, stage, worker_of):
    """Let the server end the worker at this stage of the conversation."""

    def kill(server, envelope):
        worker = worker_of()
        worker.kill()
        worker.wait()

    postbox.hooks[stage] = kill


def go_on(world, postbox):
    """What the other workers do afterwards, for three days."""
    postbox.hooks.clear()
    account_for_the_lost(world.organisation_id, now=MORNING + timedelta(minutes=30))
    for hour in range(1, 72):
        world.send(MORNING + timedelta(hours=hour))
        account_for_the_lost(world.organisation_id, now=MORNING + timedelta(hours=hour))


def outcome(world, task):
    with world.open():
        following = Task.objects.exclude(pk=task.pk).filter(enrollment_id=task.enrollment_id)
        return fresh(task).status, following.count()


def test_a_worker_that_is_left_alone_sends_one_mail(world, postbox, task, start_worker):
    assert ending(start_worker()) == (0, "")

    go_on(world, postbox)

    assert outcome(world, task) == ("sent", 1)
    assert len(postbox.mails) == 1


@pytest.mark.parametrize(
    ("deadly", "after", "copies"),
    [
        ("leasing.sending_order", "scheduled", 0),  # taken, not committed
        ("batches.smtp_account", "scheduled", 0),
        ("deciding._judged", "leased", 0),
        ("deciding._mark_leaving", "leased", 0),  # the mail is written, nothing committed
        ("delivering.transmit", "transmitting", 0),  # committed, no connection opened yet
        ("delivering.settle_accepted", "transmitting", 1),  # 250 was read, nothing written down
        ("settling.plan_held", "transmitting", 1),  # written down, nothing committed
    ],
)
def test_a_worker_killed_around_the_database_sends_no_second_mail_and_loses_none(
    world, postbox, task, start_worker, deadly, after, copies
):
    returncode, complaint = ending(start_worker(deadly))
    assert (returncode, complaint) == (-signal.SIGKILL, "")
    assert outcome(world, task) == (after, 0)
    assert len(postbox.mails) == copies

    go_on(world, postbox)

    if after != "transmitting":  # it never was to leave: another worker sends it
        assert outcome(world, task) == ("sent", 1)
        assert len(postbox.mails) == 1
    else:
        assert outcome(world, task) == ("unknown", 1)
        assert len(postbox.mails) == copies


@pytest.mark.parametrize(
    ("stage", "copies"),
    [
        ("EHLO", 0),
        ("MAIL", 0),
        ("RCPT", 0),
        ("TAKEN", 1),  # after the final dot, before 250
    ],
)
def test_a_worker_killed_in_the_conversation_sends_no_second_mail_and_loses_none(
    world, postbox, task, start_worker, stage, copies
):
    kill_at(postbox, stage, lambda: worker)
    worker = start_worker()

    assert ending(worker) == (-signal.SIGKILL, "")
    assert outcome(world, task) == ("transmitting", 0)
    assert len(postbox.mails) == copies
    go_on(world, postbox)

    assert outcome(world, task) == ("unknown", 1)
    assert len(postbox.mails) == copies


def test_three_workers_at_once_send_one_mail(world, postbox, task, start_worker):
    workers = [start_worker() for _ in range(3)]

    assert [ending(worker) for worker in workers] == [(0, "")] * 3
    assert outcome(world, task) == ("sent", 1)
    assert len(postbox.mails) == 1
