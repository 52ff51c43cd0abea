"""The next mail's envelope goes with a content; what is announced so is not yet sent."""

import socket

import pytest

from outreach.mail import MailRefused
from outreach.smtp import Accepted, Envelope, Refused, ServerLeft, Unknown, connect
from outreach.tests.smtp_server import GREETING, RAW, SENDER

FIRST, SECOND, THIRD = (Envelope(SENDER, f"{name}@client.example.com") for name in "abc")
NOBODY = Envelope(SENDER, "nobody")
YES, TAKEN, BYE = b"250 sender\r\n250 to\r\n354 go\r\n", b"250 taken\r\n", b"221 bye\r\n"


@pytest.fixture
def account(serve, script):
    """A server that takes commands in groups."""
    script.offers_pipelining = True
    return serve()


def recipients(script):
    return [recipients for _, (recipients,), _ in script.mails]


def test_two_mails_take_three_round_trips(raw_server):
    with connect(raw_server(*GREETING, YES, TAKEN + YES, TAKEN, BYE)) as connection:
        outcomes = [connection.transmit(FIRST, RAW, SECOND), connection.transmit(SECOND, RAW)]

    assert [outcome.outcome for outcome in outcomes] == ["accepted", "accepted"]


def test_a_server_that_takes_one_command_at_a_time_hears_of_each_mail_in_its_turn(serve, script):
    with connect(serve()) as connection:
        connection.transmit(FIRST, RAW, SECOND)
        connection.transmit(SECOND, RAW)

    assert recipients(script) == [FIRST.recipient, SECOND.recipient]


def test_of_a_mail_that_does_not_follow_nothing_arrives(account, script):
    with connect(account) as connection:
        connection.transmit(FIRST, RAW, SECOND)
        outcome = connection.transmit(THIRD, RAW)

    assert isinstance(outcome, Accepted)
    assert recipients(script) == [FIRST.recipient, THIRD.recipient]
    assert script.sessions == 2


def test_a_connection_may_end_after_an_announcement(account, script):
    with connect(account) as connection:
        connection.transmit(FIRST, RAW, SECOND)

    assert script.mails == [(SENDER, [FIRST.recipient], RAW)]


def test_a_second_look_that_breaks_leaves_no_server_waiting_for_content(account, script):
    def breaks():
        raise LookupError

    with connect(account) as connection:
        with pytest.raises(LookupError):
            connection.transmit(FIRST, RAW, still=breaks)
        outcome = connection.transmit(SECOND, RAW)

    assert isinstance(outcome, Accepted)
    assert script.mails == [(SENDER, [SECOND.recipient], RAW)]
    assert script.sessions == 2


@pytest.mark.parametrize(
    ("answers", "stage", "code"),
    [
        (b"553 no\r\n503 order\r\n503 order\r\n", "mail", 553),
        (b"250 sender\r\n550 unknown\r\n503 order\r\n", "rcpt", 550),
        (b"250 sender\r\n250 to\r\n451 later\r\n", "data", 451),
    ],
)
def test_the_refusal_of_an_announced_mail_is_its_own(raw_server, answers, stage, code):
    account = raw_server(*GREETING, YES, TAKEN + answers, b"250 reset\r\n", YES, TAKEN, BYE)
    with connect(account) as connection:
        first = connection.transmit(FIRST, RAW, SECOND)
        second = connection.transmit(SECOND, RAW, THIRD)
        third = connection.transmit(THIRD, RAW)

    assert (first.outcome, third.outcome) == ("accepted", "accepted")
    assert isinstance(second, Refused)
    assert (second.failure.stage, second.failure.code) == (stage, code)


def test_a_content_that_is_refused_leaves_the_announced_mail_alone(account, script):
    script.answers["DATA"] = "554 5.7.1 Spam"
    with connect(account) as connection:
        first = connection.transmit(FIRST, RAW, SECOND)
        second = connection.transmit(SECOND, RAW)

    assert (first.outcome, second.outcome) == ("refused", "accepted")
    assert recipients(script) == [SECOND.recipient]
    assert script.sessions == 1


def test_an_announced_mail_whose_content_left_is_not_sent_again(account, script):
    with connect(account) as connection:
        connection.transmit(FIRST, RAW, SECOND)
        script.hang_up_at = {"DATA"}
        outcome = connection.transmit(SECOND, RAW)

    assert isinstance(outcome, Unknown)
    assert recipients(script) == [FIRST.recipient]


def test_a_goodbye_instead_of_the_announced_mail_asks_for_a_new_connection(raw_server, account):
    goodbye = raw_server(*GREETING, YES, TAKEN + b"421 4.7.0 Enough for one connection\r\n")
    with connect(goodbye) as connection:
        connection.transmit(FIRST, RAW, SECOND)
        connection.account = account  # the next call is taken
        with pytest.raises(ServerLeft):
            connection.transmit(SECOND, RAW)
        outcome = connection.transmit(SECOND, RAW)

    assert isinstance(outcome, Accepted)


def test_a_server_that_hung_up_before_it_heard_the_announcement_asks_for_one_too(
    raw_server, account, script
):
    with connect(raw_server(*GREETING, YES, TAKEN)) as connection:
        first = connection.transmit(FIRST, RAW, SECOND)
        connection._smtp.sock.shutdown(socket.SHUT_RDWR)
        connection.account = account  # the next call is taken
        with pytest.raises(ServerLeft):
            connection.transmit(SECOND, RAW)
        second = connection.transmit(SECOND, RAW)

    assert (first.outcome, second.outcome) == ("accepted", "accepted")
    assert recipients(script) == [SECOND.recipient]


def test_an_address_that_cannot_be_mailed_is_told_in_its_own_turn(account, script):
    with connect(account) as connection:
        first = connection.transmit(FIRST, RAW, NOBODY)
        with pytest.raises(MailRefused):
            connection.transmit(NOBODY, RAW)
        third = connection.transmit(THIRD, RAW)

    assert (first.outcome, third.outcome) == ("accepted", "accepted")
    assert recipients(script) == [FIRST.recipient, THIRD.recipient]
