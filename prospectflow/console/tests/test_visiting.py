"""An operator inside an organisation: with a reason, for some hours, told in its trail."""

from datetime import timedelta

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from iam.models import AuditEvent, Membership, OperatorEntry, Role, ServiceAccount
from iam.roles import OPERATOR, may
from iam.services import visit
from prospectflow.console.tests.cast import inside_as, make_member, make_reviewable_draft, make_row
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.memberships import Place
from prospectflow.tenancy.middleware import SESSION_KEY
from prospectflow.testing.factories import make_user

CHOOSER, VISIT = "/organisations/", "/organisations/visit/"
CHOOSER_FIRST = "/organisations/?next=%2Fcrm%2Fcompany%2F"
FORM = {"slug": "acme", "reason": "They asked why a mail waits.", "hours": "2"}
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)


@pytest.fixture
def operator(db):
    return make_user(email="olga@platform.example", is_staff=True)


@pytest.fixture
def outside(operator) -> Client:
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def inside(organisation, operator) -> Client:
    """The operator's browser, in the middle of a visit."""
    two = timedelta(hours=2)
    visit(operator, organisation, reason="They asked.", length=two, at=timezone.now())
    return inside_as(operator, organisation)


def entries(organisation) -> list[OperatorEntry]:
    with tenant(organisation.pk):
        return list(OperatorEntry.objects.order_by("id"))


def end_all(organisation) -> None:
    """The visits' time is over."""
    with tenant(organisation.pk):
        for entry in OperatorEntry.objects.all():
            OperatorEntry.objects.filter(pk=entry.pk).update(
                entered_at=entry.entered_at - timedelta(hours=3),
                ends_at=entry.ends_at - timedelta(hours=3),
            )


def test_an_operator_enters_with_a_reason_for_some_hours(
    outside, operator, organisation, django_capture_on_commit_callbacks
):
    before = outside.session.session_key

    with django_capture_on_commit_callbacks(execute=True):
        answer = outside.post(VISIT, FORM)

    assert (answer.status_code, answer["Location"]) == (303, "/")
    assert outside.session.session_key != before
    [entry] = entries(organisation)
    assert (entry.user, entry.reason) == (operator, FORM["reason"])
    assert entry.ends_at - entry.entered_at == timedelta(hours=2)
    with tenant(organisation.pk):
        told = AuditEvent.objects.filter(user=operator).order_by("id")
        assert [event.action for event in told] == ["added", "entered"]
        assert told[0].description == FORM["reason"]


def test_every_page_of_a_visit_says_so_and_until_when(inside, organisation):
    [entry] = entries(organisation)
    for page in ("/", "/crm/company/", "/outreach/campaign/add/", "/inbox/", CHOOSER):
        text = inside.get(page).text
        assert "You are visiting <strong>Acme</strong> as an operator, until" in text, page
        assert timezone.localtime(entry.ends_at).strftime(":%M ") in text, page


def test_no_page_of_a_member_speaks_of_a_visit(organisation):
    with tenant(organisation.pk):
        member = inside_as(make_member(Role.ADMIN).user, organisation)

    assert "End visit" not in member.get("/").text


def test_a_visit_is_ended_before_its_time(inside, organisation, operator):
    answer = inside.post("/organisations/visit/end/")

    assert answer["Location"] == CHOOSER
    assert inside.get("/crm/company/")["Location"] == CHOOSER_FIRST
    [entry] = entries(organisation)
    assert entry.ends_at <= timezone.now()
    with tenant(organisation.pk):
        told = AuditEvent.objects.filter(user=operator).order_by("id")
        assert [event.action for event in told] == ["added", "changed", "left"]
    inside.post("/organisations/enter/", {"organisation": organisation.pk})
    assert inside.get("/")["Location"] == CHOOSER


def test_a_visit_that_was_left_is_entered_again_while_it_lasts(inside, organisation):
    inside.post("/organisations/leave/")
    assert "your visit, until" in inside.get(CHOOSER).text

    inside.post("/organisations/enter/", {"organisation": organisation.pk})

    assert inside.get("/crm/company/").status_code == 200


def test_when_the_time_is_over_the_next_request_is_outside(inside, organisation):
    assert inside.get("/crm/company/").status_code == 200

    end_all(organisation)

    assert inside.get("/crm/company/")["Location"] == CHOOSER_FIRST
    assert SESSION_KEY not in inside.session
    assert "your visit" not in inside.get(CHOOSER).text


def test_who_is_no_operator_any_more_is_outside_at_once(inside, operator):
    operator.is_staff = False
    operator.save()

    assert inside.get("/crm/company/")["Location"] == CHOOSER_FIRST


@pytest.mark.parametrize("ended", ["in the organisation", "everywhere"])
def test_an_operator_whose_access_was_ended_visits_only_after_signing_in_again(
    outside, operator, organisation, ended
):
    later = timezone.now() + timedelta(seconds=1)
    if ended == "everywhere":
        type(operator).objects.filter(pk=operator.pk).update(access_after=later)
    else:
        with tenant(organisation.pk):
            make_member(user=operator, access_after=later)

    answer = outside.post(VISIT, FORM)

    assert answer.status_code == 200
    assert "sign out, and in again" in answer.text
    assert entries(organisation) == []
    assert SESSION_KEY not in outside.session


def test_a_member_enters_as_one_and_not_by_a_visit(outside, operator, organisation):
    with tenant(organisation.pk):
        make_member(Role.VIEWER, user=operator)
        before = AuditEvent.objects.count()

    answer = outside.post(VISIT, FORM)

    assert answer.status_code == 200
    assert "You are a member of that organisation" in answer.text
    assert entries(organisation) == []
    assert SESSION_KEY not in outside.session
    with tenant(organisation.pk):
        assert AuditEvent.objects.count() == before


