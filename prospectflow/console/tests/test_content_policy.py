"""What a page may load and run: the policy of each, and that a real browser finds it kept."""

import re
from urllib.parse import urlsplit

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from iam.models import Organisation
from outreach.models import Campaign, Draft, Mailbox, Message, Task
from prospectflow.console.tests.cast import make_message, make_row, signed_in
from prospectflow.console.tests.test_browser import (  # noqa: F401
    address,
    browser_page,
    organisation,
    sign_in,
)
from prospectflow.tenancy.context import tenant

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
OWN = ["index", "organisations", "sessions", "inbox", "sending", "import_new", "password_change"]
STRANGERS = ["/u/sesame-open", "/nothing-here/", "/api/docs/"]
TOLD = """document.addEventListener("securitypolicyviolation", event =>
    console.error(`policy: ${event.effectiveDirective} ${event.blockedURI}`))"""
FOREIGN = "https://elsewhere.example/seen.gif"
MAIL = f"<style>p{{color:red}}</style><p style='margin:0'>Oui<img src='{FOREIGN}'></p>"


def policy_of(answer) -> dict[str, set[str]]:
    parts = (each.split() for each in answer.headers["Content-Security-Policy"].split(";"))
    return {name: set(sources) for name, *sources in parts}


def nonce_of(answer) -> str:
    found = re.search(r"'nonce-([^']+)'", answer.headers["Content-Security-Policy"])
    return found[1] if found else ""


@pytest.fixture
def owner(organisation, client) -> Client:  # noqa: F811
    return signed_in(organisation)


@pytest.mark.parametrize("path", ["/u/sesame-open", "/api/v1/nothing/"])
def test_a_strangers_page_runs_nothing_that_is_not_ours(db, path):
    policy = policy_of(Client().get(path))

    assert policy["default-src"] == policy["script-src"] == {"'self'"}
    assert policy["style-src"] == {"'self'"}
    assert policy["object-src"] == policy["frame-ancestors"] == {"'none'"}
    assert policy["base-uri"] == policy["form-action"] == {"'self'"}


def test_the_console_evaluates_its_own_templates_and_nothing_else(owner):
    answer = owner.get("/")
    policy, nonce = policy_of(answer), f"'nonce-{nonce_of(answer)}'"

    assert policy["script-src"] == {"'self'", nonce, "'unsafe-eval'"}
    assert policy["style-src"] == {"'self'", nonce}
    assert policy["style-src-attr"] == {"'unsafe-inline'"}
    assert nonce_of(owner.get("/")) != nonce_of(answer)


@pytest.mark.parametrize("path", ["/login/", "/nothing-here/"])
def test_no_page_before_the_sign_in_has_a_script_of_its_own(db, path):
    assert unsigned(Client().get(path)) == []


def test_no_page_has_a_script_of_its_own_or_a_style_without_its_nonce(owner, organisation):  # noqa: F811
    paths = [reverse(f"console:{name}") for name in OWN] + ["/api/docs/"]
    for model in MODELS:
        name = f"console:{model._meta.app_label}_{model._meta.model_name}"
        with tenant(organisation.pk):
            row = organisation if model is Organisation else make_row(model)
        paths += [reverse(f"{name}_changelist"), reverse(f"{name}_change", args=[row.pk])]

    assert {path: found for path in paths if (found := unsigned(owner.get(path)))} == {}


def unsigned(answer) -> list[str]:
    """What in the page the browser would not run or apply."""
    page = re.sub(r'srcdoc="[^"]*"', "", answer.text)
    page = re.sub(r'<script id="\w+" type="application/json">', "", page)  # runs nowhere
    found = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|<[^>]+\son[a-z]+=[^>]*>", page)
    nonce = f'nonce="{nonce_of(answer)}"'
    return found + [each for each in re.findall(r"<style[^>]*>", page) if nonce not in each]


def pages_of(organisation) -> list[str]:  # noqa: F811
    """One page of each kind, among them two with a stranger's mail in a frame."""
    with tenant(organisation.pk):
        make_message(enrollment=Task.objects.first().enrollment, body_html=MAIL)
        campaign, mailbox = Campaign.objects.first(), Mailbox.objects.first()
        thread, draft = Message.objects.first().position_id, Draft.objects.first()
    return [
        reverse("console:crm_company_changelist"),
        reverse("console:outreach_campaign_change", args=[campaign.pk]),
        reverse("console:outreach_mailbox_change", args=[mailbox.pk]),
        reverse("console:outreach_mailbox_delete", args=[mailbox.pk]),
        reverse("console:campaign", args=[campaign.pk]),
        reverse("console:campaign_simulation", args=[campaign.pk]),
        reverse("console:review_draft", args=[draft.pk]),
        reverse("console:thread", args=[thread]),
    ]


def test_a_browser_finds_every_kind_of_page_within_its_policy(address, organisation):  # noqa: F811
    pages = ["/", "/imports/new/", *pages_of(organisation), *STRANGERS]
    complaints: list[str] = []

    with browser_page(complaints) as page:
        page.add_init_script(TOLD)
        sign_in(page, address)
        for path in pages:
            page.goto(address + path)
            assert urlsplit(page.url).path == path
        page.locator(".opblock-tag").first.wait_for()  # the last of them is made by its scripts

    told = [each for each in complaints if "olicy" in each and FOREIGN not in each]
    assert told == []
    assert any(FOREIGN in each for each in complaints)  # so a breach would have been seen
