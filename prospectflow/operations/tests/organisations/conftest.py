"""An organisation with everything in it, another one, and one that sends for real."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from iam.models import Organisation
from outreach.models import Draft, Enrollment
from outreach.tests.postbox import Postbox, World
from prospectflow.operations.organisations.tables import tables
from prospectflow.tenancy.checks import tenant_models
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import (
    make_campaign,
    make_enrollment,
    make_mailbox,
    make_organisation,
)
from prospectflow.testing.rows import make_message, make_row


@pytest.fixture
def acme(committed) -> Organisation:
    """An organisation with a row in every table, and with what only time brings about."""
    organisation = make_organisation(name="Acme", slug="acme")
    with tenant(organisation.pk):
        for model in tenant_models():
            make_row(model)
        deleted = make_message().draft_id
        Draft.objects.filter(pk=deleted).delete()
        campaign = make_campaign(from_mailbox=make_mailbox())
        alone = make_enrollment(campaign=campaign)
        Enrollment.objects.filter(pk=alone.pk).update(mailbox=None)
    return organisation


@pytest.fixture
def other(committed) -> Organisation:
    organisation = make_organisation(name="Other Ltd", slug="other")
    with tenant(organisation.pk):
        make_message()
    return organisation


@pytest.fixture
def rows_of(owner_url):
    """What the tables hold of an organisation, as their owner sees it, and its own row."""

    def read(organisation_id: UUID) -> dict[str, list[Any]]:
        with psycopg.connect(owner_url) as owner:
            return {each.name: _rows(owner, each.name, organisation_id) for each in tables()}

    return read


def _rows(owner: psycopg.Connection, table: str, organisation_id: UUID) -> list[Any]:
    query = f"SELECT to_jsonb(t) FROM {table} t WHERE organisation_id = %s ORDER BY id"
    return [row for (row,) in owner.execute(query.encode(), [organisation_id]).fetchall()]


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    running = Postbox()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def world(committed, postbox) -> World:
    return World(postbox)
