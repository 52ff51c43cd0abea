"""Taking people into a campaign, from the list of positions and from the campaign's page."""

import pytest
from django.contrib import admin
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm.models import Position
from iam.models import AuditEvent, Role
from outreach.models import Campaign, Enrollment, Task
from outreach.services import enrolling
from outreach.services.suppressing import suppress_address
from prospectflow.console.tests.cast import signed_in
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import (
    NOON,
    make_campaign,
    make_company,
    make_enrollment,
    make_mailbox,
    make_position,
    make_step,
)

LIST = "console:crm_position_changelist"


@pytest.fixture
def owner(organisation) -> Client:
    return signed_in(organisation)


@pytest.fixture
def campaign(organisation) -> Campaign:
    with tenant(organisation.pk):
        return make_ready_campaign(name="Spring")


def make_ready_campaign(**fields) -> Campaign:
    return make_step(make_campaign(from_mailbox=make_mailbox(), **fields)).campaign


def run(client, positions, *, query=None, across=False, **data):
    """The action of the list, as the browser posts it: first to be asked, then to answer."""
    wanted = {
        "action": "enroll_in_campaign",
        "_selected_action": [position.pk for position in positions],
        "select_across": "1" if across else "0",
    }
    return client.post(reverse(LIST, query=query), wanted | data)


def answer(client, positions, campaign, **kwargs):
    return run(client, positions, campaign_asked="1", campaign=campaign.pk, **kwargs)


def enrolled(organisation):
    with tenant(organisation.pk):
        return set(Enrollment.objects.values_list("position_id", flat=True))


def said(response) -> str:
    return " ".join(map(str, get_messages(response.wsgi_request)))


def test_the_action_asks_for_one_of_the_campaigns_that_take_people_in(owner, organisation):
    with tenant(organisation.pk):
        for status in Campaign.Status.values:
            make_campaign(name=f"The {status} one", status=status)
        position = make_position(email="zoe@example.com")

    page = run(owner, [position], index="0")

    assert page.status_code == 200
    for status in ("draft", "running", "paused"):
        assert f"The {status} one" in page.text
    assert "The archived one" not in page.text
    assert "1 position<" in page.text
    assert "zoe@example.com" in page.text
    assert enrolled(organisation) == set()


def test_without_a_campaign_the_page_says_to_make_one(owner, organisation):
    with tenant(organisation.pk):
        position = make_position()

    page = run(owner, [position], index="0")

    assert reverse("console:outreach_campaign_add") in page.text
    assert ">Enrol<" not in page.text


def test_the_selected_are_enrolled_and_no_other(owner, organisation, campaign):
    with tenant(organisation.pk):
        chosen, _other = [make_position(), make_position()], make_position()

    response = answer(owner, chosen, campaign)

    assert response.status_code == 302
    assert response.url == reverse(LIST)
    assert enrolled(organisation) == {position.pk for position in chosen}
    assert "2 positions were enrolled." in said(response)
    with tenant(organisation.pk):
        assert Task.objects.filter(campaign=campaign).count() == 2
        entry = AuditEvent.objects.get(action="enrolled")
        assert entry.object_id == str(campaign.pk)
        assert "Spring: 2 positions" in entry.description


def test_it_says_how_many_were_left_out(owner, organisation, campaign):
    with tenant(organisation.pk):
        fine = make_position()
        already = make_enrollment(campaign=campaign).position
        suppressed = make_position(email="never@example.com")
        suppress_address("never@example.com", reason="by_hand", source="a call", at=NOON)
        unusable = make_position(email_status="invalid")
        opposed = make_position(company=make_company(diffusion="P"))

    response = answer(owner, [fine, already, suppressed, unusable, opposed], campaign)

    assert enrolled(organisation) == {fine.pk, already.pk}
    assert said(response).endswith(
        "1 position was enrolled. 4 left out: 1 already in, 1 suppressed,"
        " 1 without a usable address, 1 in a company that opposes prospecting."
    )


def test_the_whole_list_is_enrolled_as_it_was_searched_and_filtered(
    owner, organisation, campaign, monkeypatch
):
    monkeypatch.setattr(admin.site.get_model_admin(Position), "list_per_page", 2)
    with tenant(organisation.pk):
        company = make_company(name="Tissus Sud")
        found = [make_position(company=company) for _ in range(5)]
        make_position(company=company, email_status="generic")
        make_position()
    query = {"q": "tissus", "email_status__exact": "unknown"}

    page = run(owner, found[:2], query=query, across=True, index="0")
    response = answer(owner, found[:2], campaign, query=query, across=True)

    assert "Every position of the list" in page.text
    assert "narrowed by the search “tissus”" in page.text
    assert 'name="select_across" value="1"' in page.text
    assert enrolled(organisation) == {position.pk for position in found}
    assert response.url == reverse(LIST, query=query)


def test_the_whole_list_is_enrolled_without_counting_it(owner, organisation, campaign):
    with tenant(organisation.pk):
        position = make_position()

    with CaptureQueriesContext(connection) as queries:
        run(owner, [position], across=True, index="0")
        answer(owner, [position], campaign, across=True)

    assert enrolled(organisation) == {position.pk}
    assert not [query for query in queries if "COUNT(*)" in query["sql"].upper()]


