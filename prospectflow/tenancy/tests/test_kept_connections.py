"""A connection that is kept between requests, and a server that ended it meanwhile."""

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext


@pytest.fixture
def kept(committed):
    """A connection as the next request of a process finds it."""
    connection.ensure_connection()
    connection.settings_dict["CONN_MAX_AGE"], before = 60, connection.settings_dict["CONN_MAX_AGE"]
    yield connection
    connection.settings_dict["CONN_MAX_AGE"] = before
    connection.close()


def begin_request():
    connection.health_check_enabled, connection.health_check_done = True, False


def backend():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def test_one_that_stands_is_used_without_a_question(kept):
    pid = backend()
    begin_request()

    with CaptureQueriesContext(kept) as asked:
        assert backend() == pid
    assert len(asked) == 1


@pytest.mark.parametrize("looks", [True, False], ids=["looked at", "not looked at"])
def test_one_that_was_ended_is_made_anew_before_it_is_used(kept, owner_url, looks):
    pid = backend()
    with psycopg.connect(owner_url) as owner:
        ended = "SELECT pg_terminate_backend(%s, 5000)"
        assert owner.execute(ended, [pid]).fetchone() == (True,)
    begin_request()
    kept.health_check_enabled = looks

    if looks:
        assert backend() != pid
    else:
        with pytest.raises(OperationalError):
            backend()
