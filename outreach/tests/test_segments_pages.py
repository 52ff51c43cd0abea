"""Segments in the console and by the API."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from iam.models import AuditEvent
from outreach.api.segments import FILTERS as DOCUMENTED
from outreach.models import Enrollment, Segment
from outreach.services import enrolling
from outreach.services.segments import FILTERS
from prospectflow.console.tests.cast import signed_in
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults, refusal
from prospectflow.testing.factories import (
    make_campaign,
    make_company,
    make_mailbox,
    make_position,
    make_step,
)

pytestmark = pytest.mark.django_db
API = "/api/v1/segments/"
LIST = "console:outreach_segment_changelist"
FORM = {
    "name": "Marseille",
    "naf": "5610",
    "departments": "13, 2a",
    "headcounts": ["11", "12"],
    "without": ["role"],
    "not_contacted_for_days": "90",
}
KEPT = {
    "naf": "56.10",
    "departments": ["13", "2A"],
    "headcounts": ["11", "12"],
    "without": ["role"],
    "not_contacted_for_days": 90,
}


@pytest.fixture
def owner(organisation):
    return signed_in(organisation)


@pytest.fixture
def api(organisation):
    return api_client(organisation=organisation)


@pytest.fixture
def segment(organisation):
    with tenant(organisation.pk):
        return Segment.objects.create(name="May", filters={"list": "May"})


def of_list(organisation, name, number):
    with tenant(organisation.pk):
        company = make_company(name="Tissus")
        return [make_position(list_name=name, company=company) for _ in range(number)]


def enrolled(organisation):
    with tenant(organisation.pk):
        return set(Enrollment.objects.values_list("position_id", flat=True))


# The console ----------------------------------------------------------------------------------
def test_a_segment_is_made_by_a_form_and_shown_as_it_was_filled_in(owner, organisation):
    answer = owner.post(reverse("console:outreach_segment_add"), FORM)

    assert answer.status_code == 302, answer.context["errors"]
    with tenant(organisation.pk):
        made = Segment.objects.get()
    assert made.filters == KEPT
    page = owner.get(reverse("console:outreach_segment_change", args=[made.pk]))
    form = page.context["adminform"].form
    assert {name: form[name].value() for name in KEPT} == KEPT | {"departments": "13, 2A"}


def test_a_filter_that_cannot_be_used_is_a_sentence_on_the_page(owner, organisation):
    answer = owner.post(reverse("console:outreach_segment_add"), FORM | {"departments": "Lyon"})

    assert "send codes of French departments, such as 13" in answer.text
    with tenant(organisation.pk):
        assert not Segment.objects.exists()


def test_a_segment_shows_how_many_and_the_first_twenty(owner, organisation, segment):
    rows = of_list(organisation, "May", 21)
    of_list(organisation, "June", 1)

    page = owner.get(reverse("console:outreach_segment_change", args=[segment.pk])).text

    assert "21 positions" in page
    assert [str(row.pk) in page for row in rows] == [True] * 20 + [False]


def test_a_segment_costs_the_same_for_one_position_and_for_many(owner, organisation, segment):
    address = reverse("console:outreach_segment_change", args=[segment.pk])

    def cost(more: int) -> int:
        of_list(organisation, "May", more)
        with CaptureQueriesContext(connection) as queries:
            owner.get(address)
        return len(queries)

    assert cost(1) == cost(9)


def test_the_list_of_positions_shows_a_segment(owner, organisation, segment, other_organisation):
    [wanted] = of_list(organisation, "May", 1)
    of_list(organisation, "June", 1)
    with tenant(other_organisation.pk):
        theirs = Segment.objects.create(name="Theirs")
    address = reverse("console:crm_position_changelist")

    shown = owner.get(address, {"segment": segment.pk}).text

    assert str(wanted.pk) in shown
    assert shown.count('name="_selected_action"') == 1
    for nowhere in (theirs.pk, "seven"):
        assert 'name="_selected_action"' not in owner.get(address, {"segment": nowhere}).text


def test_what_narrows_a_list_is_offered_as_a_segment(owner, organisation):
    [row] = of_list(organisation, "May", 1)
    query = {"list": "May", "email_status__exact": ["valid", "unknown"], "q": "tissus"}
    address = reverse("console:crm_position_changelist", query=query)

    answer = owner.post(address, {"action": "save_as_segment", "_selected_action": [row.pk]})
    form = owner.get(answer.url).context["adminform"].form

    assert form["list"].value() == "May"
    assert form["email_statuses"].value() == ["valid", "unknown"]
    assert form["search"].value() == "tissus"


def press(owner, segments, **more):
    chosen = {"action": "enroll_in_campaign", "_selected_action": [each.pk for each in segments]}
    return owner.post(reverse(LIST), chosen | more)


def test_a_segment_is_enrolled_by_presses_of_so_many(owner, organisation, segment, monkeypatch):
    monkeypatch.setattr(enrolling, "AT_ONCE", 2)
    rows = of_list(organisation, "May", 3)
    with tenant(organisation.pk):
        campaign = make_step(make_campaign(from_mailbox=make_mailbox())).campaign

    asked = press(owner, [segment])
    first = press(owner, [segment], campaign_asked="1", campaign=campaign.pk)
    after = {"after": str(first.context["after"])}
    second = press(owner, [segment], campaign_asked="1", campaign=campaign.pk, **after)

    assert "May: 3 positions" in asked.text
    assert "2 positions were enrolled." in first.text
    assert "Go on with the next" in first.text
    assert first.context["after"] == rows[1].pk
    assert second.status_code == 302
    assert enrolled(organisation) == {row.pk for row in rows}


def test_several_segments_at_once_are_refused(owner, organisation, segment):
    with tenant(organisation.pk):
        other = Segment.objects.create(name="Other")

    answer = press(owner, [segment, other])

    assert "Choose one segment." in owner.get(answer.url).text


# The API --------------------------------------------------------------------------------------
def test_the_document_describes_every_filter_and_no_other():
    assert DOCUMENTED.keys() == FILTERS.keys()


def test_a_segment_is_added_changed_and_deleted_and_the_trail_says_so(api, organisation):
    leader = api_client(role="admin", organisation=organisation)
    made = api.post(API, {"name": "Marseille", "filters": {"naf": "5610"}})
    page = f"{API}{made.json()['id']}/"
    changed = api.patch(page, {"filters": {"departments": ["13"]}})
    deleted = leader.delete(page)

    assert made.json()["filters"] == {"naf": "56.10"}
    assert changed.json()["filters"] == {"departments": ["13"]}
    assert deleted.status_code == 204
    with tenant(organisation.pk):
        entries = AuditEvent.objects.filter(object_type="outreach.segment").order_by("id")
        assert [entry.action for entry in entries] == ["added", "changed", "deleted"]


@pytest.mark.parametrize(
    "filters", [{"colour": "red"}, {"naf": 56}, [], None, "x", {"departments": ["99"]}]
)
def test_filters_that_cannot_be_used_are_refused_by_name(api, organisation, filters):
    answer = api.post(API, {"name": "Marseille", "filters": filters})

    assert set(faults(answer)) == {"filters"}
    with tenant(organisation.pk):
        assert not Segment.objects.exists()


def test_two_segments_of_one_name_are_refused(api, segment):
    assert refusal(api.post(API, {"name": "May", "filters": {}}))[0] in {400, 409}


def test_the_positions_of_a_segment_come_in_pages_of_the_same_cost(api, organisation, segment):
    rows = of_list(organisation, "May", 3)
    of_list(organisation, "June", 1)
    page = f"{API}{segment.pk}/positions/"

    with CaptureQueriesContext(connection) as few:
        first = api.get(page, {"limit": 1}).json()
    with CaptureQueriesContext(connection) as many:
        rest = api.get(first["next"].partition("testserver")[2].replace("limit=1", "limit=9"))

    assert [each["id"] for each in first["results"]] == [str(rows[2].pk)]
    assert [each["id"] for each in rest.json()["results"]] == [str(rows[1].pk), str(rows[0].pk)]
    assert len(few) == len(many)
    assert faults(api.get(page, {"naf": "56"})) == {"naf": "unknown_field"}


def test_a_program_enrols_a_segment_by_batches(api, organisation, segment, monkeypatch):
    monkeypatch.setattr(enrolling, "AT_ONCE", 2)
    rows = of_list(organisation, "May", 3)
    with tenant(organisation.pk):
        campaign = make_step(make_campaign(from_mailbox=make_mailbox())).campaign
    body = {"campaign": str(campaign.pk)}

    first = api.post(f"{API}{segment.pk}/enroll/", body).json()
    second = api.post(f"{API}{segment.pk}/enroll/", body | {"after": first["last"]}).json()

    assert first == {"enrolled": 2, "left_out": 0, "reasons": {}, "last": str(rows[1].pk)}
    assert second == {"enrolled": 1, "left_out": 0, "reasons": {}, "last": None}
    assert enrolled(organisation) == {row.pk for row in rows}


def test_an_archived_campaign_takes_no_segment_in(api, organisation, segment):
    with tenant(organisation.pk):
        campaign = make_campaign(status="archived")

    answer = api.post(f"{API}{segment.pk}/enroll/", {"campaign": str(campaign.pk)})

    assert refusal(answer) == (409, "CAMPAIGN_CLOSED")


def test_a_segment_of_another_organisation_is_not_there(api, other_organisation):
    with tenant(other_organisation.pk):
        theirs = Segment.objects.create(name="Theirs")
        campaign = make_campaign()

    for path in ("", "positions/"):
        assert refusal(api.get(f"{API}{theirs.pk}/{path}")) == (404, "NOT_FOUND")
    answer = api.post(f"{API}{theirs.pk}/enroll/", {"campaign": str(campaign.pk)})
    assert refusal(answer) == (404, "NOT_FOUND")