def test_more_than_a_request_can_carry_is_refused_with_a_sentence(
    owner, organisation, campaign, monkeypatch
):
    monkeypatch.setattr(enrolling, "AT_ONCE", 2)
    with tenant(organisation.pk):
        positions = [make_position() for _ in range(3)]

    response = answer(owner, positions[:1], campaign, across=True)

    assert "narrow the list" in said(response)
    assert enrolled(organisation) == set()


def test_enrolling_costs_the_same_for_one_and_for_many(owner, organisation, campaign):
    def cost(number: int) -> list[int]:
        with tenant(organisation.pk):
            positions = [make_position() for _ in range(number)]
            for _ in range(number):
                make_ready_campaign()
        costs = []
        for act in (
            lambda: run(owner, positions, index="0"),
            lambda: answer(owner, positions, campaign),
        ):
            with CaptureQueriesContext(connection) as queries:
                act()
            costs.append(len(queries))
        return costs

    assert cost(1) == cost(7)


def test_without_an_answer_the_page_asks_again(owner, organisation, campaign):
    with tenant(organisation.pk):
        position = make_position()

    page = run(owner, [position], campaign_asked="1")

    assert "Choose a campaign." in page.text
    assert enrolled(organisation) == set()


def test_an_archived_and_another_organisations_campaign_are_refused(
    owner, organisation, other_organisation
):
    with tenant(other_organisation.pk):
        theirs = make_ready_campaign(name="Theirs")
    with tenant(organisation.pk):
        position, archived = make_position(), make_ready_campaign(status="archived")

    for campaign in (theirs, archived):
        page = answer(owner, [position], campaign)
        assert "takes nobody in" in page.text
        assert "Theirs" not in page.text
    assert owner.get(reverse("console:campaign_enroll", args=[theirs.pk])).status_code == 404
    assert owner.post(reverse("console:campaign_enroll", args=[theirs.pk])).status_code == 404
    for each in (organisation, other_organisation):
        assert enrolled(each) == set()


def test_another_organisations_positions_are_not_enrolled(
    owner, organisation, other_organisation, campaign
):
    with tenant(other_organisation.pk):
        theirs = make_position()

    response = answer(owner, [theirs], campaign)

    assert "0 positions were enrolled." in said(response)
    assert enrolled(organisation) == set()


def test_a_refusal_of_the_campaign_is_a_message(owner, organisation):
    with tenant(organisation.pk):
        bare, position = make_campaign(name="Bare"), make_position()

    answers = [
        answer(owner, [position], bare),
        owner.post(reverse("console:campaign_enroll", args=[bare.pk])),
    ]

    for response in answers:
        assert "Bare takes people in once it has a step and a mailbox." in said(response)
    assert enrolled(organisation) == set()


def test_a_viewer_enrolls_nobody(organisation, campaign):
    with tenant(organisation.pk):
        position = make_position()
    viewer = signed_in(organisation, role=Role.VIEWER)
    page = reverse("console:campaign_enroll", args=[campaign.pk])

    assert "enroll_in_campaign" not in viewer.get(reverse(LIST)).text
    assert page not in viewer.get(reverse("console:campaign", args=[campaign.pk])).text
    answer(viewer, [position], campaign)
    answer(viewer, [position], campaign, across=True)
    assert viewer.get(page).status_code == 403
    assert viewer.post(page).status_code == 403
    assert enrolled(organisation) == set()


def test_the_campaigns_page_leads_to_enrolling_everyone(owner, organisation, campaign):
    with tenant(organisation.pk):
        fine = [make_position(), make_position(email="zoe@example.com")]
        make_position(email_status="invalid")
        make_position(email="never@example.com")
        suppress_address("never@example.com", reason="by_hand", source="a call", at=NOON)
    page = reverse("console:campaign_enroll", args=[campaign.pk])

    assert page in owner.get(reverse("console:campaign", args=[campaign.pk])).text
    assert "zoe@example.com" in owner.get(page).text
    assert enrolled(organisation) == set()
    response = owner.post(page)

    assert response.url == reverse("console:campaign", args=[campaign.pk])
    assert enrolled(organisation) == {position.pk for position in fine}
    assert "2 positions were enrolled. 1 left out" in said(response)


def test_everyone_is_taken_in_part_by_part(owner, organisation, campaign, monkeypatch):
    monkeypatch.setattr(enrolling, "AT_ONCE", 2)
    with tenant(organisation.pk):
        for _ in range(3):
            make_position()
    page = reverse("console:campaign_enroll", args=[campaign.pk])

    numbers = []
    for _ in range(2):
        owner.post(page)
        numbers.append(len(enrolled(organisation)))

    assert numbers == [2, 3]
    assert "in “Spring” already" in owner.get(page).text


def test_asking_about_everyone_costs_the_same_for_one_and_for_many(owner, organisation, campaign):
    def cost(number: int) -> int:
        with tenant(organisation.pk):
            for _ in range(number):
                make_position()
        with CaptureQueriesContext(connection) as queries:
            owner.get(reverse("console:campaign_enroll", args=[campaign.pk]))
        return len(queries)

    assert cost(1) == cost(7)


def test_an_archived_campaigns_page_offers_no_enrolling(owner, organisation):
    with tenant(organisation.pk):
        archived = make_ready_campaign(status="archived")
        make_position()
    page = reverse("console:campaign_enroll", args=[archived.pk])

    assert page not in owner.get(reverse("console:campaign", args=[archived.pk])).text
    assert "An archived campaign takes nobody in." in said(owner.post(page))
    assert enrolled(organisation) == set()
