"""The matrix of the console: every page, every action, everybody who could open it.

permissions/console.py says which capability each takes, iam.roles who has it.
"""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.messages import get_messages
from django.db.models import Model

from crm.models import Company, Position
from iam.auth import AuthConfiguration
from outreach.models import Campaign, Draft, ImportUpload, Mailbox, Task
from prospectflow.console.import_moves import MOVES
from prospectflow.tenancy.middleware import SESSION_KEY
from prospectflow.tests.permissions.console import (
    ABSENT,
    IMPORT_MOVES,
    NOBODY,
    NOTHING,
    PAGES,
    PUBLIC,
    SIGNED_IN,
    STAFF,
    TABLES,
)
from prospectflow.tests.permissions.routes import CONSOLE_ROUTES
from prospectflow.tests.permissions.world import (
    ANONYMOUS,
    AT_THE_CONSOLE,
    IDS,
    PLACELESS_SESSION,
    World,
    has,
    undone,
    writes,
)

REACHED, FORBIDDEN, NOT_THERE = "reached", "403", "not there"
TO_SIGN_IN, TO_THE_CHOOSER, NO_METHOD = "to the sign-in", "to the chooser", "no such method"
MODELS: dict[str, type[Model]] = {model._meta.label: model for model in admin.site._registry}
VARIABLE = re.compile(r"<[a-z]+:(\w+)>")
ROUTES = {route.name or route.path: route.path for route in CONSOLE_ROUTES}
ADDRESSES = {  # what a pattern does not say by itself
    "app_list": "crm/",
    "autocomplete": "autocomplete/?app_label=outreach&model_name=campaign&field_name=from_mailbox",
    "(?P<url>.*)$": "nowhere/",
}
ROWS = {
    "draft_id": Draft,
    "position_id": Position,
    "campaign_id": Campaign,
    "mailbox_id": Mailbox,
    "task_id": Task,
    "upload_id": ImportUpload,
    "object_id": Company,
}
# Nobody began to sign in here, and no provider answers: a page says so.
KNOCKED = {"oidc-login": "503", "oidc-callback": "400"}
# Each page over a table: how it is asked, and which line of the table it obeys.
OVER_A_TABLE = [
    ("GET", "changelist", "view"),
    ("GET", "add", "add"),
    ("POST", "add", "add"),
    ("GET", "change", "view"),
    ("POST", "change", "change"),
    ("GET", "delete", "delete"),
    ("POST", "delete", "delete"),
    ("GET", "history", "view"),
]
OF_ONE_ROW = {"change", "delete", "history"}
LINES = [(label, *line) for label in TABLES for line in OVER_A_TABLE]
MORE = [(label, name) for label, table in TABLES.items() for name in table.more]
ACTIONS = [
    (label, action, capability)
    for label, table in TABLES.items()
    for action, capability in {"delete_selected": table.delete, **table.actions}.items()
]
OWN_PAGES = [(method, name) for name in PAGES for method in ("GET", "POST")]


# Nothing is forgotten -------------------------------------------------------------------------
def test_the_tables_name_every_page_of_the_console_and_no_other():
    over_tables = {
        name
        for label, table in TABLES.items()
        for name in [f"{stem(label)}/<path:object_id>/", *names(label, table.more)]
    }

    assert over_tables | set(PAGES) == set(ROUTES)


@pytest.mark.parametrize("label", TABLES)
def test_the_table_names_every_action_over_the_rows_and_no_other(label):
    model_admin = admin.site.get_model_admin(MODELS[label])

    offered = {action.name for action in model_admin._get_base_actions()}

    assert offered == {"delete_selected", *TABLES[label].actions}


# Who gets where -------------------------------------------------------------------------------
@pytest.mark.parametrize(("label", "method", "page", "rule"), LINES)
def test_pages_over_a_table_open_to_those_whom_the_table_names(world, label, method, page, rule):
    address = f"/{stem(label)}/" if page == "changelist" else f"/{stem(label)}/{page}/"
    if page in OF_ONE_ROW:
        address = f"/{stem(label)}/{world.row(MODELS[label]).pk}/{page}/"
    data = {"post": "yes"} if page == "delete" else {}
    capability = getattr(TABLES[label], rule)

    said = {name: outcome(world, name, method, address, data) for name in AT_THE_CONSOLE}

    rules = {name: expected(name, capability, of_a_row=page in OF_ONE_ROW) for name in said}
    if (method, page) == ("POST", "change"):
        rules["stranger"] = NOT_THERE  # looked for before anybody asks who may
    assert said == rules


@pytest.mark.parametrize(("label", "action", "capability"), ACTIONS)
def test_actions_over_rows_are_for_those_whom_the_table_names(world, label, action, capability):
    row = world.row(MODELS[label])
    data = {"action": action, "_selected_action": str(row.pk)}

    said = {name: outcome(world, name, "POST", f"/{stem(label)}/", data) for name in AT_THE_CONSOLE}

    assert said == {name: expected(name, capability) for name in AT_THE_CONSOLE}


@pytest.mark.parametrize(("label", "name"), MORE)
def test_pages_that_only_one_table_has_open_to_those_whom_it_names(world, label, name):
    address = "/" + filled(world, ROUTES[f"{stem(label).replace('/', '_')}_{name}"])

    said = {each: outcome(world, each, "GET", address) for each in AT_THE_CONSOLE}

    capability = TABLES[label].more[name]
    assert said == {each: expected(each, capability) for each in AT_THE_CONSOLE}


