"""What workers do by themselves: each task does its own, and leaves a job for when it must wait."""

import logging
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from iam.models import AuditEvent
from iam.services import record
from outreach.models import (
    Campaign,
    ImportFilePart,
    ImportUpload,
    Mailbox,
    Platform,
    Task,
    WebhookDelivery,
    WebhookEndpoint,
    WorkflowStep,
)
from outreach.states import DraftStatus, WebhookStatus
from outreach.tests.conversing import make_two_steps
from outreach.tests.mail_server import MailServer, free_port, running_mail_server
from outreach.tests.making import make_due
from prospectflow import jobs, tasks
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_organisation
from prospectflow.testing.rows import make_row
from prospectflow.tests.workplace import (
    AT_ANY_HOUR,
    approve_all,
    drafts,
    forget_jobs,
    found,
    mailbox_of,
    sent,
)

pytestmark = pytest.mark.usefixtures("committed")

MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> MailServer:
    with running_mail_server(tmp_path_factory.mktemp("mail") / "log") as running:
        yield running


def going_on() -> bool:
    return False


def do(task, organisation, *, stopping=going_on):
    """Run the task for this organisation, or for its mailbox."""
    ids = {"organisation_id": organisation.pk}
    if task in (tasks.send_mailbox, tasks.read_mailbox):
        ids["mailbox_id"] = mailbox_of(organisation).pk
    task(**ids, stopping=stopping)


def waiting():
    """In how many minutes which task is to run."""
    now = timezone.now()
    return {
        job.task_name.partition(".")[2]: round((job.scheduled_at - now) / MINUTE)
        for job in ProcrastinateJob.objects.all()
    }


def ready(server, name, **mailbox):
    """An organisation whose inbox was read and whose mail is approved: it may leave at once."""
    now = timezone.now()
    organisation = found(server, name, at=now, **(AT_ANY_HOUR | mailbox))
    do(tasks.read_mailbox, organisation)
    do(tasks.write_drafts, organisation)
    approve_all(organisation, at=now)
    forget_jobs()
    return organisation


# Reading ----------------------------------------------------------------------------------------


def test_a_mailbox_is_read_and_what_came_is_counted_in_a_minute(server):
    acme = found(server, "reading")
    do(tasks.read_mailbox, acme)

    assert mailbox_of(acme).last_synced_at is not None
    assert waiting() == {"count_statistics": 1}


def test_a_mailbox_that_cannot_be_read_is_one_line_and_is_tried_again_in_five_minutes(
    server, caplog
):
    port = free_port()
    deaf = found(server, "deaf", imap_port=port)
    do(tasks.read_mailbox, deaf)

    assert waiting() == {"count_statistics": 1, "read_mailbox": 5}
    (told,) = caplog.records
    assert told.message.startswith("Mailbox deaf@acme.fr was not read: ")
    assert f"127.0.0.1:{port} cannot be reached" in told.message
    assert told.exc_info is None


def test_a_mailbox_that_was_deleted_meanwhile_asks_for_nothing_more(server, caplog):
    acme = found(server, "gone")
    for task in (tasks.read_mailbox, tasks.send_mailbox):
        task(acme.pk, uuid4(), stopping=going_on)

    assert waiting() == {"count_statistics": 1}
    assert caplog.records == []


def test_in_a_restored_database_no_inbox_is_read(server):
    acme = found(server, "restored")
    Platform.objects.update(database_mark="another")
    do(tasks.read_mailbox, acme)

    assert mailbox_of(acme).last_synced_at is None
    assert waiting()["read_mailbox"] == 5


# In doubt ---------------------------------------------------------------------------------------


def test_while_a_mail_is_in_doubt_reading_has_it_looked_for(server):
    acme = in_doubt(server, "doubtful")
    do(tasks.read_mailbox, acme)
    assert waiting()["look_for_doubtful"] == 10

    forget_jobs()
    with tenant(acme.pk):
        Task.objects.update(scheduled_for=timezone.now() - timedelta(days=4))
    do(tasks.read_mailbox, acme)
    assert "look_for_doubtful" not in waiting()


def in_doubt(server, name, **mailbox):
    """An organisation whose one mail left, or did not."""
    organisation = ready(server, name, **mailbox)
    with tenant(organisation.pk):
        Task.objects.update(status="unknown")
    return organisation


def test_a_mailbox_whose_sent_mails_cannot_be_read_is_one_line(server, caplog):
    acme = in_doubt(server, "unseen")
    with tenant(acme.pk):
        Mailbox.objects.update(imap_port=free_port())
    caplog.clear()
    do(tasks.look_for_doubtful, acme)

    (told,) = caplog.records
    assert told.message.startswith("Mails in doubt were not looked for: unseen@acme.fr: ")


# Drafts -----------------------------------------------------------------------------------------


def test_drafts_are_written_and_wait_until_a_person_approves(server):
    acme = found(server, "waiting", at=timezone.now(), **AT_ANY_HOUR)
    do(tasks.read_mailbox, acme)
    do(tasks.write_drafts, acme)
    do(tasks.send_mailbox, acme)

    assert (drafts(acme), sent(acme)) == ([DraftStatus.PENDING], 0)
    approve_all(acme, at=timezone.now())
    do(tasks.send_mailbox, acme)
    assert sent(acme) == 1


def test_drafts_are_looked_after_every_minute_while_something_is_due(server):
    acme = found(server, "due", at=timezone.now())
    do(tasks.write_drafts, acme)
    assert waiting() == {"write_drafts": 1}

    forget_jobs()
    with tenant(acme.pk):
        Task.objects.update(scheduled_for=timezone.now() + timedelta(days=3))
    do(tasks.write_drafts, acme)
    assert waiting() == {}


