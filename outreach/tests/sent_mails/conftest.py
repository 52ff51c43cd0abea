"""An organisation whose mailbox keeps what it sent, at a real server."""

from collections.abc import Iterator

import pytest

from outreach.tests.dovecot import Dovecot, running_dovecot
from outreach.tests.postbox import Postbox, World


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with running_dovecot() as running:
        yield running


@pytest.fixture
def user(request: pytest.FixtureRequest) -> str:
    """Everybody's own mailbox at the server."""
    return f"{request.node.originalname}@acme.example.com"


@pytest.fixture
def world(committed: None, postbox: Postbox, dovecot: Dovecot, user: str) -> World:
    return World(postbox, imap_port=dovecot.imap_port, username=user)
