"""The workers' jobs: one mailbox's or one task's trouble is its own."""

from datetime import timedelta

import psycopg
import pytest

from outreach.credentials import seal
from outreach.inbox.imap import ImapError
from outreach.models import Campaign, Mailbox, Message, Task, WorkflowStep
from outreach.states import MailboxStatus
from outreach.tests.conversing import make_two_steps
from outreach.tests.mail_server import PASSWORD, MailServer, running_mail_server
from outreach.tests.making import MORNING, make_due
from prospectflow import jobs
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_mailbox, make_position
from prospectflow.tests.workplace import approve_all, drafts, found, sent

pytestmark = pytest.mark.usefixtures("committed")

EVERY = timedelta(minutes=5)
AHEAD = timedelta(hours=1)
QUARTER = timedelta(minutes=15)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> MailServer:
    with running_mail_server(tmp_path_factory.mktemp("mail") / "log") as running:
        yield running


def also(server, organisation, name, **fields):
    """Another mailbox of the organisation on the server."""
    account = {
        "address": f"{name}@acme.fr",
        "username": f"{name}@acme.fr",
        "sealed_password": seal(PASSWORD),
        "smtp_port": server.smtp_port,
        "imap_port": server.imap_port,
    }
    with tenant(organisation.pk):
        return make_mailbox(**(account | fields))


def change(organisation, **fields):
    with tenant(organisation.pk):
        Mailbox.objects.update(**fields)


def read(organisation):
    """When which mailbox was read."""
    with tenant(organisation.pk):
        return dict(Mailbox.objects.values_list("address", "last_synced_at"))


def health(organisation, mailbox):
    with tenant(organisation.pk):
        found = Mailbox.objects.get(pk=mailbox.pk)
        return found.status, found.status_reason


def write(organisation, *, limit=9, now=MORNING):
    return jobs.write_due_drafts(organisation.pk, now=now, ahead=AHEAD, limit=limit)


def test_a_password_no_key_opens_breaks_its_own_mailbox_only(server):
    acme = found(server, "keyless")
    change(acme, last_synced_at=MORNING - EVERY)
    bad = also(server, acme, "sealed", sealed_password="garbage")

    with pytest.raises(ImapError, match=r"sealed@acme\.fr: No key in CREDENTIAL_KEYS opens"):
        jobs.read_inboxes(acme.pk, now=MORNING)

    assert read(acme) == {"keyless@acme.fr": MORNING, "sealed@acme.fr": None}
    status, reason = health(acme, bad)
    assert status == MailboxStatus.BROKEN
    assert reason.startswith("No key in CREDENTIAL_KEYS")


def test_a_password_the_server_refuses_breaks_its_mailbox(server):
    acme = found(server, "refused")
    bad = also(server, acme, "wrong", sealed_password=seal("not this one"))

    with pytest.raises(ImapError, match=r"wrong@acme\.fr"):
        jobs.read_inboxes(acme.pk, now=MORNING)

    status, reason = health(acme, bad)
    assert (status, "password" in reason) == (MailboxStatus.BROKEN, True)


def test_a_mailbox_that_somebody_paused_keeps_its_reason(server):
    acme = found(server, "kept")
    paused = {"status": MailboxStatus.PAUSED, "status_reason": "listed by Spamhaus"}
    bad = also(server, acme, "twice", sealed_password="garbage", **paused)

    with pytest.raises(ImapError):
        jobs.read_inboxes(acme.pk, now=MORNING)

    assert health(acme, bad) == (MailboxStatus.PAUSED, "listed by Spamhaus")


def test_what_nobody_foresaw_in_one_mailbox_keeps_none_unread(server, caplog, monkeypatch):
    acme = found(server, "foreseen")
    change(acme, last_synced_at=MORNING - EVERY)
    bad = also(server, acme, "surprise")
    whole = jobs.read_mailbox

    def breaks(organisation_id, mailbox_id, **options):
        if mailbox_id == bad.pk:
            raise ZeroDivisionError
        return whole(organisation_id, mailbox_id, **options)

    monkeypatch.setattr(jobs, "read_mailbox", breaks)

    assert jobs.read_inboxes(acme.pk, now=MORNING) == 0

    assert read(acme) == {"foreseen@acme.fr": MORNING, "surprise@acme.fr": None}
    (told,) = caplog.records
    assert "surprise@acme.fr" in told.message
    assert told.exc_info is not None
    assert health(acme, bad)[0] == MailboxStatus.ACTIVE


