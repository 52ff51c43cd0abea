"""The matrix of the API: every address, every method, everybody who could ask.

permissions/api.py says which capability each takes, iam.roles who has it.
"""

import json
import re
from typing import Any

import pytest

from iam.roles import CAPABILITIES
from prospectflow.tests.permissions.api import LINES, PERSON, PUBLIC, SIGNED_IN, TABLE
from prospectflow.tests.permissions.routes import API, API_ROUTES, METHODS
from prospectflow.tests.permissions.world import (
    ANONYMOUS,
    AT_THE_API,
    PLACELESS_TOKEN,
    PROGRAMS,
    ROLES,
    World,
    has,
    undone,
    writes,
)

REACHED, FORBIDDEN = "reached", "403 FORBIDDEN"
NOT_THERE, SIGN_IN = "404 NOT_FOUND", "401 AUTHENTICATION_REQUIRED"
NO_PLACE = "403 MISSING_ORGANISATION"
NOT_YET = "NO_REPORT_YET"
REFUSALS = {401, 403, 404, 405, 429}
VARIABLE = re.compile(r"<[a-z]+:\w+>")


def test_the_table_names_every_address_and_method_of_the_api_and_no_other():
    offered = {path: set(route.methods) for path, route in API_ROUTES.items()}

    assert {path: set(line) for path, line in TABLE.items()} == offered


def test_every_capability_is_what_some_line_takes():
    taken = {word for _, _, capability in LINES for word in capability.split()}

    assert set(CAPABILITIES) <= taken


def test_what_no_route_answers_is_nowhere_for_everybody(world):
    for path in ("nowhere/", "companies", "../v2/"):
        said = {name: _ask(world.program(name), "GET", path) for name in AT_THE_API}
        assert said == dict.fromkeys(AT_THE_API, NOT_THERE) | {PLACELESS_TOKEN: NO_PLACE}


@pytest.mark.parametrize(("method", "path", "capability"), LINES)
def test_each_may_what_the_table_says_and_a_refusal_writes_nothing(world, method, path, capability):
    said = {name: outcome(world, name, method, path) for name in AT_THE_API}

    assert said == {name: expected(name, path, capability) for name in AT_THE_API}


@pytest.mark.parametrize("path", TABLE)
def test_a_method_that_the_table_does_not_name_is_refused(world, path):
    others = sorted(METHODS - set(TABLE[path]))

    said = {outcome(world, "owner", method, path) for method in others}

    assert said == {"405 METHOD_NOT_ALLOWED"}


@pytest.mark.parametrize("path", [path for path in TABLE if VARIABLE.search(path)])
def test_what_is_nowhere_answers_like_what_is_elsewhere(world, path):
    method, capability = next(iter(TABLE[path].items()))
    nowhere = "00000000-0000-7000-8000-000000000000"

    said = {name: outcome(world, name, method, path, nowhere) for name in ("owner", "stranger")}

    allowed = capability == PERSON or has("owner", capability)
    assert set(said.values()) == {NOT_THERE if allowed else FORBIDDEN}


def test_whoever_names_an_organisation_that_is_not_theirs_gets_no_further(world):
    said = {
        name: _ask(world.program(name), "GET", "companies/", headers={"X-Organisation": slug})
        for name, slug in [("stranger", "acme"), ("owner", "other"), ("operator", "other")]
    }

    assert set(said.values()) == {"403 NOT_A_MEMBER"}


# What should come out -------------------------------------------------------------------------
def expected(name: str, path: str, capability: str) -> str:
    if capability == PUBLIC:
        return REACHED
    if name == ANONYMOUS:
        return SIGN_IN
    if capability in {SIGNED_IN, PERSON}:
        return FORBIDDEN if capability == PERSON and name in PROGRAMS else REACHED
    if name not in ROLES and name not in PROGRAMS:
        return NO_PLACE
    if not has(name, capability):
        return FORBIDDEN
    return NOT_THERE if name == "stranger" and VARIABLE.search(path) else REACHED


# What comes out -------------------------------------------------------------------------------
def outcome(world: World, name: str, method: str, path: str, row: str = "") -> str:
    client = world.program(name)
    address = VARIABLE.sub(lambda _: row or world.variable(name, path), path)
    body = "" if method == "GET" else "{}"
    before = writes()
    with undone():
        said = _ask(client, method, address, body, world if name == "stranger" else None)
    return said if said == REACHED or writes() == before else f"{said}, after writing"


def _ask(
    client: Any, method: str, path: str, body: str = "", world: World | None = None, **options: Any
) -> str:
    answer = client.generic(
        method, f"/{API}{path}", data=body, content_type="application/json", **options
    )
    text = b"".join(answer).decode()
    if world and world.leaks(text):
        return f"{answer.status_code} with what is not theirs"
    if answer.status_code == 409 or NOT_YET in text:
        return REACHED  # as things stand, whoever asks
    safe = method == "GET"
    if answer.status_code < 300 or not (
        safe or answer.status_code in REFUSALS or answer.status_code >= 500
    ):
        return REACHED
    return f"{answer.status_code} {json.loads(text).get('code', '')}".strip()
