"""Nobody sees a page of an organisation without having entered it."""

import html
import re
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from iam.auth import AuthConfiguration
from iam.models import AuditEvent, MembershipStatus, Role
from iam.services import end_access, move_membership
from prospectflow.console.tests.cast import inside_as, make_member, signed_in
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.middleware import SESSION_KEY
from prospectflow.testing.factories import NOON, make_user

CHOOSER = "/organisations/"
OWN_PAGES = ["/", "/review/", "/inbox/", "/autocomplete/"]
LISTS = [
    f"/{model._meta.app_label}/{model._meta.model_name}/"
    for model in sorted(admin.site._registry, key=lambda model: model._meta.label)
]


@pytest.fixture
def somebody(organisation, other_organisation):
    """A person with a place in both organisations, signed in, inside none."""
    user = make_user(password="a long passphrase", first_name="Inès")
    for each in (organisation, other_organisation):
        with tenant(each.pk):
            make_member(Role.MEMBER, user=user)
    return user


@pytest.fixture
def outside(somebody) -> Client:
    client = Client()
    client.force_login(somebody)
    return client


@pytest.mark.parametrize("page", [*OWN_PAGES, *LISTS])
def test_a_page_leads_to_the_chooser_until_an_organisation_is_entered(outside, page):
    answer = outside.get(page)

    assert answer.status_code == 302
    assert answer["Location"] == (
        CHOOSER if page == "/" else f"{CHOOSER}?{urlencode({'next': page})}"
    )


@pytest.mark.parametrize("page", [*OWN_PAGES, *LISTS, CHOOSER])
def test_a_page_leads_to_the_sign_in_until_somebody_signs_in(client, db, page):
    answer = client.get(page)

    assert answer.status_code == 302
    assert answer["Location"].startswith("/login/")


def test_the_chooser_lists_the_persons_organisations_and_no_other_page(outside):
    text = outside.get(CHOOSER).text

    assert "Acme" in text
    assert "Other Ltd" in text
    assert "/crm/company/" not in text


def test_entering_opens_the_pages_renews_the_session_and_is_written_down(
    outside, organisation, somebody, django_capture_on_commit_callbacks
):
    before = outside.session.session_key

    with django_capture_on_commit_callbacks(execute=True):
        answer = outside.post("/organisations/enter/", {"organisation": organisation.pk})

    assert (answer.status_code, answer["Location"]) == (303, "/")
    assert outside.session.session_key != before
    assert outside.get("/").status_code == 200
    with tenant(organisation.pk):
        assert AuditEvent.objects.filter(action="entered", user=somebody).count() == 1


def test_whoever_must_choose_goes_on_to_the_page_they_wanted(outside, organisation):
    wanted = "/crm/company/?q=a b&o=1"
    chooser = outside.get(wanted, follow=True)
    (shown,) = set(re.findall(r'name="next" value="(.*?)"', chooser.text))

    asked = {"organisation": organisation.pk, "next": html.unescape(shown)}
    answer = outside.post("/organisations/enter/", asked)

    assert (answer.status_code, answer["Location"]) == (303, "/crm/company/?q=a%20b&o=1")
    assert outside.get(answer["Location"]).status_code == 200


@pytest.mark.parametrize("page", ["enter", "accept"])
def test_a_refused_choice_does_not_forget_what_was_wanted(outside, page):
    answer = outside.post(f"/organisations/{page}/", {"organisation": "", "next": "/inbox/"})

    assert (answer.status_code, answer["Location"]) == (303, f"{CHOOSER}?next=%2Finbox%2F")


def test_what_was_to_be_sent_is_not_asked_for_again_by_a_link(outside):
    assert outside.post("/crm/company/add/", {"name": "A"})["Location"] == CHOOSER


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/\r\nA: b",
    ],
)
def test_the_chooser_leads_nobody_to_another_host(outside, organisation, wanted):
    assert 'name="next"' not in outside.get(CHOOSER, {"next": wanted}).text
    refused = outside.post("/organisations/enter/", {"organisation": "", "next": wanted})
    entered = outside.post(
        "/organisations/enter/", {"organisation": organisation.pk, "next": wanted}
    )

    assert (refused["Location"], entered["Location"]) == (CHOOSER, "/")


def test_changing_the_organisation_is_written_down_in_the_new_one(
    somebody, organisation, other_organisation, django_capture_on_commit_callbacks
):
    client = inside_as(somebody, organisation)

    with django_capture_on_commit_callbacks(execute=True):
        client.post("/organisations/enter/", {"organisation": other_organisation.pk})

    assert "Other Ltd" in client.get("/").text
    with tenant(other_organisation.pk):
        assert AuditEvent.objects.filter(action="entered").count() == 1
    with tenant(organisation.pk):
        assert not AuditEvent.objects.filter(action="entered").exists()


