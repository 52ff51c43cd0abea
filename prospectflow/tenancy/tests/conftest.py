"""The way to the tests' database that production takes."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from prospectflow.operations import embedded
from prospectflow.testing.pooler import Pooler


@pytest.fixture(scope="module")
def pooled(django_db_setup: None, django_db_blocker: Any) -> Iterator[Pooler]:
    """Each statement of the module goes by PgBouncer, in sessions that served others before."""
    told = connection.settings_dict
    url = embedded.database_url(settings.LOCAL_DIRECTORY, database=told["NAME"])
    pooler, direct = Pooler(url, pool=5), told["PORT"]
    connection.close()
    told["PORT"] = pooler.port
    yield pooler
    with django_db_blocker.unblock():
        connection.close()
    told["PORT"] = direct
    pooler.remove()
