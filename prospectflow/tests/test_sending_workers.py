"""Real workers that send: told to stop, killed, cut off and paused; no mail leaves twice."""

import signal
import time
from contextlib import ExitStack
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from outreach.credentials import seal
from outreach.models import Campaign, Enrollment, Mailbox, Task
from outreach.services import switches
from outreach.services.campaigns import pause
from outreach.services.mailboxes import move_mailbox
from outreach.services.suppressing import suppress_address
from outreach.tests.mail_server import PASSWORD
from outreach.tests.making import make_open_campaign, make_ready
from prospectflow import jobs, tasks
from prospectflow.tenancy.context import tenant
from prospectflow.testing import processes
from prospectflow.testing.factories import make_mailbox, make_organisation, make_step
from prospectflow.tests.stubborn import (
    CONTENT,
    END,
    GREETING,
    RECIPIENT,
    SLOWLY,
    StubbornServer,
    stubborn_server,
)
from prospectflow.tests.workplace import AT_ANY_HOUR

PATIENCE_SECONDS = 60
NO_PACE = {"pace_min_seconds": 0, "pace_max_seconds": 0, "daily_limit": 2000}

pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture(autouse=True)
def _ticking(monkeypatch):
    monkeypatch.setenv("WORKER_TICK_SECONDS", "1")
    monkeypatch.setenv("WORKER_STALLED_SECONDS", "2")


@pytest.fixture
def server():
    with stubborn_server() as running:
        yield running


@pytest.fixture
def start():
    """Start workers that send and nothing else; they do not outlive the test."""
    with ExitStack() as stack:

        def start():
            process = stack.enter_context(processes.start("worker", "--queues", "sending"))
            stack.callback(process.kill)
            return process

        yield start


def due(server: StubbornServer, mails: int = 1, **mailbox):
    """An organisation whose mailbox may send so many mails at once; its inbox was just read."""
    organisation, now = make_organisation(), timezone.now()
    account = {
        "username": "",
        "sealed_password": seal(PASSWORD),
        "smtp_port": server.port,
        "last_synced_at": now,
    }
    with tenant(organisation.pk):
        campaign = make_open_campaign(make_mailbox(**(account | AT_ANY_HOUR | NO_PACE | mailbox)))
        make_step(campaign)
        for _ in range(mails):
            make_ready(campaign, at=now)
    return organisation


