"""What is forgotten, and when: by age alone, and nothing young, whatever is asked."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from iam.models import AuditEvent, Receipt
from iam.services import record
from prospectflow import jobs
from prospectflow.tenancy.context import tenant
from prospectflow.testing.rows import make_row

DAY = timedelta(days=1)


def days_left(organisation, now) -> list[int]:
    with tenant(organisation.pk):
        told = AuditEvent.objects.filter(action="told").order_by("-at")
        return [(now - event.at).days for event in told]


def test_the_trail_of_every_organisation_is_forgotten_by_its_age(
    organisation, other_organisation, settings
):
    settings.AUDIT_RETENTION_DAYS, now = 365, timezone.now()
    for each in (organisation, other_organisation):
        with tenant(each.pk):
            for age in (10, 364, 366, 4000):
                record("told", at=now - age * DAY)

    assert jobs.forget(now=now) == 4

    assert days_left(organisation, now) == days_left(other_organisation, now) == [10, 364]


def test_nothing_younger_than_90_days_is_forgotten_even_when_the_clock_is_wrong(organisation):
    now = timezone.now()
    with tenant(organisation.pk):
        record("told", at=now - 89 * DAY)
        record("told", at=now - 91 * DAY)

    jobs.forget(now=now + 10_000 * DAY)

    assert days_left(organisation, now) == [89]


def test_the_answers_to_repeated_requests_are_kept_for_a_day(organisation):
    now = timezone.now()
    with tenant(organisation.pk):
        make_row(Receipt, at=now - timedelta(hours=25))
        kept = make_row(Receipt, at=now - timedelta(hours=23))

    jobs.forget(now=now)

    with tenant(organisation.pk):
        assert list(Receipt.objects.all()) == [kept]


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_events SET action = 'other'", "DELETE FROM audit_events"]
)
def test_the_serving_role_rewrites_no_history(organisation, statement):
    with (
        tenant(organisation.pk),
        pytest.raises(DatabaseError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
