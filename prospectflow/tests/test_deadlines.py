"""Conversations that another thread ends, whatever the other side does."""

import socket
import threading
import time
from contextlib import ExitStack

import pytest

from prospectflow.deadlines import Deadline, Grace

LONG = 60.0


@pytest.fixture
def server():
    """A server that never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def dialled(server):
    """Reach the server by these conversations, until the end of the test."""
    with ExitStack() as stack:
        yield lambda by: stack.enter_context(by.dial(server.getsockname(), LONG))


def test_a_deadline_ends_who_waits_for_an_answer(dialled):
    with pytest.raises(TimeoutError), Deadline(0.3) as deadline:
        dialled(deadline).recv(1)


def test_after_a_deadline_nothing_is_dialled(dialled):
    with pytest.raises(TimeoutError), Deadline(0) as deadline:
        dialled(deadline)


def test_a_conversation_that_ends_in_time_meets_no_deadline(dialled):
    with Deadline(LONG) as deadline:
        dialled(deadline).close()


def test_a_grace_ends_who_waits_for_an_answer(dialled):
    with Grace(0, lambda: True) as grace:
        assert ends(lambda: dialled(grace).recv(1) == b"")


def ends(conversation):
    """Whether it is over by an error, or by what it returns."""
    try:
        return conversation()
    except OSError:
        return True


def test_a_grace_ends_who_writes_to_a_reader_that_does_not_read(dialled):
    with Grace(0, lambda: True) as grace, pytest.raises(OSError, match=r"\w"):
        dialled(grace).sendall(b"x" * 50_000_000)


def test_a_grace_ends_who_still_dials(server, dialled):
    server.listen(0)
    with socket.create_connection(server.getsockname()), Grace(0, lambda: True) as grace:
        assert ends(lambda: [dialled(grace) for _ in range(3)] == [])


def test_after_a_grace_nothing_is_dialled(dialled):
    with Grace(0, lambda: True) as grace:
        while not grace.is_cut:
            time.sleep(0.01)
        with pytest.raises(TimeoutError):
            dialled(grace)


def test_until_it_is_told_to_stop_a_grace_lets_all_go_on(dialled):
    told = threading.Event()
    with Grace(0, told.is_set) as grace:
        connection = dialled(grace)
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        assert not grace.is_cut
        told.set()
        connection.settimeout(LONG)
        assert ends(lambda: connection.recv(1) == b"")


def test_a_grace_lasts_its_seconds(dialled):
    with Grace(LONG, lambda: True) as grace:
        connection = dialled(grace)
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        assert not grace.is_cut