def test_who_was_shut_out_as_a_member_may_visit(outside, operator, organisation):
    with tenant(organisation.pk):
        make_member(user=operator, status="disabled")

    assert outside.post(VISIT, FORM)["Location"] == "/"
    assert len(entries(organisation)) == 1


def test_who_joins_during_a_visit_finds_the_organisation_once(inside, operator, organisation):
    inside.post("/organisations/leave/")
    with tenant(organisation.pk):
        make_member(Role.VIEWER, user=operator)

    text = inside.get(CHOOSER).text

    assert text.count("Enter Acme") == 1
    assert "you are viewer" in text
    assert "your visit" not in text


def test_a_visit_leads_on_to_the_page_that_was_wanted(outside, organisation):
    page = outside.get("/crm/company/?q=a", follow=True).text
    assert '<input type="hidden" name="next" value="/crm/company/?q=a">' in page

    refused = outside.post(VISIT, FORM | {"slug": "nowhere", "next": "/crm/company/?q=a"})
    answer = outside.post(VISIT, FORM | {"next": "/crm/company/?q=a"})

    assert 'name="next" value="/crm/company/?q=a"' in refused.text
    assert answer["Location"] == "/crm/company/?q=a"


def test_nobody_but_an_operator_visits(organisation, other_organisation):
    with tenant(other_organisation.pk):
        member = inside_as(make_member(Role.ADMIN).user, other_organisation)
    assert "Enter as operator" not in member.get(CHOOSER).text

    assert member.post(VISIT, FORM).status_code == 403

    assert entries(organisation) == []
    assert member.session[SESSION_KEY] == str(other_organisation.pk)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("slug", "nowhere", "There is no organisation"),
        ("slug", "", "Give the organisation"),
        ("slug", "a b", "valid"),
        ("reason", "  ", "Say why you enter"),
        ("reason", "x" * 501, "at most 500"),
        ("reason", "a\0b", "Null characters"),
        ("hours", "24", "valid choice"),
        ("hours", "", "required"),
    ],
)
def test_a_visit_that_is_not_asked_for_properly_is_refused_in_a_sentence(
    outside, organisation, field, value, said
):
    answer = outside.post(VISIT, FORM | {field: value})

    assert answer.status_code == 200
    assert said in answer.text
    assert entries(organisation) == []
    assert SESSION_KEY not in outside.session


def test_visiting_and_ending_are_posts(inside):
    assert inside.get(VISIT).status_code == 405
    assert inside.get("/organisations/visit/end/").status_code == 405


def test_one_organisation_is_left_for_a_visit_of_another(inside, other_organisation):
    inside.post(VISIT, FORM | {"slug": other_organisation.slug})

    assert "Other Ltd" in inside.get("/").text


# What an operator may do is what the roles say ----------------------------------------------


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_every_page_lets_an_operator_do_what_the_role_may(inside, organisation, model):
    pages = admin.site.get_model_admin(model)
    place = Place(organisation.pk, "acme", "Acme", OPERATOR)
    with tenant(organisation.pk):
        row = organisation if model._meta.label == "iam.Organisation" else make_row(model)
    address = f"/{model._meta.app_label}/{model._meta.model_name}/"

    sees = may(place, pages.view_capability) or model is ServiceAccount
    assert (inside.get(address).status_code == 200) == sees
    deleted = inside.post(f"{address}{row.pk}/delete/", {"post": "yes"})
    if not may(place, pages.delete_capability):
        assert deleted.status_code == 403
        with tenant(organisation.pk):
            assert model.objects.filter(pk=row.pk).exists()
    changed = inside.post(f"{address}{row.pk}/change/", {})
    if pages.read_only or not may(place, pages.change_capability):
        assert changed.status_code == 403


def test_an_operator_approves_no_mail(inside, organisation):
    with tenant(organisation.pk):
        draft = make_reviewable_draft()
    page = reverse("console:review_draft", args=[draft.pk])
    assert "it does not approve them" in inside.get(page).text

    answer = inside.post(
        page, {"action": "approve", "subject": draft.subject, "body_text": draft.body_text}
    )

    assert answer.status_code == 403
    with tenant(organisation.pk):
        assert type(draft).objects.get(pk=draft.pk).status == "pending"


def test_an_operator_invites_nobody_and_takes_no_file_away(inside, organisation):
    invited = {"email": "friend@example.com", "role": "admin"}
    assert inside.post("/iam/membership/add/", invited).status_code == 403
    assert inside.get("/iam/auditevent/").status_code == 200
    assert inside.get("/iam/auditevent/export/csv/").status_code == 403


def test_the_visits_are_read_by_owner_and_admin_and_changed_by_nobody(inside, organisation):
    [entry] = entries(organisation)
    for role, sees in (("owner", True), ("admin", True), ("member", False), ("viewer", False)):
        with tenant(organisation.pk):
            user = make_member(role).user if role != "owner" else owner_of(organisation)
        client = inside_as(user, organisation)
        listed = client.get("/iam/operatorentry/")
        assert (listed.status_code == 200) == sees, role
        assert ("They asked." in listed.text) == sees, role
        changed = client.post(f"/iam/operatorentry/{entry.pk}/change/", {"reason": "none"})
        assert changed.status_code == 403, role


def owner_of(organisation):
    return Membership.objects.get(role=Role.OWNER).user
