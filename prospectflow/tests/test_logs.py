"""Whatever a message contains, no line of the log is forged by it."""

import logging
from io import StringIO

import pytest

FORGED = "2026-11-24 10:00:00,000 ERROR root [-] the owner left"
log = logging.getLogger("prospectflow.tests")


@pytest.fixture
def written():
    """What the project's own handler has written, as a function."""
    [handler] = [each for each in logging.getLogger().handlers if each.get_name() == "console"]
    before = handler.setStream(StringIO())
    yield lambda: handler.stream.getvalue().splitlines()
    handler.setStream(before)


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
