"""How often is too often, by a clock that the tests turn."""

from datetime import timedelta
from threading import Thread

import pytest

from prospectflow.testing.factories import NOON
from prospectflow.throttles import Limit, must_wait, neighbourhood, spend, throttle


@pytest.fixture(autouse=True)
def rates(settings, django_db_setup):
    settings.RATES = {"few": "3/minute", "one": "1/hour"}


def seconds(number: float):
    return NOON + timedelta(seconds=number)


def test_as_many_as_the_rate_says_may_come_at_once_and_then_one_by_one():
    assert [throttle("few", "ada", now=NOON) for _ in range(4)] == [None, None, None, 20]
    assert throttle("few", "ada", now=seconds(19)) == 1
    assert throttle("few", "ada", now=seconds(20)) is None
    assert throttle("few", "ada", now=seconds(20)) == 20
    assert [throttle("few", "ada", now=seconds(300)) for _ in range(4)] == [None, None, None, 20]


def test_each_is_counted_alone():
    for who in ("ada", "bob"):
        assert [throttle("few", who, now=NOON) for _ in range(3)] == [None] * 3


def test_looking_counts_nothing():
    assert [must_wait("one", "ada", now=NOON) for _ in range(3)] == [None] * 3
    throttle("one", "ada", now=NOON)

    assert must_wait("one", "ada", now=NOON) == 3600


def test_where_one_limit_refuses_none_is_spent():
    limits = [Limit("few", "ada"), Limit("one", "ada")]

    first, *_ = spend(limits, now=NOON)
    refused, reason = spend(limits, now=NOON)

    assert (first.remaining, first.reset, first.retry_after) == (2, 20, None)
    assert (refused.retry_after, reason.retry_after, reason.remaining) == (None, 3600, 0)
    assert [throttle("few", "ada", now=NOON) for _ in range(3)] == [None, None, 20]


def test_threads_together_spend_no_more_than_one_alone():
    told = []
    threads = [Thread(target=lambda: told.append(throttle("few", "x", now=NOON))) for _ in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert told.count(None) == 3


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("", "unknown"),
        ("nonsense", "unknown"),
    ],
)
def test_addresses_are_counted_as_their_neighbourhood(address, counted_as):
    assert neighbourhood(address) == counted_as
