"""Fixtures of mails that really leave."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from outreach.tests.bringing import Bringing
from outreach.tests.postbox import Postbox, World


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    """A mail server that takes everything unless it is told otherwise."""
    server = Postbox()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def world(committed: None, postbox: Postbox) -> World:
    """An organisation whose mailbox sends through the postbox, really committed."""
    return World(postbox)


@pytest.fixture
def bringing(committed: None, tmp_path: Path) -> Bringing:
    """An organisation that brings files in, really committed."""
    return Bringing(tmp_path)
