"""Sending against a real server that refuses, stalls and hangs up as it is told."""

import pytest

from outreach.mail import MailRefused
from outreach.smtp import (
    Accepted,
    Envelope,
    MailboxUnreachable,
    Refused,
    ServerLeft,
    SmtpAccount,
    Unknown,
    connect,
)
from outreach.tests.smtp_server import GREETING, RAW, RECIPIENT, SENDER, Server, send


def test_an_accepted_mail_arrives_byte_for_byte_dots_included(serve, script):
    outcome = send(serve())

    assert outcome == Accepted(250, "2.0.0 Queued as 42", "127.0.0.1")
    assert script.mails == [(SENDER, [RECIPIENT], RAW)]


def test_a_mail_without_a_last_line_end_arrives_with_one(serve, script):
    with connect(serve()) as connection:
        connection.transmit(Envelope(SENDER, RECIPIENT), RAW.removesuffix(b"\r\n"))

    assert script.mails[0][2] == RAW


@pytest.mark.parametrize(
    ("command", "answer", "stage"),
    [
        ("MAIL", "550 5.7.1 Sender refused", "mail"),
        ("RCPT", "550 5.1.1 User unknown", "rcpt"),
        ("RCPT", "450 4.2.0 Greylisted", "rcpt"),
        ("DATA", "451 4.3.0 Try again later", "after_data"),
        ("DATA", "554 5.7.1 Spam", "after_data"),
    ],
)
def test_a_refusal_keeps_its_stage_code_text_and_host(serve, script, command, answer, stage):
    script.answers[command] = answer

    outcome = send(serve())

    assert isinstance(outcome, Refused)
    failure = outcome.failure
    assert (failure.stage, failure.host) == (stage, "127.0.0.1")
    assert f"{failure.code} {failure.text}" == answer
    assert script.mails == []


def test_a_refused_recipient_does_not_spoil_the_next_mail_on_the_same_connection(serve, script):
    script.answers["RCPT"] = "550 5.1.1 User unknown"
    with connect(serve()) as connection:
        outcomes = [
            connection.transmit(Envelope(SENDER, f"p{n}@b.example"), RAW).outcome for n in range(3)
        ]

    assert outcomes == ["refused", "accepted", "accepted"]
    assert [recipients for _, recipients, _ in script.mails] == [["p1@b.example"], ["p2@b.example"]]
    assert script.sessions == 1


def test_a_connection_that_was_hung_up_while_idle_is_opened_anew(serve, script):
    script.answers["RCPT"] = "421 4.7.0 Too many mails on this connection"
    with connect(serve()) as connection:
        first = connection.transmit(Envelope(SENDER, RECIPIENT), RAW)
        second = connection.transmit(Envelope(SENDER, RECIPIENT), RAW)

    assert isinstance(first, Refused)
    assert first.failure.code == 421
    assert second.outcome == "accepted"
    assert script.sessions == 2


@pytest.mark.parametrize(("command", "stage"), [("MAIL", "mail"), ("RCPT", "rcpt")])
def test_a_server_that_hangs_up_before_the_content_has_not_taken_the_mail(
    serve, script, command, stage
):
    script.hang_up_at = {command}

    outcome = send(serve())

    assert isinstance(outcome, Refused)
    assert (outcome.failure.stage, outcome.failure.code) == (stage, 0)
    assert outcome.failure.text == "The server hung up."


def test_a_server_that_hangs_up_after_the_content_leaves_the_outcome_unknown(serve, script):
    script.hang_up_at = {"DATA"}
    account = serve()

    with connect(account) as connection:
        lost = connection.transmit(Envelope(SENDER, RECIPIENT), RAW)
        script.hang_up_at = set()
        next_one = connection.transmit(Envelope(SENDER, RECIPIENT), RAW)

    assert isinstance(lost, Unknown)
    assert (lost.failure.stage, lost.failure.code) == ("after_data", 0)
    assert lost.failure.text == "The server hung up. Whether it took the mail is not known."
    assert next_one.outcome == "accepted"


OPENING = (b"220 ready\r\n", b"250 hello\r\n", b"250 sender\r\n", b"250 to\r\n")


def test_a_server_that_says_nothing_after_the_content_leaves_the_outcome_unknown(raw_server):
    account = raw_server(*OPENING, b"354 go\r\n", b"")
    hasty = SmtpAccount("127.0.0.1", account.port, "plain", timeout=5, final_timeout=0.2)

    outcome = send(hasty)

    assert isinstance(outcome, Unknown)
    assert outcome.failure.text.startswith("The server did not answer in time. Whether")


