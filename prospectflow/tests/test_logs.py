"""Whatever a message contains, no line of the log is forged by it, and none tells a secret."""

import logging

import pytest
from structlog.contextvars import bound_contextvars

from prospectflow.logs.hiding import HIDDEN, hidden, hidden_text
from prospectflow.tenancy.context import request_id

FORGED = "2026-11-24 10:00:00,000 ERROR root [-] the owner left"
log = logging.getLogger("prospectflow.tests")


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\v", "\x1c", "\x85", "\u2028"])
def test_a_message_stays_one_line(written, end):
    log.warning("Sign-in refused: %s", f"x{end}{FORGED}")

    [line] = written()
    assert "Sign-in refused: x\\" in line
    assert line.endswith(FORGED)


@pytest.mark.parametrize("letter", ["\0", "\b", "\x1b", "\x9b", "\u202e"])
def test_what_a_terminal_would_obey_is_spelt_out(written, letter):
    log.warning("a%sb – é", letter)

    [line] = written()
    assert letter not in line
    assert line.endswith("b – é")


def test_a_traceback_keeps_its_lines_and_none_looks_like_an_entry(written):
    try:
        raise ValueError(f"x\n{FORGED}\x1b[2J")
    except ValueError:
        log.exception("Broken")

    entry, *below = written()
    assert entry.endswith("Broken")
    assert below[0].strip() == "Traceback (most recent call last):"
    assert len(below) > 3
    assert all(line.startswith("    ") for line in below)
    assert "\x1b" not in "".join(below)


def test_every_line_is_written_by_this_handler_alone():
    for name in ("django", "django.request", "django.security"):
        assert logging.getLogger(name).handlers == [], name
        assert logging.getLogger(name).propagate, name


def test_an_entry_says_when_where_and_how_grave(entries):
    log.warning("Sign-in refused: %s", "EXPIRED", extra={"attempt": 3})

    [entry] = entries()
    assert entry["event"] == "Sign-in refused: EXPIRED"
    assert entry["level"] == "warning"
    assert entry["module"] == "prospectflow.tests"
    assert entry["environment"] == "testing"
    assert entry["time"].endswith("+00:00")
    assert entry["attempt"] == 3
    assert {"pid", "host", "service"} <= entry.keys()


def test_an_entry_names_the_request_and_what_is_bound_to_it(entries):
    token = request_id.set("a-request-of-ours")
    with bound_contextvars(organisationId="acme's", userId="ada's"):
        log.warning("Within")
    request_id.reset(token)
    log.warning("Outside")

    within, outside = entries()
    assert within["requestId"] == "a-request-of-ours"
    assert (within["organisationId"], within["userId"]) == ("acme's", "ada's")
    assert not {"requestId", "organisationId", "userId"} & outside.keys()


@pytest.mark.parametrize("end", ["\n", "\r", "\v", "\x1c", "\x85", "\u2028"])
def test_an_entry_is_one_line_of_ascii(written, entries, end):
    log.warning("x%s{}", end, extra={"told": f"é{end}"})

    [line] = written()
    assert line.isascii()
    [entry] = entries()
    assert (entry["event"], entry["told"]) == (f"x{end}{{}}", f"é{end}")


def test_a_traceback_stands_within_its_entry(entries):
    try:
        raise ValueError("out of paper")
    except ValueError:
        log.exception("Broken")

    [entry] = entries()
    assert entry["exception"].splitlines()[-1] == "ValueError: out of paper"


KEYS = ["password", "token", "accessToken", "refreshToken", "idToken", "authorization", "cookie"]
KEYS += ["apiKey", "secret", "creditCard", "ssn", "client_secret", "Set-Cookie", "X-API-Key"]


@pytest.mark.parametrize("key", KEYS)
def test_a_secret_is_known_by_its_name_however_deep_it_lies(entries, key):
    log.warning("Told", extra={"outer": [{"inner": {key: "hunter2", "reason": "kept"}}]})

    [entry] = entries()
    assert entry["outer"] == [{"inner": {key: HIDDEN, "reason": "kept"}}]


@pytest.mark.parametrize(
    "text",
    [
        "connecting to redis://:hunter2@127.0.0.1:6379/0 failed",
        "connecting to postgres://app:hunter2@127.0.0.1/x failed",
        "Authorization: Bearer hunter2hunter2",
        "sent Bearer hunter2.hunter2-hunter2",
        "?code=1&client_secret=hunter2&x=2",
        "{'password': 'hunter2', 'x': 1}",
        'said {"refresh_token": "hunter2"}',
        "Cookie: __Host-session=hunter2; x=1",
        "GET https://mail.example.com/u/hunter2hunter2.hunter2",
        "GET /t/hunter2hunter2.gif",
    ],
)
@pytest.mark.parametrize("form", ["plain", "json"])
def test_a_secret_is_known_within_a_sentence(request, written, form, text):
    if form == "json":
        request.getfixturevalue("entries")

    log.warning("It said: %s", text)

    [line] = written()
    assert "hunter2" not in line
    assert HIDDEN in line


def test_what_is_no_secret_stays_as_it_was():
    told = {"classname": "x", "tokens": 3, "sentences": ["The token is refused: EXPIRED_TOKEN."]}

    assert hidden(told) == told
    assert hidden_text("SELECT 1 FROM x WHERE a = %s") == "SELECT 1 FROM x WHERE a = %s"