def until(holds):
    """Wait until it holds; what never does fails the test."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := holds()):
        assert time.monotonic() < end, "It never came to be."
        time.sleep(0.05)
    return found


def statuses(organisation):
    with tenant(organisation.pk):
        return sorted(Task.objects.values_list("status", flat=True))


def nobody_sends():
    """No job sends, and no mail is in the air."""
    return not ProcrastinateJob.objects.filter(status="doing", queue_name="sending").exists()


def nobody_twice(server):
    recipients = [recipient for recipient, _ in server.taken]
    identifiers = [identifier for _, identifier in server.taken]
    return (
        len(set(server.begun)) == len(server.begun)
        and len(set(recipients)) == len(recipients)
        and len(set(identifiers)) == len(identifiers)
    )


# As it should be --------------------------------------------------------------------------------


def test_a_worker_finds_by_itself_what_is_due_and_sends_it(server, start):
    acme, other = due(server, 3), due(server, 2)
    start()
    until(lambda: len(server.taken) == 5)
    until(nobody_sends)

    assert statuses(acme) == ["sent"] * 3
    assert statuses(other) == ["sent"] * 2
    assert nobody_twice(server)


def test_a_tick_and_a_worker_that_does_not_tick_do_the_same(server, monkeypatch):
    monkeypatch.setenv("WORKER_TICK_SECONDS", "0")
    acme = due(server, 2)
    processes.run("worker", "--one-shot")
    assert server.taken == []

    processes.run("tick")
    code, _, complained = processes.run("worker", "--one-shot", "--queues", "sending")
    assert (code, complained) == (0, "")
    assert statuses(acme) == ["sent"] * 2


def test_many_workers_send_each_mail_once(server, start):
    server.pause = 0.05
    organisations = [due(server, 6) for _ in range(4)]
    for _ in range(3):
        start()
    until(lambda: len(server.taken) == 24)
    until(nobody_sends)

    assert [statuses(each) for each in organisations] == [["sent"] * 6] * 4
    assert nobody_twice(server)


def test_a_server_that_hangs_keeps_no_other_mailbox_from_sending(server, start):
    server.hangs_at = GREETING
    due(server)
    with stubborn_server() as good:
        acme = due(good, 3)
        start()
        server.hung.wait(PATIENCE_SECONDS)
        until(lambda: statuses(acme) == ["sent"] * 3)


def test_a_worker_whose_sessions_are_ended_goes_on_and_sends_nothing_twice(server, start):
    server.pause = 0.1
    due(server, 10)
    worker = start()
    until(lambda: len(server.taken) >= 3)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND datname = current_database() AND application_name = 'worker'"
        )
    fresh = due(server, 1)
    until(lambda: statuses(fresh) == ["sent"])

    assert worker.poll() is None
    assert nobody_twice(server)


# Told to stop -----------------------------------------------------------------------------------


def test_told_to_stop_no_further_mail_is_begun(server):
    acme = due(server, 3)
    with tenant(acme.pk):
        mailbox = Mailbox.objects.get().pk
    tasks.send_mailbox(acme.pk, mailbox, stopping=lambda: len(server.taken) == 1)

    assert len(server.begun) == 1
    assert statuses(acme) == ["scheduled", "scheduled", "sent"]


@pytest.mark.faults
@pytest.mark.parametrize("hangs_at", [CONTENT, END, SLOWLY])
def test_a_mail_whose_content_has_begun_is_in_doubt_and_never_sent_again(server, start, hangs_at):
    server.hangs_at = hangs_at
    acme = due(server, 2)
    worker = start()
    server.hung.wait(PATIENCE_SECONDS)
    worker.send_signal(signal.SIGTERM)

    assert worker.wait(PATIENCE_SECONDS) == 0
    assert statuses(acme) == ["scheduled", "unknown"]
    server.hangs_at = ""
    with tenant(acme.pk):
        Mailbox.objects.update(next_send_at=None)  # a server that did not answer is left alone
    start()
    until(lambda: statuses(acme) == ["sent", "unknown"])
    assert nobody_twice(server)


@pytest.mark.faults
@pytest.mark.parametrize("hangs_at", [GREETING, RECIPIENT])
def test_a_mail_whose_content_has_not_begun_waits_as_before_and_is_sent_later(
    server, start, hangs_at
):
    server.hangs_at = hangs_at
    acme = due(server, 2)
    worker = start()
    server.hung.wait(PATIENCE_SECONDS)
    worker.send_signal(signal.SIGTERM)

    assert worker.wait(PATIENCE_SECONDS) == 0
    assert statuses(acme) == ["scheduled", "scheduled"]
    with tenant(acme.pk):
        mailbox = Mailbox.objects.get()
        assert (mailbox.status, mailbox.status_reason) == ("active", "")
    server.hangs_at = ""
    start()
    until(lambda: statuses(acme) == ["sent", "sent"])
    assert nobody_twice(server)


@pytest.mark.faults
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_in_the_air_at_a_second_signal_or_a_kill_is_in_doubt_when_its_lease_ends(
    server, start, ending
):
    server.hangs_at = CONTENT
    acme = due(server, 2, pace_min_seconds=1, pace_max_seconds=1)
    worker = start()
    server.hung.wait(PATIENCE_SECONDS)
    if ending == signal.SIGTERM:
        worker.send_signal(signal.SIGTERM)
        time.sleep(0.5)
    worker.send_signal(ending)

    assert worker.wait(PATIENCE_SECONDS) == -ending
    server.hangs_at = ""
    end_leases(acme)
    assert jobs.account_for_the_lost(acme.pk, now=timezone.now()) == 1
    start()
    until(lambda: statuses(acme) == ["sent", "unknown"])
    assert nobody_twice(server)


def end_leases(organisation):
    """As if the time of every lease had passed."""
    with tenant(organisation.pk):
        long_ago = timezone.now() - timedelta(hours=1)
        Task.objects.exclude(leased_until=None).update(locked_at=long_ago, leased_until=long_ago)


# Paused -----------------------------------------------------------------------------------------


def pause_campaign(organisation):
    pause(Campaign.objects.get(), at=timezone.now())


def pause_enrolments(organisation):
    Enrollment.objects.filter(state="active").update(state="paused")


def pause_mailbox(organisation):
    move_mailbox(Mailbox.objects.get(), "paused", reason="Enough.")


def stop_organisation(organisation):
    switches.stop_organisation(reason="Enough.", at=timezone.now())


def stop_everything(organisation):
    switches.stop_platform(reason="Enough.", at=timezone.now())


def suppress_everybody(organisation):
    for address in Enrollment.objects.values_list("position__email", flat=True):
        suppress_address(address, reason="unsubscribed", source="test", at=timezone.now())


@pytest.mark.parametrize(
    "stop",
    [
        pause_campaign,
        pause_enrolments,
        pause_mailbox,
        stop_organisation,
        stop_everything,
        suppress_everybody,
    ],
)
def test_nothing_but_the_mail_in_the_air_leaves_after_a_stop(server, start, stop):
    server.pause = 0.2
    acme = due(server, 30)
    start()
    until(lambda: len(server.taken) >= 2)
    with tenant(acme.pk):
        stop(acme)
    begun = len(server.begun)
    until(nobody_sends)

    assert begun <= len(server.taken) <= begun + 1
    assert len(server.taken) < 30
    assert set(statuses(acme)) <= {"sent", "scheduled", "deferred", "cancelled", "skipped"}
    assert statuses(acme).count("sent") == len(server.taken)
