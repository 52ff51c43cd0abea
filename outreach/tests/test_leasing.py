"""Taking tasks: one walk of one index, in order, and never twice."""

from datetime import timedelta

import psycopg
import pytest

from outreach.models import Campaign, Enrollment, Task
from outreach.services.sending import LEASE, declare_unknown, hand_back, lease
from outreach.services.sending.leasing import TAKE
from outreach.tests.making import MORNING, fresh, make_open_campaign, make_ready
from outreach.tests.plans import plan_nodes
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_mailbox, make_step

MINUTE = timedelta(minutes=1)
# As where five organisations have a mailbox each, so that a twenty-fifth of all seems to wait.
SPREAD = """
SELECT pg_clear_attribute_stats('outreach', 'tasks', %(column)s, false);
SELECT pg_restore_attribute_stats('schemaname', 'outreach', 'relname', 'tasks',
    'attname', %(column)s::text, 'inherited', false, 'n_distinct', 5::real, 'version', 180000)
"""
inside = pytest.mark.usefixtures("inside")


def take(mailbox, *, now=MORNING, **options):
    return [task.pk for task in lease(mailbox.pk, now=now, worker="w", **options)]


@pytest.fixture
def mailbox(inside):
    return make_mailbox()


def test_follow_ups_come_before_first_mails_and_the_oldest_first(mailbox):
    campaign = make_open_campaign(mailbox)
    steps = [make_step(campaign) for _ in range(3)]
    made = [
        make_ready(campaign, workflow_step=step, at=MORNING - n * MINUTE)
        for step in steps
        for n in range(2)
    ]

    assert take(mailbox) == [made[n].pk for n in (5, 4, 3, 2, 1, 0)]


def test_what_is_leased_is_not_leased_again_until_it_was_handed_back(mailbox):
    first, second = (make_ready(make_open_campaign(mailbox)) for _ in range(2))

    assert len(take(mailbox, limit=1)) == 1
    assert len(take(mailbox)) == 1
    assert take(mailbox) == []
    leased = fresh(first)
    assert (leased.status, leased.leased_until, leased.locked_by) == (
        "leased",
        MORNING + LEASE,
        "w",
    )
    assert hand_back([first.pk, second.pk]) == 2
    assert sorted(take(mailbox)) == sorted([first.pk, second.pk])


def test_a_lease_that_ended_goes_back_by_itself(mailbox):
    task = make_ready(make_open_campaign(mailbox))
    take(mailbox)

    declare_unknown(before=MORNING + MINUTE)

    assert take(mailbox) == [task.pk]


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (Campaign, {"status": "paused"}),
        (Enrollment, {"state": "paused"}),
        (Task, {"scheduled_for": MORNING + MINUTE}),
        (Task, {"status": "unknown"}),
        (Task, {"is_approved": False}),
        (Enrollment, {"mailbox": None}),
    ],
)
def test_what_may_not_leave_is_not_even_taken_and_keeps_its_hour(mailbox, model, fields):
    task = make_ready(make_open_campaign(mailbox))
    model.objects.update(**fields)

    assert take(mailbox) == []

    assert fresh(task).last_error is None


def test_a_mailbox_takes_its_own_tasks_only(mailbox):
    other = make_mailbox()
    task = make_ready(make_open_campaign(other))

    assert take(mailbox) == []
    assert take(other) == [task.pk]


def test_a_task_that_another_transaction_holds_is_passed_over(world, owner_url):
    first, second = world.queue(count=2)
    with psycopg.connect(owner_url) as other:
        other.execute("SELECT 1 FROM outreach.tasks WHERE id = %s FOR UPDATE", [first.pk])

        with world.open() as mailbox:
            assert take(mailbox) == [second.pk]


def test_taking_costs_the_same_however_many_wait(world, owner_url):
    """Neither a sort nor a walk over all tasks: by the index alone, as many as are taken."""
    task = world.queue()
    with psycopg.connect(owner_url) as owner:
        copy(owner, task, 3000)
        owner.execute("ANALYZE")
    scans = explained(world)

    assert not [each for each in scans if each["Node Type"] in ("Sort", "Bitmap Heap Scan")]
    of_tasks = [each for each in scans if each.get("Relation Name") == "tasks"]
    assert not [each for each in of_tasks if each["Node Type"] == "Seq Scan"]
    assert {each.get("Index Name") for each in of_tasks} == {None, "tasks_to_send", "tasks_pkey"}
    assert all(each["Actual Rows"] * each["Actual Loops"] <= 10 for each in of_tasks)


def test_what_statistics_do_not_foresee_is_not_sorted_either(world, owner_url):
    task = world.queue()
    with psycopg.connect(owner_url) as owner:
        copy(owner, task, 3000)
        owner.execute("ANALYZE")
        for column in ("organisation_id", "mailbox_id"):
            for statement in SPREAD.split(";"):
                owner.execute(statement, {"column": column})
    scans = explained(world)

    assert not [each for each in scans if "Sort" in each["Node Type"]]
    walked = [each for each in scans if each.get("Index Name") == "tasks_to_send"]
    assert walked
    assert all(each["Actual Rows"] * each["Actual Loops"] <= 10 for each in walked)


def copy(owner, task, count):
    """As many more tasks like this one, of people of their own."""
    copies = (
        "WITH made AS (INSERT INTO crm.positions"
        " (organisation_id, company_id, person_id, email)"
        " SELECT organisation_id, company_id, person_id, uuidv7() || '@example.com'"
        " FROM crm.positions, generate_series(1, %s) n WHERE id = ("
        "  SELECT position_id FROM outreach.campaign_enrollments WHERE id = %s)"
        " RETURNING id, organisation_id),"
        " enrolled AS (INSERT INTO outreach.campaign_enrollments"
        " (organisation_id, campaign_id, position_id, enrolled_at)"
        " SELECT organisation_id, %s, id, now() FROM made"
        " RETURNING id, organisation_id, campaign_id)"
        " INSERT INTO outreach.tasks"
        " (organisation_id, campaign_id, enrollment_id, workflow_step_id, scheduled_for,"
        "  is_approved)"
        " SELECT organisation_id, campaign_id, id, %s, %s, true FROM enrolled"
    )
    like = [task.enrollment_id, task.campaign_id, task.workflow_step_id, MORNING]
    owner.execute(copies, [count, *like])


def explained(world):
    values = {
        "mailbox": world.mailbox_id, "now": MORNING, "worker": "w", "until": MORNING + LEASE,
        "limit": 10, "but": [],
    }  # fmt: skip
    with tenant(world.organisation_id):
        return list(plan_nodes(TAKE, values))
