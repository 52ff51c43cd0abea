"""Chromium shows the API's page, with nothing from elsewhere and nothing refused by the CSP."""

from collections.abc import Iterator

import pytest
from django.conf import global_settings
from playwright.sync_api import Page, expect, sync_playwright

from iam.tests.providers import free_port
from prospectflow.console.tests.test_browser import CHROMIUM
from prospectflow.operations.demo.web import web_process
from prospectflow.testing import processes
from prospectflow.testing.factories import make_organisation, make_user

PASSWORD = "correct horse battery"


@pytest.fixture
def address(committed, settings, monkeypatch, tmp_path) -> Iterator[str]:
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS  # those of the web process
    make_organisation(slug="acme", owner=make_user(email="ada@example.com", password=PASSWORD))
    url = f"http://127.0.0.1:{free_port()}"
    own = {"PUBLIC_URL": url, "PASSWORD_SIGN_IN": "on"}
    for name, value in (processes.environment() | own).items():
        monkeypatch.setenv(name, value)
    with web_process(url, tmp_path / "web.log"):
        yield url


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        yield browser.new_page(viewport={"width": 1280, "height": 900})
        browser.close()


def test_the_page_shows_the_api_once_somebody_is_signed_in(address, page):
    complaints, asked = [], []
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    page.on("request", lambda request: asked.append(request.url))

    page.goto(f"{address}/api/docs/")
    page.fill("input[name=username]", "ada@example.com")
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")

    page.get_by_role("link", name="companies", exact=True).click()
    page.locator("#operations-companies-companies_list button").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".responses-table.live-responses-table")).to_contain_text('"results": []')
    assert complaints == []
    assert all(url.startswith((address, "data:")) for url in asked)
