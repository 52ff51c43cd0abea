"""The dashboard, the campaign page and the inbox: right numbers at a fixed cost."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm.models import Position
from iam.models import AuditEvent, Role
from outreach.models import Campaign, StepExperiment
from prospectflow.console import figures
from prospectflow.console.tests.cast import (
    make_daily_stats,
    make_message,
    make_reviewable_draft,
    signed_in,
)
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import (
    NOON,
    make_campaign,
    make_draft,
    make_enrollment,
    make_mailbox,
    make_position,
    make_step,
)
from prospectflow.testing.rows import make_row, make_variant


@pytest.fixture
def owner(organisation) -> Client:
    return signed_in(organisation)


def test_the_dashboard_counts_what_waits_and_what_came(inside):
    make_draft()
    make_message(received_at=NOON - timedelta(hours=2))
    make_message(received_at=NOON - timedelta(days=3))
    make_message(received_at=NOON - timedelta(days=9))
    make_message(received_at=NOON - timedelta(hours=1), verdict="out_of_office")

    numbers = figures.dashboard(at=NOON)

    assert numbers["to_review"] == "1"
    assert numbers["replies"] == {"day": 1, "week": 2}


def test_a_mailbox_counts_what_it_sent_since_its_own_midnight(inside):
    mailbox = make_mailbox(daily_limit=40, time_zone="Europe/Paris")
    for hours in (1, 12, 14):  # 12:00 UTC is 13:00 in Paris, so the last was yesterday
        make_sent(mailbox, at=NOON - timedelta(hours=hours))

    (line,) = figures.mailboxes(at=NOON)

    assert (line["done"], line["of"], line["percent"]) == (2, 40, 5)


def make_sent(mailbox, *, at):
    draft = make_draft()
    draft.status, draft.approved_hash, draft.approved_at = "approved", "0" * 64, at
    draft.save()
    make_message(
        enrollment=draft.task.enrollment,
        task=draft.task,
        draft=draft,
        mailbox=mailbox,
        direction="outbound",
        status="sent",
        verdict=None,
        rfc822_message_id=f"<{draft.pk}@acme.example>",
        content_hash="0" * 64,
        received_at=None,
        sent_at=at,
    )


def test_a_running_campaign_is_as_far_as_its_enrolments(inside):
    campaign = make_campaign(status="running")
    make_campaign(status="paused")
    for state in ("active", "replied", "finished", "bounced"):
        enrollment = make_enrollment(campaign=campaign, state=state)
        if state == "replied":
            make_message(enrollment=enrollment)

    (line,) = figures.running_campaigns()

    assert (line["numbers"].enrolled, line["numbers"].replied, line["percent"]) == (4, 1, 75)


def test_a_count_stops_at_its_limit(inside):
    for _ in range(3):
        make_position()

    assert figures.up_to(Position.objects.all(), most=2) == "2+"
    assert figures.up_to(Position.objects.all(), most=3) == "3"


def test_the_campaign_page_adds_up_each_step_and_variant(owner, organisation):
    with tenant(organisation.pk):
        variant = make_variant(key="A")
        step = variant.step_experiment.workflow_step
        for day in range(2):
            make_daily_stats(
                workflow_step=step,
                variant=variant,
                day=NOON.date() + timedelta(days=day),
                sent=20,
                replied=3,
            )
        make_step(step.campaign)

    context = owner.get(reverse("console:campaign", args=[step.campaign_id])).context

    (row,) = context["steps"][0]["rows"]
    assert (row["variant"], row["sent"], row["replied"], row["replied_rate"]) == ("A", 40, 6, 15.0)
    assert context["steps"][1]["rows"] == []
    assert context["totals"]["sent"] == 40


def test_the_campaign_page_costs_the_same_for_one_step_and_for_many(owner, organisation):
    with tenant(organisation.pk):
        campaign = make_campaign()

    def cost(more: int) -> int:
        with tenant(organisation.pk):
            for _ in range(more):
                make_daily_stats(workflow_step=make_step(campaign))
                make_enrollment(campaign=campaign)
        with CaptureQueriesContext(connection) as queries:
            owner.get(reverse("console:campaign", args=[campaign.pk]))
        return len(queries)

    assert cost(1) == cost(5)


@pytest.mark.parametrize("page", ["console:index", "console:inbox"])
def test_the_pages_of_the_day_cost_the_same_for_one_row_and_for_many(owner, organisation, page):
    def cost(more: int) -> int:
        with tenant(organisation.pk):
            for _ in range(more):
                make_message(mailbox=make_mailbox())
                make_enrollment(campaign=make_campaign(status="running"))
        with CaptureQueriesContext(connection) as queries:
            assert owner.get(reverse(page)).status_code == 200
        return len(queries)

    assert cost(1) == cost(6)


def test_the_buttons_move_the_campaign_through_the_services(owner, organisation):
    with tenant(organisation.pk):
        campaign = make_campaign(from_mailbox=make_mailbox(), justification="They run shops.")
        make_step(campaign)
    move = reverse("console:campaign_move", args=[campaign.pk])

    for to, status in [
        ("start", "running"),
        ("pause", "paused"),
        ("archive", "archived"),
        ("restore", "paused"),
    ]:
        assert owner.post(move, {"to": to}).status_code == 303
        with tenant(organisation.pk):
            assert Campaign.objects.get(pk=campaign.pk).status == status
    with tenant(organisation.pk):
        trail = AuditEvent.objects.filter(object_id=str(campaign.pk), action="changed")
        assert [entry.changes["status"] for entry in trail.order_by("id")] == [
            ["draft", "running"],
            ["running", "paused"],
            ["paused", "archived"],
            ["archived", "paused"],
        ]


def test_a_campaign_that_is_not_ready_says_what_it_lacks(owner, organisation):
    with tenant(organisation.pk):
        campaign = make_campaign()
    move = reverse("console:campaign_move", args=[campaign.pk])

    answer = owner.post(move, {"to": "start"}, follow=True)

    assert "cannot start" in answer.text
    with tenant(organisation.pk):
        assert Campaign.objects.get(pk=campaign.pk).status == "draft"


def test_the_lists_action_that_one_campaign_refuses_moves_none(owner, organisation):
    with tenant(organisation.pk):
        ready = make_campaign(from_mailbox=make_mailbox(), justification="They run shops.")
        make_step(ready)
        lacking = make_campaign(name="Lacking")
    wanted = {"action": "start", "_selected_action": [ready.pk, lacking.pk]}

    answer = owner.post(reverse("console:outreach_campaign_changelist"), wanted, follow=True)

    assert "Lacking cannot start" in answer.text
    with tenant(organisation.pk):
        assert set(Campaign.objects.values_list("status", flat=True)) == {"draft"}


def test_a_viewer_moves_no_campaign(organisation):
    with tenant(organisation.pk):
        campaign = make_campaign(status="running")
    viewer = signed_in(organisation, role=Role.VIEWER)

    answer = viewer.post(reverse("console:campaign_move", args=[campaign.pk]), {"to": "pause"})

    assert answer.status_code == 403
    with tenant(organisation.pk):
        assert Campaign.objects.get(pk=campaign.pk).status == "running"


def test_the_inbox_lists_the_newest_first_and_one_verdict_when_asked(owner, organisation):
    with tenant(organisation.pk):
        older = make_message(subject="La première", received_at=NOON - timedelta(days=1))
        newer = make_message(subject="La seconde", verdict="bounce")

    everything = owner.get(reverse("console:inbox")).context["received"]
    bounces = owner.get(reverse("console:inbox"), {"verdict": "bounce"}).context["received"]

    assert everything == [newer, older]
    assert bounces == [newer]


def test_the_inbox_goes_on_where_the_page_ended(owner, organisation):
    with tenant(organisation.pk):
        for day in range(27):
            make_message(received_at=NOON - timedelta(days=day))

    first = owner.get(reverse("console:inbox"))
    second = owner.get(reverse("console:inbox"), {"page": 2})

    assert "Older" in first.text
    assert "Older" not in second.text
    shown = {message.pk for message in first.context["received"] + second.context["received"]}
    assert len(shown) == 27


def test_a_thread_shows_both_sides_in_order_and_their_html_only_in_frames(owner, organisation):
    with tenant(organisation.pk):
        later = make_message(body_html="<script>alert(1)</script><p>Oui</p>")
        earlier = make_message(enrollment=later.enrollment, received_at=NOON - timedelta(days=1))

    answer = owner.get(reverse("console:thread", args=[later.position_id]))

    assert answer.context["thread"] == [earlier, later]
    assert "<script>alert" not in answer.text
    assert 'sandbox=""' in answer.text


def test_another_organisations_pages_are_not_found(owner, other_organisation):
    with tenant(other_organisation.pk):
        draft = make_reviewable_draft()
        campaign, position = draft.task.campaign_id, draft.task.enrollment.position_id

    assert owner.get(reverse("console:campaign", args=[campaign])).status_code == 404
    assert owner.get(reverse("console:thread", args=[position])).status_code == 404
    move = reverse("console:campaign_move", args=[campaign])
    assert owner.post(move, {"to": "pause"}).status_code == 404


@pytest.mark.parametrize(
    ("make", "action", "change"),
    [
        (make_mailbox, "pause", ["active", "paused"]),
        (lambda: make_row(StepExperiment), "stop", ["draft", "stopped"]),
        (make_campaign, "archive", ["draft", "archived"]),
    ],
)
def test_moving_a_row_from_its_list_is_one_entry_in_the_trail(
    owner, organisation, make, action, change
):
    with tenant(organisation.pk):
        row = make()
    changelist = reverse(f"console:outreach_{row._meta.model_name}_changelist")

    owner.post(changelist, {"action": action, "_selected_action": [row.pk]})

    with tenant(organisation.pk):
        entry = AuditEvent.objects.get(object_id=str(row.pk), action="changed")
        assert entry.changes["status"] == change
        assert entry.user is not None
