"""A nameserver that says what it is told."""

import pytest

from crm.tests.name_server import NameServer
from outreach.domain_records import Asker


@pytest.fixture
def server(settings):
    with NameServer() as server:
        server.asker = Asker(server.resolver(settings), seconds=5)
        yield server
