"""The worker: one organisation's trouble is a line in the log, and the others are served."""

import logging
import signal
import time
from datetime import timedelta

import pytest
from django.db import OperationalError

from iam.models import AuditEvent
from iam.services import record
from outreach.credentials import seal
from outreach.models import (
    Campaign,
    Draft,
    ImportFilePart,
    ImportUpload,
    Mailbox,
    Message,
    Task,
    WebhookDelivery,
    WebhookEndpoint,
    WorkflowStep,
)
from outreach.services.approval import approve
from outreach.states import DraftStatus, WebhookStatus
from outreach.tests.conversing import make_two_steps
from outreach.tests.mail_server import PASSWORD, MailServer, free_port, running_mail_server
from outreach.tests.making import MORNING, make_due
from prospectflow import jobs
from prospectflow.tenancy.context import tenant
from prospectflow.testing import processes
from prospectflow.testing.factories import make_mailbox, make_organisation, make_position
from prospectflow.testing.rows import make_row
from prospectflow.working import READ_EVERY, Worker

pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> MailServer:
    with running_mail_server(tmp_path_factory.mktemp("mail") / "log") as running:
        yield running


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.now = MORNING

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def worker(clock):
    return Worker("test", clock)


def found(server, name, **mailbox):
    """An organisation with a mailbox on the server and one first mail due."""
    organisation = make_organisation(name=name)
    account = {
        "address": f"{name}@acme.fr",
        "username": f"{name}@acme.fr",
        "sealed_password": seal(PASSWORD),
        "smtp_port": server.smtp_port,
        "imap_port": server.imap_port,
    }
    with tenant(organisation.pk):
        campaign = make_two_steps(make_mailbox(**(account | mailbox)))
        make_due(campaign, position=make_position(email=f"ada@{name}.example.com"))
    return organisation


def approve_all(organisation):
    with tenant(organisation.pk):
        for draft in Draft.objects.to_review():
            approve(draft, at=MORNING, rule="test")


def sent(organisation):
    with tenant(organisation.pk):
        return Message.objects.outbound().filter(status="sent").count()


def drafts(organisation):
    with tenant(organisation.pk):
        return list(Draft.objects.values_list("status", flat=True))


def read_at(organisation):
    with tenant(organisation.pk):
        return Mailbox.objects.get().last_synced_at


def test_drafts_are_written_and_wait_until_a_person_approves(server, worker):
    acme = found(server, "waiting")

    assert worker.round() == 0
    assert drafts(acme) == [DraftStatus.PENDING]
    approve_all(acme)

    assert worker.round() == 1
    assert sent(acme) == 1


def test_a_campaign_that_does_not_run_gets_no_drafts(server, worker):
    acme = found(server, "paused")
    with tenant(acme.pk):
        Campaign.objects.update(status="paused")

    worker.round()

    assert drafts(acme) == []


def test_a_template_that_breaks_keeps_only_its_own_drafts_back(server, worker, caplog):
    acme = found(server, "broken")
    with tenant(acme.pk):
        WorkflowStep.objects.update(body_template="{% for %}")
        make_due(make_two_steps(Mailbox.objects.get()))

    worker.round()

    assert drafts(acme) == [DraftStatus.PENDING]
    assert [record.message[:12] for record in caplog.records] == ["No draft for"]


def test_a_position_that_lost_its_address_keeps_nobody_back(server, worker, caplog):
    acme = found(server, "nameless")
    with tenant(acme.pk):
        task = make_due(Campaign.objects.get())
        task.enrollment.position.email = None
        task.enrollment.position.save()

    worker.round()

    assert drafts(acme) == [DraftStatus.PENDING]
    assert caplog.records == []


def test_mailboxes_are_read_every_five_minutes_also_where_nothing_is_due(server, worker, clock):
    acme = found(server, "reading")
    with tenant(acme.pk):
        Task.objects.all().delete()
    instants = []
    for minutes in (0, 2, 4, 6, 8, 12):
        clock.now = MORNING + timedelta(minutes=minutes)
        worker.round()
        instants.append(read_at(acme) - MORNING)

    assert [each / timedelta(minutes=1) for each in instants] == [0, 0, 0, 6, 6, 12]
    assert timedelta(minutes=5) == READ_EVERY


def test_a_clock_that_was_set_back_keeps_nobody_from_being_heard(server, worker, clock):
    acme = found(server, "back")
    worker.round()
    clock.now -= timedelta(days=1)

    worker.round()

    assert read_at(acme) == MORNING - timedelta(days=1)