@pytest.mark.parametrize("status", [MailboxStatus.PAUSED, MailboxStatus.BROKEN])
def test_a_mailbox_that_may_not_send_is_read_all_the_same(server, status):
    acme = found(server, f"still{status}", status=status)

    jobs.read_inboxes(acme.pk, now=MORNING)

    assert list(read(acme).values()) == [MORNING]


def test_a_mailbox_read_in_the_future_is_read_again(server):
    acme = found(server, "future")
    change(acme, last_synced_at=MORNING + timedelta(days=1))

    jobs.read_inboxes(acme.pk, now=MORNING, every=EVERY)

    assert list(read(acme).values()) == [MORNING]


def ready(server, name):
    """An organisation whose two mailboxes each have an approved mail."""
    acme = found(server, name)
    second = also(server, acme, f"{name}2")
    with tenant(acme.pk):
        make_due(make_two_steps(second), position=make_position(email=f"bea@{name}.example.com"))
    assert write(acme) == 2
    approve_all(acme)
    return acme


def test_whatever_breaks_for_one_mailbox_the_others_send(server, caplog, monkeypatch):
    acme = ready(server, "guarded")
    whole, begun = jobs.send_next, []

    def breaks_first(*arguments, **options):
        begun.append(arguments[1])
        if len(begun) == 1:
            raise ZeroDivisionError
        return whole(*arguments, **options)

    monkeypatch.setattr(jobs, "send_next", breaks_first)

    assert len(jobs.send_due(acme.pk, clock=lambda: MORNING, worker="test")) == 1

    assert sent(acme) == 1
    (told,) = caplog.records
    assert told.message == f"Mailbox {begun[0]} did not send"


def test_each_mail_leaves_by_the_hour_it_is_begun_at(server):
    acme = ready(server, "ticking")
    hours = iter(MORNING + timedelta(minutes=n) for n in range(9))

    jobs.send_due(acme.pk, clock=lambda: next(hours), worker="test")

    with tenant(acme.pk):
        left = sorted(Message.objects.outbound().values_list("sent_at", flat=True))
    assert [each - MORNING for each in left] == [timedelta(minutes=1), timedelta(minutes=2)]


def refused(server, name):
    """An organisation with a task whose template is refused, and a later one that is fine."""
    acme = found(server, name)
    with tenant(acme.pk):
        WorkflowStep.objects.update(body_template="{% for %}")
        bad = Task.objects.get()
        make_due(make_two_steps(Mailbox.objects.get()), at=MORNING + timedelta(minutes=30))
    return acme, bad


def test_a_refused_draft_says_so_on_its_task_and_starves_nobody(server, caplog):
    acme, bad = refused(server, "starving")

    assert [write(acme, limit=1) for _ in range(3)] == [0, 1, 0]

    with tenant(acme.pk):
        bad.refresh_from_db()
    assert bad.scheduled_for == MORNING + QUARTER
    (told,) = caplog.records
    assert told.message.endswith(bad.last_error)


def test_a_refused_draft_is_written_as_soon_as_its_template_is_mended(server):
    acme, bad = refused(server, "mended")
    write(acme)
    with tenant(acme.pk):
        WorkflowStep.objects.update(body_template="Bonjour.")

    assert write(acme) == 1

    with tenant(acme.pk):
        bad.refresh_from_db()
    assert bad.last_error is None


def test_what_nobody_foresaw_in_one_draft_is_traced_once_and_keeps_none_back(
    server, caplog, monkeypatch
):
    acme = found(server, "unforeseen")
    with tenant(acme.pk):
        bad = Task.objects.get()
        make_due(Campaign.objects.get())
    whole = jobs.compose

    def breaks(task, *, at):
        return 1 / 0 if task.pk == bad.pk else whole(task, at=at)

    monkeypatch.setattr(jobs, "compose", breaks)

    assert [write(acme), write(acme)] == [1, 0]

    (told,) = caplog.records
    assert told.exc_info is not None
    with tenant(acme.pk):
        bad.refresh_from_db()
    assert bad.last_error == jobs.UNDRAFTED


def test_a_task_that_another_worker_drafts_is_left_to_it(server, owner_url):
    acme = found(server, "double")

    with psycopg.connect(owner_url) as other:
        other.execute("SELECT set_config('app.organisation_id', %s, true)", [str(acme.pk)])
        locked = other.execute("SELECT id FROM outreach.tasks FOR UPDATE").fetchall()
        meanwhile = write(acme)

    assert (len(locked), meanwhile, write(acme)) == (1, 0, 1)
    assert drafts(acme) == ["pending"]
