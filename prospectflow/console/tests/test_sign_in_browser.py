"""Chromium signs in with a certified provider, switches, signs out, and finds nothing left."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from iam.models import AuditEvent, Membership, User
from iam.tests import providers
from iam.tests.providers import Provider
from prospectflow.console.tests.test_browser import CHROMIUM
from prospectflow.operations.demo.web import web_process
from prospectflow.tenancy.context import tenant
from prospectflow.testing import processes
from prospectflow.testing.factories import make_organisation, make_user

SUBJECT = "ada-1815"


@pytest.fixture
def acme(committed):
    """An organisation whose owner has never signed in."""
    return make_organisation(name="Acme", slug="acme", owner=make_user(email="ada@example.com"))


@pytest.fixture
def other(acme):
    """A second one, of which the same person is a member."""
    other = make_organisation(name="Other Ltd", slug="other")
    with tenant(other.pk):
        Membership.objects.create(user=User.objects.get(email="ada@example.com"))
    return other


@pytest.fixture
def url():
    """Where our web process will be; the provider must know it beforehand."""
    return f"http://127.0.0.1:{providers.free_port()}"


@pytest.fixture
def provider(url) -> Iterator[Provider]:
    with providers.certified(url) as provider:
        provider.introduce(SUBJECT)
        yield provider


@pytest.fixture
def address(acme, url, provider, monkeypatch, tmp_path) -> Iterator[str]:
    """A web process of its own, on the tests' database, where nobody has a password."""
    own = {
        "PUBLIC_URL": url,
        "PASSWORD_SIGN_IN": "off",
        "OIDC_ISSUER": provider.issuer,
        "OIDC_CLIENT_ID": providers.CLIENT_ID,
    }
    for name, value in (processes.environment() | own).items():
        monkeypatch.setenv(name, value)
    with web_process(url, tmp_path / "web.log"):
        yield url


@contextmanager
def browser_page() -> Iterator[Page]:
    """A page of a browser with no history. No database work inside of it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        page = browser.new_page(viewport={"width": 1600, "height": 900})  # the menu stays open
        page.set_default_timeout(10_000)
        yield page
        browser.close()


def sign_in(page: Page, address: str, path: str = "/") -> None:
    """From our page to the provider's, and back."""
    page.goto(address + path)
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("Subject").fill(SUBJECT)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{address}/**")


def sign_out(page: Page, address: str) -> None:
    """By the menu of the console; the provider, when told, asks once more."""
    page.get_by_text("ada@example.com").locator("visible=true").last.click()
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name="Yes, sign me out").click()
    page.wait_for_url(f"{address}/login/")


def test_a_person_signs_in_and_stands_in_the_only_organisation(address, acme):
    with browser_page() as page:
        sign_in(page, address, "/inbox/")
        assert page.url == f"{address}/inbox/"
        assert "Acme" in page.content()

    ada = User.objects.get(email="ada@example.com")
    assert (ada.cognito_sub, ada.get_full_name()) == (SUBJECT, "Ada Lovelace")
    with tenant(acme.pk):
        assert AuditEvent.objects.filter(action="entered", user=ada).count() == 1


def test_a_person_switches_between_two_organisations(address, acme, other):
    with browser_page() as page:
        sign_in(page, address)
        expect(page).to_have_url(f"{address}/organisations/")
        page.get_by_role("button", name="Enter Acme").click()
        page.wait_for_url(f"{address}/")
        assert "Acme" in page.content()
        page.goto(f"{address}/organisations/")
        page.get_by_role("button", name="Enter Other Ltd").click()
        page.wait_for_url(f"{address}/")
        assert "Other Ltd" in page.content()


def test_after_signing_out_nothing_is_left(address):
    with browser_page() as page:
        sign_in(page, address)
        assert "Acme" in page.content()
        cookies = page.context.cookies(address)
        page.goto(f"{address}/inbox/")

        sign_out(page, address)

        for _ in range(5):
            page.go_back()
            assert "Acme" not in page.content()
        page.context.add_cookies(cookies)  # as a thief would
        page.goto(f"{address}/inbox/")
        assert page.url == f"{address}/login/?next=/inbox/"
        page.get_by_role("link", name="Sign in").click()
        expect(page.get_by_label("Subject")).to_be_visible()  # the provider has forgotten as well


def test_a_key_rotated_between_two_sign_ins_keeps_nobody_out(address, provider):
    with browser_page() as page:
        sign_in(page, address)
        sign_out(page, address)
        provider.rotate()

        sign_in(page, address)

        assert "Acme" in page.content()