def test_once_a_day_what_was_kept_long_enough_is_forgotten(worker, clock, settings):
    acme, settings.AUDIT_RETENTION_DAYS = make_organisation(), 100

    def tell(days: int) -> None:
        with tenant(acme.pk):
            record("told", at=clock.now - timedelta(days=days))

    def kept() -> int:
        with tenant(acme.pk):
            return AuditEvent.objects.filter(action="told").count()

    tell(101)
    tell(99)
    worker.round()
    assert kept() == 1

    tell(102)
    clock.now += timedelta(hours=23)
    worker.round()
    assert kept() == 2

    clock.now += timedelta(hours=2)
    worker.round()
    assert kept() == 0  # the one of 99 days is 100 days old by now


def test_what_organisations_kept_long_enough_is_forgotten_too(worker, clock):
    busy, idle = make_organisation(slug="busy"), make_organisation(slug="idle")
    long_ago = clock.now - timedelta(days=31)
    for each in (busy, idle):
        with tenant(each.pk):
            endpoint = make_row(WebhookEndpoint, status=WebhookStatus.DISABLED)
            make_row(WebhookDelivery, endpoint=endpoint, at=long_ago, due_at=long_ago)
            upload = make_row(ImportUpload, uploaded_at=long_ago)
            make_row(ImportFilePart, upload=upload, number=0, content=b"siren")

    worker.round()

    for each in (busy, idle):
        with tenant(each.pk):
            assert not WebhookDelivery.objects.exists()
            assert ImportUpload.objects.exists()
            assert not ImportFilePart.objects.exists()


def test_two_workers_do_not_read_a_mailbox_twice(server, clock):
    acme = found(server, "shared")
    Worker("one", clock).round()
    clock.now += timedelta(minutes=1)

    Worker("two", clock).round()

    assert read_at(acme) == MORNING


def test_a_mailbox_that_cannot_be_read_still_sends_first_mails_and_stops_nobody(
    server, worker, caplog
):
    port = free_port()
    deaf, other = found(server, "deaf", imap_port=port), found(server, "hearing")
    worker.round()
    for each in (deaf, other):
        approve_all(each)

    assert worker.round() == 2

    assert (sent(deaf), sent(other)) == (1, 1)
    assert (read_at(deaf), read_at(other)) == (None, MORNING)
    (told,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert f"127.0.0.1:{port} cannot be reached" in told.message
    assert told.exc_info is None


def test_whatever_breaks_for_one_organisation_the_others_are_served(
    server, worker, caplog, monkeypatch
):
    bad, good = found(server, "bad"), found(server, "good")
    worker.round()
    approve_all(good)
    whole = jobs.speak

    def breaks(organisation_id, **options):
        if organisation_id == bad.pk:
            raise ZeroDivisionError
        return whole(organisation_id, **options)

    monkeypatch.setattr(jobs, "speak", breaks)
    caplog.clear()

    assert worker.round() == 1
    (told,) = caplog.records
    assert str(bad.pk) in told.message
    assert told.exc_info is not None


def test_a_database_that_is_away_is_one_line_and_the_next_round_goes_on(
    server, worker, caplog, monkeypatch
):
    def away(**_):
        raise OperationalError("connection failed:\n\tis the server running?")

    monkeypatch.setattr(jobs, "organisations_with_due_tasks", away)

    assert worker.round() == 0
    (told,) = caplog.records
    assert told.message.endswith("connection failed: is the server running?")
    monkeypatch.undo()
    assert worker.round() == 0


def test_told_to_stop_it_begins_no_further_mail(server, worker, monkeypatch):
    organisations = [found(server, f"stop{n}") for n in range(3)]
    worker.round()
    for each in organisations:
        approve_all(each)
    whole = jobs.send_next

    def ends_meanwhile(*arguments, **options):
        worker.stopping = True
        return whole(*arguments, **options)

    monkeypatch.setattr(jobs, "send_next", ends_meanwhile)

    assert worker.round() == 1
    assert sorted(sent(each) for each in organisations) == [0, 0, 1]


def test_the_command_serves_once_and_ends(server):
    acme = found(server, "once")

    code, _, complained = processes.run("work", "--once")

    assert (code, complained) == (0, "")
    assert read_at(acme) is not None


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_command_in_peace(server, ending):
    acme = found(server, "signalled")
    with processes.start("work", "--pause", "300") as process:
        try:
            while read_at(acme) is None and process.poll() is None:
                time.sleep(0.05)
            process.send_signal(ending)
            _, complained = process.communicate(timeout=60)
        finally:
            process.kill()

    assert (process.returncode, complained) == (0, "")


def test_an_impossible_pause_is_refused():
    code, _, complained = processes.run("work", "--pause", "-1")

    assert (code, complained.splitlines()) == (
        2,
        ["CommandError: --pause must be from 0 to 300 seconds."],
    )