@pytest.mark.parametrize(("method", "name"), OWN_PAGES)
def test_the_consoles_own_pages_open_to_those_whom_the_table_names(world, settings, method, name):
    settings.AUTH = AuthConfiguration(issuer="http://127.0.0.1:9", client_id="no-provider-is-there")
    address = "/" + ADDRESSES.get(name, filled(world, ROUTES[name]))
    of_a_row = bool(set(VARIABLE.findall(ROUTES[name])) & set(ROWS))

    said = {each: outcome(world, each, method, address) for each in AT_THE_CONSOLE}

    assert said == {
        each: of_a_page(each, name, method, of_a_row=of_a_row) for each in AT_THE_CONSOLE
    }


def test_the_table_names_every_move_of_an_import_and_no_other():
    assert set(IMPORT_MOVES) == set(MOVES)


@pytest.mark.parametrize("sure", ["", "on"])
@pytest.mark.parametrize("to", IMPORT_MOVES)
def test_moves_of_an_import_are_for_those_whom_the_table_names(world, to, sure):
    address = "/" + filled(world, ROUTES["import_move"])
    data = {"to": to, "sure": sure}

    said = {each: outcome(world, each, "POST", address, data) for each in AT_THE_CONSOLE}

    capability = IMPORT_MOVES[to]
    assert said == {each: expected(each, capability, of_a_row=True) for each in AT_THE_CONSOLE}


def test_a_bearer_token_opens_no_page_of_the_console(world):
    for page in ("/", "/crm/company/", "/organisations/", "/sessions/"):
        answer = world.api["owner"].get(page)

        assert answer.status_code == 302
        assert answer["Location"].startswith("/login/")


def test_a_forged_entry_into_another_organisation_opens_nothing(world):
    stranger = world.browser("stranger")
    session = stranger.session
    session[SESSION_KEY] = str(world.acme.pk)
    session.save()

    assert stranger.get("/crm/company/")["Location"].startswith("/organisations/?next=")


# What should come out -------------------------------------------------------------------------
def expected(name: str, capability: str, *, of_a_row: bool = False) -> str:
    if capability in {PUBLIC, ABSENT}:
        return REACHED if capability == PUBLIC else NO_METHOD
    if name == ANONYMOUS:
        return TO_SIGN_IN
    if capability == SIGNED_IN:
        return REACHED
    if capability == STAFF:
        return REACHED if name == "operator" else FORBIDDEN
    if name == PLACELESS_SESSION:
        return TO_THE_CHOOSER
    if capability == NOTHING:
        return NOT_THERE
    if capability == NOBODY or not has(name, capability):
        return FORBIDDEN
    return NOT_THERE if name == "stranger" and of_a_row else REACHED


def of_a_page(name: str, page: str, method: str, *, of_a_row: bool) -> str:
    capability = PAGES[page][method]
    if capability is not None:
        said = expected(name, capability, of_a_row=of_a_row)
        return KNOCKED.get(page, said) if capability == PUBLIC else said
    by_themselves = {SIGNED_IN, STAFF} & set(PAGES[page].values())
    said = expected(name, SIGNED_IN if by_themselves else "view")
    return NO_METHOD if said == REACHED else said


# What comes out -------------------------------------------------------------------------------
def outcome(world: World, name: str, method: str, address: str, data: Any = None) -> str:
    client = world.browser(name)
    before = writes()
    with undone():
        answer = getattr(client, method.lower())(address, data or {})
        said = _said(answer)
        if name == "stranger" and _leaks(world, answer, f"{address} {data}"):
            said = f"{said}, with what is not theirs"
    return said if said == REACHED or writes() == before else f"{said}, after writing"


def _said(answer: Any) -> str:
    where = answer.headers.get("Location", "")
    told = [str(message) for message in get_messages(answer.wsgi_request)]
    nobody = not answer.wsgi_request.user.is_authenticated
    if answer.status_code == 302 and (where.startswith("/login/") or (nobody and where == "/")):
        return TO_SIGN_IN
    if answer.status_code == 302 and where.partition("?")[0] == "/organisations/":
        return TO_THE_CHOOSER
    if answer.status_code == 404 or any("doesn’t exist" in text for text in told):
        return NOT_THERE
    if answer.status_code == 403 or "No action selected." in told or _only_listed(answer):
        return FORBIDDEN
    if answer.status_code == 405:
        return NO_METHOD
    return REACHED if answer.status_code < 400 else str(answer.status_code)


def _only_listed(answer: Any) -> bool:
    """A list that was sent an action, offers none to this person and so shows itself."""
    asked = answer.wsgi_request
    return "action" in asked.POST and b'id="changelist-form"' in answer.content


def _leaks(world: World, answer: Any, asked: str) -> bool:
    shown = b"".join(answer).decode(errors="replace")
    for told in IDS.findall(asked):
        shown = shown.replace(told, "")
    return world.leaks(shown)


def filled(world: World, path: str) -> str:
    """The address with rows of Acme in the place of its variables."""
    values = {name: str(world.row(model).pk) for name, model in ROWS.items()}
    values |= {"token": "unknown", "form": "csv", "content_type_id": "1"}
    return VARIABLE.sub(lambda found: values[found[1]], path)


def stem(label: str) -> str:
    return label.lower().replace(".", "/")


def names(label: str, more: Any) -> list[str]:
    pages = ["changelist", "add", "change", "delete", "history", *more]
    return [f"{stem(label).replace('/', '_')}_{page}" for page in pages]