@pytest.mark.parametrize("garbage", [b"what?\r\n", b"999 what\r\n", b"354 more\r\n", b"2" * 9999])
def test_an_answer_that_is_none_leaves_the_outcome_unknown(raw_server, garbage):
    assert send(raw_server(*OPENING, b"354 go\r\n", garbage, b"")).outcome == "unknown"


def test_a_server_that_hangs_up_instead_of_354_has_not_taken_the_mail(raw_server):
    outcome = send(raw_server(*OPENING))

    assert isinstance(outcome, Refused)
    assert (outcome.failure.stage, outcome.failure.code) == ("data", 0)


def test_an_answer_of_several_lines_and_odd_bytes_is_kept_readable(raw_server):
    outcome = send(raw_server(*OPENING[:3], b"550-5.1.1 Bo\xc3\xaete\r\n550 inconnue \xff\r\n"))

    assert outcome.failure.text == "5.1.1 Boîte\ninconnue \ufffd"


TAKEN = (b"250 sender\r\n250 to\r\n354 go\r\n", b"250 taken\r\n")


def test_a_server_that_pipelines_hears_the_envelope_at_once(raw_server):
    account = raw_server(*GREETING, *TAKEN, *TAKEN, b"221 bye\r\n")

    with connect(account) as connection:
        outcomes = [connection.transmit(Envelope(SENDER, RECIPIENT), RAW).outcome for _ in range(2)]

    assert outcomes == ["accepted", "accepted"]


@pytest.mark.parametrize(
    ("answers", "stage", "code"),
    [
        (b"553 no\r\n503 order\r\n503 order\r\n", "mail", 553),
        (b"250 sender\r\n550 unknown\r\n503 order\r\n", "rcpt", 550),
        (b"250 sender\r\n250 to\r\n451 later\r\n", "data", 451),
    ],
)
def test_a_refusal_within_a_pipeline_leaves_the_connection_to_the_next_mail(
    raw_server, answers, stage, code
):
    account = raw_server(*GREETING, answers, b"250 reset\r\n", *TAKEN, b"221 bye\r\n")

    with connect(account) as connection:
        refused = connection.transmit(Envelope(SENDER, RECIPIENT), RAW)
        accepted = connection.transmit(Envelope(SENDER, RECIPIENT), RAW)

    assert (refused.failure.stage, refused.failure.code) == (stage, code)
    assert accepted.outcome == "accepted"


def test_a_server_that_waits_for_content_though_it_refused_is_given_none(raw_server):
    account = raw_server(*GREETING, b"250 sender\r\n550 unknown\r\n354 go\r\n", b"250 taken\r\n")

    with connect(account) as connection:
        outcome = connection.transmit(Envelope(SENDER, RECIPIENT), RAW)
        assert connection._smtp is None

    assert (outcome.failure.stage, outcome.failure.code) == ("rcpt", 550)


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 sesame\r\n", b"999 sesame\r\n"])
@pytest.mark.parametrize("before", [(), (b"220 ready\r\n", b"502 what?\r\n")])
def test_what_no_smtp_server_says_is_not_repeated(raw_server, before, said):
    with pytest.raises(MailboxUnreachable, match="does not speak SMTP") as refusal:
        send(raw_server(*before, said, b""))

    assert "sesame" not in f"{refusal.value} {refusal.value.failure}"


def test_nor_is_it_in_the_middle_of_a_conversation(raw_server):
    outcome = send(raw_server(*GREETING, b"HTTP/1.1 400 sesame\r\n"))

    assert outcome.failure.text == "What answers does not speak SMTP."


def test_a_server_that_stops_while_a_connection_waits_refuses_the_next_mail(script):
    controller = Server(script)
    controller.start()
    with connect(SmtpAccount("127.0.0.1", controller.port, "plain", timeout=5)) as connection:
        first = connection.transmit(Envelope(SENDER, RECIPIENT), RAW)
        controller.stop()
        script.hang_up_at = {"MAIL"}
        with pytest.raises(ServerLeft):
            connection.transmit(Envelope(SENDER, RECIPIENT), RAW)
        third = connection.transmit(Envelope(SENDER, RECIPIENT), RAW)

    assert (first.outcome, third.outcome) == ("accepted", "refused")
    assert third.failure.stage == "connect"


@pytest.mark.parametrize("recipient", ["jérôme@b.example", "a@b.example\r\nRCPT TO:<c@d>", "a"])
def test_an_address_that_cannot_be_mailed_is_refused_before_anything_is_sent(
    serve, script, recipient
):
    with pytest.raises(MailRefused):
        send(serve(), recipient)

    assert script.mails == []
