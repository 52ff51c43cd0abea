"""A hundred clients of twenty organisations behind five sessions, while things go wrong."""

import os

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from iam.tests.auth.publisher import Publisher
from prospectflow.operations import embedded
from prospectflow.tenancy.checks import tenant_models
from prospectflow.tenancy.tests.load.asking import BUSY, clients
from prospectflow.tenancy.tests.load.cast import make_cast
from prospectflow.tenancy.tests.load.judging import MARK, Findings, complaints, strange_ids
from prospectflow.tenancy.tests.load.serving import web
from prospectflow.tenancy.tests.load.trouble import STATEMENT_TIMEOUT, Holder, Killer
from prospectflow.testing.planted import MISTAKES
from prospectflow.testing.pooler import Pooler

pytestmark = pytest.mark.faults

POOL, AFTERWARDS, LONGEST = 5, 2, 60
ANSWERED = {200, 201, 204, 400, 401, 404}
TROUBLES = {"terminate", "cancel", "hold", "given up", "left in the middle", "stranger refused"}
SECONDS = int(os.environ.get("LOAD_SECONDS", "30"))


@pytest.fixture
def publisher():
    found = Publisher()
    yield found
    found.stop()


@pytest.fixture
def cast(committed, publisher, settings):
    settings.CACHES = {"default": settings.CACHES["default"] | {"KEY_PREFIX": ""}}  # as the web's
    return make_cast(publisher)


@pytest.fixture
def superuser_url(committed):
    database = connection.settings_dict["NAME"]
    return embedded.database_url(settings.LOCAL_DIRECTORY, role="superuser", database=database)


@pytest.fixture
def impatient(superuser_url):
    """No statement of the role that serves may take long, in this database alone."""
    role = f"ROLE prospectflow_app IN DATABASE {connection.settings_dict['NAME']}"
    with psycopg.connect(superuser_url, autocommit=True) as session:
        session.execute(f"ALTER {role} SET statement_timeout = '{STATEMENT_TIMEOUT}'")
        yield
        session.execute(f"ALTER {role} RESET statement_timeout")


@pytest.fixture
def pooler(impatient):
    database = connection.settings_dict["NAME"]
    found = Pooler(embedded.database_url(settings.LOCAL_DIRECTORY, database=database), pool=POOL)
    yield found
    found.remove()


def load(port, pooler, cast, seconds, superuser_url=None):
    """Let everybody ask for so long, or until somebody is shown what is not theirs.

    Whoever gives the superuser's URL asks for trouble.
    """
    findings = Findings()
    threads = clients(port, pooler.url, cast, findings)
    if superuser_url:
        threads += [kind(superuser_url, cast, findings) for kind in (Killer, Holder)]
    for thread in threads:
        thread.start()
    findings.over.wait(seconds)
    findings.over.set()
    for thread in threads:
        thread.join()
    return findings


def owners(owner_url, cast) -> dict[bytes, int]:
    """Whose each row of each tenant's table is."""
    numbers = {member.organisation_id: member.number for member in cast}
    found = {}
    with psycopg.connect(owner_url) as session:
        for model in tenant_models():
            rows = session.execute(f"SELECT id::text, organisation_id FROM {model._meta.db_table}")
            found |= {each.encode(): numbers[whose] for each, whose in rows}
    return found


def misplaced(owner_url, cast) -> list[str]:
    """The rows that bear the mark of another organisation than theirs."""
    numbers = {member.organisation_id: member.number for member in cast}
    names = "SELECT organisation_id, name FROM crm.companies"
    with psycopg.connect(owner_url) as session:
        rows = session.execute(names).fetchall()
    return [name for whose, name in rows if int(MARK.search(name.encode())[1]) != numbers[whose]]


def test_no_answer_holds_a_row_of_another_organisation_whatever_goes_wrong(
    pooler, publisher, cast, superuser_url, owner_url, tmp_path
):
    log = tmp_path / "web.log"
    with web(pooler.url, publisher, log) as port:
        troubled = load(port, pooler, cast, SECONDS, superuser_url)
        calm = load(port, pooler, cast, AFTERWARDS)
    mine = owners(owner_url, cast)

    assert troubled.troubles.keys() >= TROUBLES
    assert troubled.statuses()[BUSY] > 0
    assert calm.statuses().keys() <= ANSWERED
    for found in (troubled, calm):
        assert (found.leaks, found.broken, strange_ids(found, mine)) == ([], [], [])
        assert {each: mine.get(each.encode()) for each in found.made} == found.made
    assert misplaced(owner_url, cast) == []
    assert complaints(log.read_text()) == []


def test_builds_that_set_the_organisation_for_a_session_are_found_out(
    pooler, publisher, cast, tmp_path
):
    found = {}
    for mistake in MISTAKES:
        with web(pooler.url, publisher, tmp_path / "web.log", planted=mistake) as port:
            found[mistake] = load(port, pooler, cast, LONGEST).leaks

    assert found.keys() >= {"session", "before"}
    assert all(found.values()), found
