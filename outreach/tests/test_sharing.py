"""Mailboxes share a load: stable, near to their weights, and moving as little as can be."""

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.sharing import mailbox_of

ids = st.uuids(version=4)
shares = st.dictionaries(ids, st.integers(1, 100), min_size=1, max_size=6)
SEEDS = [UUID(int=n * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128) for n in range(4000)]


@given(ids, shares)
def test_the_same_seed_gets_the_same_mailbox_in_whatever_order_they_are_named(seed, shares):
    backwards = dict(reversed(shares.items()))

    assert mailbox_of(seed, shares) == mailbox_of(seed, backwards)
    assert mailbox_of(seed, shares) in shares


@given(st.lists(ids, min_size=1, max_size=50), shares, ids, st.integers(1, 100))
def test_a_mailbox_that_is_added_takes_from_the_others_and_moves_nothing_between_them(
    seeds, shares, newcomer, weight
):
    more = {newcomer: weight} | shares

    for seed in seeds:
        assert mailbox_of(seed, more) in (mailbox_of(seed, shares), newcomer)


@given(st.lists(ids, min_size=1, max_size=50), shares, st.integers(0, 5))
def test_a_mailbox_that_goes_leaves_everybody_elses_where_they_are(seeds, shares, which):
    gone = sorted(shares)[which % len(shares)]
    fewer = {mailbox: weight for mailbox, weight in shares.items() if mailbox != gone}

    for seed in seeds if fewer else []:
        before = mailbox_of(seed, shares)
        assert mailbox_of(seed, fewer) == before or before == gone


@given(st.lists(ids, min_size=1, max_size=50), shares, st.integers(2, 10))
def test_only_the_ratio_of_the_weights_counts(seeds, shares, times):
    heavier = {mailbox: weight * times for mailbox, weight in shares.items()}

    assert [mailbox_of(seed, heavier) for seed in seeds] == [
        mailbox_of(seed, shares) for seed in seeds
    ]


@given(st.lists(ids, min_size=2, max_size=5, unique=True), st.data())
@settings(max_examples=20, deadline=None)
def test_the_shares_are_close_to_the_weights(mailboxes, data):
    weights = st.integers(1, 10)
    shares = {mailbox: data.draw(weights) for mailbox in mailboxes}

    chosen = [mailbox_of(seed, shares) for seed in SEEDS]

    for mailbox, weight in shares.items():
        expected = weight / sum(shares.values())
        spread = (expected * (1 - expected) / len(SEEDS)) ** 0.5
        assert abs(chosen.count(mailbox) / len(SEEDS) - expected) < 6 * spread


def test_without_a_mailbox_there_is_nothing_to_choose():
    with pytest.raises(ValueError, match="empty"):
        mailbox_of(SEEDS[0], {})
