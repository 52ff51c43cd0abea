"""A world that all tests of one module look at; whatever one of them does is taken back. And
what stands in the log.
"""

import json
import logging
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest

from prospectflow.logs.lines import JsonLines
from prospectflow.tests.permissions.world import World, undone


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock(), undone():
        yield World()


@pytest.fixture
def unhurried(settings: Any) -> None:
    """Nobody is told to wait, or another answer could hide behind that one."""
    settings.RATES = dict.fromkeys(settings.RATES, "100000/minute")


@pytest.fixture
def written() -> Iterator[Callable[[], list[str]]]:
    """What the project's own handler has written, as a function."""
    [handler] = [each for each in logging.getLogger().handlers if each.get_name() == "console"]
    before = handler.setStream(StringIO())
    yield lambda: handler.stream.getvalue().splitlines()
    handler.setStream(before)


@pytest.fixture
def entries(written: Callable[[], list[str]]) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The same as a server writes it: what each line says, as a function."""
    [handler] = [each for each in logging.getLogger().handlers if each.get_name() == "console"]
    before = handler.formatter
    handler.setFormatter(JsonLines("testing"))
    yield lambda: [json.loads(line) for line in written()]
    handler.setFormatter(before)
