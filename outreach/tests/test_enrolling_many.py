"""Taking in everyone: as quick where PostgreSQL has no statistics yet, as after an import."""

import psycopg
import pytest

from crm.models import Position
from outreach.services.campaigns import enroll
from outreach.services.enrolling import not_yet_in
from outreach.tests.making import MORNING, make_open_campaign
from outreach.tests.plans import plan_nodes
from prospectflow.testing.factories import make_company, make_person, make_step

pytestmark = pytest.mark.usefixtures("inside")

FORGET = """
SELECT pg_clear_relation_stats(schemaname, relname),
    pg_clear_attribute_stats(schemaname, relname, attname::text, false)
FROM pg_stat_user_tables JOIN pg_attribute ON attrelid = relid AND attnum > 0 AND NOT attisdropped
WHERE (schemaname, relname) IN
    (('crm', 'companies'), ('crm', 'positions'), ('outreach', 'campaign_enrollments'))
"""
PEOPLE = 300


@pytest.fixture
def half_full(owner_url):
    """A campaign of half of the people, in tables of which PostgreSQL knows nothing."""
    campaign = make_open_campaign()
    make_step(campaign)
    company, person = make_company(), make_person()
    Position.objects.bulk_create(
        Position(company=company, person=person, email=f"{number}@example.com")
        for number in range(PEOPLE)
    )
    enroll(campaign, Position.objects.order_by("id")[: PEOPLE // 2], at=MORNING)
    with psycopg.connect(owner_url) as owner:
        owner.execute(FORGET)
    return campaign


def test_who_is_not_in_yet_is_found_without_comparing_everybody_with_everybody(half_full):
    waiting = not_yet_in(half_full)

    assert waiting.count() == PEOPLE // 2
    assert passed_over(waiting) <= 2 * PEOPLE


def passed_over(rows):
    """How many enrolments are looked at to find these rows."""
    return sum(map(looked_at, plan_nodes(*rows.query.sql_with_params())))


def looked_at(node):
    if node.get("Relation Name") != "campaign_enrollments":
        return 0
    return (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
