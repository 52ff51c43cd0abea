"""Whoever asks from this machine reads the metrics; mails leave and files come as in outreach."""

from ipaddress import ip_network
from typing import Any

import pytest

from outreach.tests.conftest import bringing, postbox, world

__all__ = ["bringing", "postbox", "world"]


@pytest.fixture(autouse=True)
def _allowed(settings: Any) -> None:
    settings.METRICS_ALLOWED = [ip_network("127.0.0.0/8")]
