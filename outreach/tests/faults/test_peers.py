"""Servers that refuse, hang, cut the line or talk nonsense: once each mail, and the truth of it."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Address
from ssl import PROTOCOL_TLS_SERVER, SSLContext

import pytest
from cryptography import x509

from outreach.models import Mailbox, Task
from outreach.services.sending import batches, send_batch
from outreach.states import MailboxStatus
from outreach.tests.certificates import make_certificate
from outreach.tests.faults.judging import AT_ONCE, hold_nobody_lost, hold_to_account, prepare
from outreach.tests.faults.peers import STAGES, dribbles, hangs, hangs_up, peer
from outreach.tests.making import MORNING
from outreach.tests.postbox import World

pytestmark = pytest.mark.faults

HOUR = timedelta(hours=1)
MAILS = 3
SAYS = {
    "421": b"421 4.3.2 Shutting down\r\n",
    "451": b"451 4.3.0 Try again later\r\n",
    "550": b"550 5.1.1 User unknown\r\n",
    "garbage": b"\xff\xfe\x00 what?\r\n",
    "a line without end": b"250 " + b"x" * 20_000 + b"\r\n",
}
MISDEEDS = SAYS | {"hangs": hangs, "hangs up": hangs_up}
NOBODY_KNOWS = {"garbage", "a line without end", "hangs", "hangs up"}


@pytest.fixture
def impatient(monkeypatch):
    """A sender that waits half a second for any answer, instead of up to ten minutes."""
    patient = batches.smtp_account
    monkeypatch.setattr(
        batches,
        "smtp_account",
        lambda mailbox: replace(patient(mailbox), timeout=0.5, final_timeout=0.5),
    )


@pytest.fixture
def reach(committed):
    """An organisation behind a peer of its own, with some mails that may leave at once."""
    peers = []

    def reach(**options):
        fields = options.pop("fields", {})
        other = peer(**options)
        found = other.__enter__()
        peers.append(other)
        world = World(found, **AT_ONCE | fields)
        world.queue(count=MAILS, steps=2)
        return world, found

    yield reach
    for each in peers:
        each.__exit__(None, None, None)


def send(world, at):
    return send_batch(world.organisation_id, world.mailbox_id, clock=lambda: at, worker="test")


def go_on(world, at=MORNING):
    """What workers do in two days, with an operator who mends the mailbox."""
    for hour in (1, 3, 9, 33):
        prepare(world, at + hour * HOUR)
        with world.open():
            Mailbox.objects.update(status="active", status_reason="")
        send(world, at + hour * HOUR)


def statuses(world):
    with world.open():
        return dict(Task.objects.values_list("enrollment__position__email", "status"))


@pytest.mark.parametrize("misdeed", MISDEEDS)
@pytest.mark.parametrize("stage", STAGES)
def test_a_server_that_misbehaves_once_costs_no_mail_twice_and_no_other_at_all(
    reach, impatient, stage, misdeed
):
    world, server = reach()
    server.does[stage] = [MISDEEDS[misdeed]]

    send(world, MORNING)
    hold_to_account(world, server)
    go_on(world)

    counted = hold_to_account(world, server)
    hold_nobody_lost(world)
    with world.open():
        first = sorted(Task.objects.filter(step_index=0).values_list("status", flat=True))
    assert first == expected(stage, misdeed), counted


def expected(stage, misdeed):
    if stage == "dot" and misdeed in NOBODY_KNOWS:
        return ["sent", "sent", "unknown"]
    if stage in ("RCPT", "DATA", "dot") and misdeed == "550":
        return ["failed", "sent", "sent"]
    return ["sent"] * MAILS


def test_a_server_that_cuts_every_line_after_the_final_dot_leaves_one_mail_a_round_in_doubt(reach):
    world, server = reach()
    server.does["dot"] = [hangs_up] * MAILS

    send(world, MORNING)

    assert hold_to_account(world, server) == {"unknown": 1, "scheduled": 3}


def test_a_server_that_reads_slowly_gets_each_mail_once(reach):
    world, server = reach(reading=0.0001)

    assert len(send(world, MORNING)) == MAILS
    assert hold_to_account(world, server)["sent"] == MAILS


def test_a_server_that_reads_a_byte_a_second_gets_no_mail_twice(reach, impatient):
    world, server = reach(reading=1)

    send(world, MORNING)
    counted = hold_to_account(world, server)
    server.reading = 0
    go_on(world)

    assert counted["unknown"] == 1
    assert hold_to_account(world, server)["unknown"] == 1
    hold_nobody_lost(world)


@pytest.mark.parametrize("stage", STAGES)
def test_a_server_that_answers_without_an_end_is_left(reach, impatient, stage):
    world, server = reach()
    server.does[stage] = [dribbles]

    send(world, MORNING)
    go_on(world)

    assert hold_to_account(world, server).keys() <= {"sent", "unknown", "scheduled"}
    hold_nobody_lost(world)


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_mailbox_whose_certificate_is_wrong_sends_nothing_and_says_so(
    reach, impatient, tmp_path, security
):
    wrong = x509.IPAddress(IPv4Address("192.0.2.1"))
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(make_certificate(tmp_path, wrong))
    options = {"context": context} if security == "tls" else {}
    world, server = reach(**options, fields={"smtp_security": security})

    send(world, MORNING)

    with world.open() as mailbox:
        assert mailbox.status in MailboxStatus.values
        assert mailbox.status_reason
        assert "certificate" in mailbox.status_reason or security == "starttls"
    assert set(statuses(world).values()) <= {"scheduled", "deferred"}
    assert server.mails == []
