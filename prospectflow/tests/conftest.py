"""A world that all tests of one module look at; whatever one of them does is taken back."""

from collections.abc import Iterator
from typing import Any

import pytest

from prospectflow.tests.permissions.world import World, undone


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock(), undone():
        yield World()


@pytest.fixture
def unhurried(settings: Any) -> None:
    """Nobody is told to wait, or another answer could hide behind that one."""
    settings.RATES = dict.fromkeys(settings.RATES, "100000/minute")