def test_a_campaign_that_does_not_run_gets_no_drafts(server):
    acme = found(server, "paused", at=timezone.now())
    with tenant(acme.pk):
        Campaign.objects.update(status="paused")
    do(tasks.write_drafts, acme)

    assert drafts(acme) == []


def test_a_template_that_breaks_keeps_only_its_own_drafts_back(server, caplog):
    acme = found(server, "broken", at=timezone.now())
    with tenant(acme.pk):
        WorkflowStep.objects.update(body_template="{% for %}")
        make_due(make_two_steps(Mailbox.objects.get()), at=timezone.now())
    do(tasks.write_drafts, acme)

    assert drafts(acme) == [DraftStatus.PENDING]
    assert [record.message[:12] for record in caplog.records] == ["No draft for"]


def test_a_position_that_lost_its_address_keeps_nobody_back(server, caplog):
    acme = found(server, "nameless", at=timezone.now())
    with tenant(acme.pk):
        task = make_due(Campaign.objects.get(), at=timezone.now())
        task.enrollment.position.email = None
        task.enrollment.position.save()
    do(tasks.write_drafts, acme)

    assert drafts(acme) == [DraftStatus.PENDING]
    assert caplog.records == []


# Sending ----------------------------------------------------------------------------------------


def test_what_may_leave_leaves_and_no_job_is_left(server):
    acme = ready(server, "sending")
    do(tasks.send_mailbox, acme)

    assert sent(acme) == 1
    assert waiting() == {}


def test_a_mailbox_with_a_pace_sends_one_mail_and_is_asked_again_when_the_next_may_leave(server):
    acme = ready(server, "paced", pace_min_seconds=120, pace_max_seconds=120)
    another(acme)
    do(tasks.send_mailbox, acme)

    assert sent(acme) == 1
    assert waiting() == {"send_mailbox": 2}


def another(organisation):
    """One more mail that may leave at once."""
    with tenant(organisation.pk):
        make_due(Campaign.objects.get(), at=timezone.now())
    do(tasks.write_drafts, organisation)
    approve_all(organisation, at=timezone.now())
    forget_jobs()


def test_a_mailbox_without_a_pace_sends_all_there_is(server):
    acme = ready(server, "fast", pace_min_seconds=0, pace_max_seconds=0)
    another(acme)
    another(acme)
    do(tasks.send_mailbox, acme)

    assert sent(acme) == 3


def test_what_nobody_foresaw_in_one_mailbox_is_traced_and_its_job_ends(server, caplog, monkeypatch):
    acme = ready(server, "unforeseen")
    caplog.clear()

    def breaks(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(jobs, "send_from", breaks)
    do(tasks.send_mailbox, acme)

    (told,) = caplog.records
    assert told.message == f"Mailbox {mailbox_of(acme).pk} did not send"
    assert told.exc_info is not None


def test_a_database_that_is_away_is_one_line(server, caplog, monkeypatch):
    acme = ready(server, "away")
    caplog.clear()

    def away(*_, **__):
        raise OperationalError("connection failed:\n\tis the server running?")

    monkeypatch.setattr(jobs, "send_from", away)
    do(tasks.send_mailbox, acme)

    (told,) = caplog.records
    assert told.message.endswith("did not send: connection failed: is the server running?")
    assert told.levelno == logging.WARNING


# Once a day -------------------------------------------------------------------------------------


def test_once_a_day_what_was_kept_long_enough_is_forgotten_and_tomorrow_again(settings):
    acme, settings.AUDIT_RETENTION_DAYS = make_organisation(), 100
    with tenant(acme.pk):
        for days in (99, 101):
            record("told", at=timezone.now() - timedelta(days=days))
    tasks.begin_day(stopping=going_on)

    with tenant(acme.pk):
        assert AuditEvent.objects.filter(action="told").count() == 1
    jobs_waiting = ProcrastinateJob.objects.order_by("pk")
    assert [job.task_name for job in jobs_waiting] == [
        "prospectflow.look_after",
        "prospectflow.begin_day",
    ]
    assert jobs_waiting[1].scheduled_at - timezone.now() > timedelta(hours=23)


def test_every_day_the_mailboxes_domains_are_looked_at(server, monkeypatch):
    acme, looked = found(server, "domains"), []
    monkeypatch.setattr(tasks, "check_domain", lambda *ids, now: looked.append(ids))
    do(tasks.look_after, acme)
    assert looked == [(acme.pk, mailbox_of(acme).pk)]

    do(tasks.look_after, acme, stopping=lambda: True)
    assert len(looked) == 1


def test_tomorrow_comes_though_nothing_could_be_forgotten(caplog, monkeypatch):
    def breaks(**_):
        raise ZeroDivisionError

    monkeypatch.setattr(jobs, "forget", breaks)
    tasks.begin_day(stopping=going_on)

    assert [job.task_name for job in ProcrastinateJob.objects.all()] == ["prospectflow.begin_day"]
    assert [record.message for record in caplog.records] == ["Nothing was forgotten"]


def test_what_an_organisation_kept_long_enough_is_forgotten_too():
    idle = make_organisation(slug="idle")
    long_ago = timezone.now() - timedelta(days=31)
    with tenant(idle.pk):
        endpoint = make_row(WebhookEndpoint, status=WebhookStatus.DISABLED)
        make_row(WebhookDelivery, endpoint=endpoint, at=long_ago, due_at=long_ago)
        upload = make_row(ImportUpload, uploaded_at=long_ago)
        make_row(ImportFilePart, upload=upload, number=0, content=b"siren")
    do(tasks.look_after, idle)

    with tenant(idle.pk):
        assert not WebhookDelivery.objects.exists()
        assert ImportUpload.objects.exists()
        assert not ImportFilePart.objects.exists()
