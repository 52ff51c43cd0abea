from collections.abc import Iterator

import pytest

from iam.auth import Verifier
from iam.tests.auth.publisher import Clock, Publisher


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    publisher = Publisher()
    yield publisher
    publisher.stop()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def verifier(publisher: Publisher, clock: Clock) -> Verifier:
    """A verifier that takes the publisher for Cognito."""
    return Verifier(publisher.cognito(), clock=clock)


@pytest.fixture
def other_verifier(publisher: Publisher, clock: Clock) -> Verifier:
    """A verifier for a provider that follows RFC 9068."""
    return Verifier(publisher.other(), clock=clock)