@pytest.mark.parametrize("wanted", ["theirs", "nonsense", ""])
def test_an_organisation_without_a_membership_is_refused(organisation, other_organisation, wanted):
    owner = signed_in(organisation)
    asked = other_organisation.pk if wanted == "theirs" else wanted

    answer = owner.post("/organisations/enter/", {"organisation": asked}, follow=True)

    assert "not an active member" in answer.text
    assert owner.session[SESSION_KEY] == str(organisation.pk)


def test_a_forged_session_enters_nothing(organisation, other_organisation):
    stranger = inside_as(make_user(), other_organisation)

    answer = stranger.get("/crm/company/")

    assert answer["Location"] == f"{CHOOSER}?next=%2Fcrm%2Fcompany%2F"
    assert SESSION_KEY not in stranger.session


def test_what_belongs_to_the_person_alone_opens_outside(outside):
    for page in (CHOOSER, "/password_change/", "/jsi18n/"):
        assert outside.get(page).status_code == 200, page


def test_signing_out_closes_everything(organisation):
    owner = signed_in(organisation)

    assert owner.post("/logout/").status_code == 200

    assert owner.get("/")["Location"].startswith("/login/")


def test_entering_is_a_post(outside):
    assert outside.get("/organisations/enter/").status_code == 405
    assert outside.get("/organisations/leave/").status_code == 405


def test_leaving_closes_the_pages(organisation):
    owner = signed_in(organisation)

    owner.post("/organisations/leave/")

    assert owner.get("/")["Location"] == CHOOSER
    with tenant(organisation.pk):
        assert AuditEvent.objects.filter(action="left").count() == 1


def test_a_disabled_membership_ends_access_at_the_next_request(organisation):
    with tenant(organisation.pk):
        member = make_member(Role.ADMIN)
    client = inside_as(member.user, organisation)
    assert client.get("/").status_code == 200

    with tenant(organisation.pk):
        move_membership(member, MembershipStatus.DISABLED, at=NOON)

    assert client.get("/")["Location"] == CHOOSER
    assert "not an active member of any" in client.get(CHOOSER).text


def test_ending_somebodys_access_ends_the_sessions_inside_and_closes_the_door_to_the_others(
    organisation,
):
    with tenant(organisation.pk):
        member = make_member(Role.MEMBER)
    inside, outside = inside_as(member.user, organisation), Client()
    outside.force_login(member.user)

    with tenant(organisation.pk):
        end_access(member, at=timezone.now())

    assert inside.get("/")["Location"].startswith("/login/")
    entered = outside.post("/organisations/enter/", {"organisation": organisation.pk}, follow=True)
    assert "sign out, and in again" in entered.text


def test_signing_in_enters_the_only_organisation(
    client, organisation, django_capture_on_commit_callbacks
):
    with tenant(organisation.pk):
        make_member(user=make_user(email="ines@example.com", password="a long passphrase"))

    with django_capture_on_commit_callbacks(execute=True):
        client.post("/login/", {"username": "Ines@example.com", "password": "a long passphrase"})

    assert client.get("/").status_code == 200
    with tenant(organisation.pk):
        assert AuditEvent.objects.filter(action="entered").count() == 1


def test_signing_in_with_two_organisations_leads_to_the_chooser(client, somebody):
    client.post("/login/", {"username": somebody.email, "password": "a long passphrase"})

    assert client.get("/")["Location"] == CHOOSER


def test_a_wrong_password_signs_nobody_in(client, somebody):
    client.post("/login/", {"username": somebody.email, "password": "another passphrase"})

    assert client.get("/")["Location"].startswith("/login/")


def test_without_passwords_the_sign_in_leads_to_the_provider_alone(client, db, settings):
    settings.PASSWORD_SIGN_IN = False

    answer = client.get("/login/?next=/review/")

    assert answer.status_code == 200
    assert 'href="/oidc/login/?next=%2Freview%2F"' in answer.text
    assert 'type="password"' not in answer.text


def test_on_a_laptop_the_sign_in_offers_both(client, db):
    answer = client.get("/login/?next=//evil.example/")

    assert 'href="/oidc/login/"' in answer.text
    assert 'type="password"' in answer.text


def test_without_passwords_and_provider_the_sign_in_says_so(client, db, settings):
    settings.PASSWORD_SIGN_IN, settings.AUTH = False, AuthConfiguration()

    answer = client.get("/login/")

    assert answer.status_code == 503
    assert "No sign-in provider is configured" in answer.text
    assert "/oidc/login/" not in answer.text


def test_a_closed_account_is_out(somebody, organisation):
    client = inside_as(somebody, organisation)
    somebody.is_active = False
    somebody.save()

    assert client.get("/")["Location"].startswith("/login/")


def test_the_themes_search_that_caches_across_organisations_answers_nothing(organisation):
    owner = signed_in(organisation)

    assert owner.get(reverse("console:search"), {"s": "comp"}).content == b""
