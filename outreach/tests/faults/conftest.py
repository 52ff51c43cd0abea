"""Fixtures of the faults: senders in processes of their own, and what they run into."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from outreach.tests.faults.judging import AT_ONCE
from outreach.tests.faults.nursery import Nursery, nursery
from outreach.tests.postbox import Postbox, World


@pytest.fixture
def senders(committed: None, tmp_path: Path) -> Iterator[Nursery]:
    """Senders on the database of this test."""
    with nursery(tmp_path) as found:
        yield found


@pytest.fixture
def busy(committed: None, postbox: Postbox) -> World:
    """An organisation whose mailbox sends at any hour, one mail after the other."""
    return World(postbox, **AT_ONCE)
