"""Every test runs on a real PostgreSQL, as the role that serves people, never as the owner."""

import os
from collections.abc import Iterator
from itertools import count
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.backends.signals import connection_created

from iam.models import Organisation
from prospectflow.environment import database_from
from prospectflow.operations import embedded
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_organisation
from prospectflow.testing.routing import Watch

# A busy machine tells no test anything, nor the processes that tests start.
os.environ |= {"SLOW_QUERY_MS": "0", "SLOW_REQUEST_MS": "0"}

_tests = count(1)
_watch = Watch()
TEST_DATABASE = f"test_prospectflow_{os.getpid()}"
OPEN_AGAIN = (
    "UPDATE outreach.platform SET database_mark = outreach.database_mark(),"
    " sending_stopped_at = NULL, sending_stopped_reason = ''"
)
FILLED = "iam.organisations, iam.users, django_admin_log, procrastinate_jobs, procrastinate_workers"


def _connect_as(role: str) -> None:
    connection.close()
    url = embedded.database_url(settings.LOCAL_DIRECTORY, role=role, database=TEST_DATABASE)
    wanted = database_from(url)
    for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT"):
        connection.settings_dict[name] = wanted[name]


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any) -> Iterator[None]:
    """A database of the tests' own: migrated by its owner, then served by the app's role."""
    embedded.start(settings.LOCAL_DIRECTORY)
    embedded.create_database(settings.LOCAL_DIRECTORY, TEST_DATABASE)
    with django_db_blocker.unblock():
        _connect_as("owner")
        call_command("migrate", verbosity=0)
        _connect_as("app")
        connection_created.connect(_watch.install)
    yield
    connection.close()
    embedded.drop_database(settings.LOCAL_DIRECTORY, TEST_DATABASE)


@pytest.fixture
def owner_url(django_db_setup: None) -> str:
    """The owner's way into the test database, for tests that break things on purpose."""
    return embedded.database_url(settings.LOCAL_DIRECTORY, role="owner", database=TEST_DATABASE)


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: Any, owner_url: str) -> Iterator[None]:
    """Really commit, as others would see it; afterwards tables are empty and switches open."""
    with django_db_blocker.unblock():
        yield
        connection.close()
    with psycopg.connect(owner_url) as owner:
        owner.execute(f"TRUNCATE {FILLED} CASCADE")
        owner.execute(OPEN_AGAIN)


@pytest.fixture
def organisation(db: None) -> Organisation:
    """Acme, with an owner."""
    return make_organisation(name="Acme", slug="acme")


@pytest.fixture
def other_organisation(db: None) -> Organisation:
    """Other Ltd, the stranger in every isolation test."""
    return make_organisation(name="Other Ltd", slug="other")


@pytest.fixture
def inside(organisation: Organisation) -> Iterator[Organisation]:
    """Stand inside Acme for the length of a test."""
    with tenant(organisation.pk):
        yield organisation


@pytest.fixture(autouse=True)
def _within_one_organisation() -> Iterator[None]:
    """No statement that a test issues reads rows of more than one organisation."""
    yield
    roaming, _watch.roaming = _watch.roaming, []
    assert roaming == []


@pytest.fixture
def breaking_isolation(_within_one_organisation: None) -> Iterator[None]:
    """For a test that breaks it on purpose, to see who notices."""
    yield
    _watch.roaming.clear()


@pytest.fixture(autouse=True)
def _own_world(settings: Any) -> None:
    """Sessions and caches of a test never meet those of the running project."""
    settings.CACHES = {"default": settings.CACHES["default"] | {"KEY_PREFIX": TEST_DATABASE}}
    settings.THROTTLE_PREFIX = f"throttle:{next(_tests)}"
    settings.SLOW_REQUEST_MS = settings.SLOW_QUERY_MS = 0
    settings.WHITENOISE_AUTOREFRESH = True  # nothing is collected here
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
