"""The console in a real browser, against a real web process: signing in, and reviewing by keys."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from urllib.parse import urlsplit

import pytest
from django.conf import global_settings
from django.contrib.staticfiles import finders
from playwright.sync_api import Page, Route, sync_playwright

from outreach.models import Draft
from prospectflow.console.tests.cast import signed_in
from prospectflow.operations import embedded
from prospectflow.operations.demo.web import web_process
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import (
    make_campaign,
    make_draft,
    make_enrollment,
    make_mailbox,
    make_organisation,
    make_step,
    make_task,
    make_user,
)

PASSWORD = "correct horse battery"  # noqa: S105
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture
def organisation(committed, settings):
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS  # those of the web process
    owner = make_user(email="ada@example.com")
    owner.set_password(PASSWORD)
    owner.save()
    organisation = make_organisation(name="Acme", owner=owner)
    with tenant(organisation.pk):
        campaign = make_campaign(from_mailbox=make_mailbox(), status="running")
        step = make_step(campaign)
        for _ in range(2):
            enrollment = make_enrollment(campaign=campaign)
            make_draft(task=make_task(enrollment=enrollment, workflow_step=step))
    return organisation


@pytest.fixture
def address(organisation, settings, monkeypatch, tmp_path) -> Iterator[str]:
    """A web process of its own, as the serving role, on the tests' database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    database = settings.DATABASES["default"]["NAME"]
    for name, value in {
        "DATABASE_URL": embedded.database_url(settings.LOCAL_DIRECTORY, database=database),
        "REDIS_URL": settings.REDIS_URL,
        "SECRET_KEY": settings.SECRET_KEY,
        "TOKEN_KEYS": ",".join(settings.TOKEN_KEYS),
        "CREDENTIAL_KEYS": ",".join(settings.CREDENTIAL_KEYS),
        "PUBLIC_URL": url,
        "ALLOWED_HOSTS": "127.0.0.1",
        "DEBUG": "on",
        "PASSWORD_SIGN_IN": "on",
    }.items():
        monkeypatch.setenv(name, value)
    with web_process(url, tmp_path / "web.log"):
        yield url


@contextmanager
def browser_page(complaints: list[str]) -> Iterator[Page]:
    """A page that collects what the browser complains of. No database work inside of it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        page = browser.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        yield page
        browser.close()


def sign_in(page: Page, address: str) -> None:
    page.goto(address)
    page.fill("input[name=username]", "ada@example.com")
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_load_state()


def test_a_person_signs_in_and_approves_by_keys(address, organisation):
    complaints: list[str] = []

    with browser_page(complaints) as page:
        sign_in(page, address)
        assert "Acme" in page.content()
        page.goto(f"{address}/review/")
        with page.expect_navigation():
            page.keyboard.press("s")  # the first goes to the end of the queue
        page.keyboard.press("e")
        page.keyboard.press("a")  # typed into the text, not pressed
        page.keyboard.press("Escape")
        with page.expect_navigation():
            page.keyboard.press("a")

    with tenant(organisation.pk):
        approved = Draft.objects.get(status="approved")
        waiting = Draft.objects.get(status="pending")
    assert approved.approved_by.email == "ada@example.com"
    assert approved.body_text.count("a") == waiting.body_text.count("a") + 1
    assert waiting.skip_count == 1
    assert complaints == []


def serve(route: Route, html: str) -> None:
    """Answer the browser with this page and the files it asks for, without a web process."""
    path = urlsplit(route.request.url).path
    if path == "/":
        route.fulfill(body=html, content_type="text/html")
    elif file := path.startswith("/static/") and finders.find(path.removeprefix("/static/")):
        route.fulfill(path=file)
    else:
        route.abort()


BOXES = """() => ["#header-inner h1", "#header-inner .pf-button:last-of-type"].map(
    (each) => document.querySelector(each).getBoundingClientRect().toJSON())"""


@pytest.mark.parametrize("width", [390, 1280])
def test_title_and_buttons_of_a_campaign_fit_a_telephone_and_a_desk(db, width):
    organisation = make_organisation()
    with tenant(organisation.pk):
        campaign = make_campaign(name="Short films for shop windows in Marseille", status="running")
    html = signed_in(organisation).get(f"/campaigns/{campaign.pk}/").text

    with browser_page([]) as page:
        page.set_viewport_size({"width": width, "height": 844})
        page.route("**/*", partial(serve, html=html))
        page.goto("http://console.test/")
        title, button = page.evaluate(BOXES)
        overflow = page.evaluate("document.documentElement.scrollWidth") - width

    assert overflow <= 0
    assert 0 < title["left"] < title["right"] <= width
    beside, below = title["right"] <= button["left"], title["bottom"] <= button["top"]
    assert (beside, below) == ((True, False) if width == 1280 else (False, True))
