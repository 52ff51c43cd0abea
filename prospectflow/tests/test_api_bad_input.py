"""Whatever is wrong with a request, the answer names it, and nothing is written.

The OpenAPI document says what each operation takes; here each part of it is given something else.
"""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.core import signing
from drf_spectacular.generators import SchemaGenerator

from prospectflow.api.pagination import SALT
from prospectflow.tests.permissions.world import World, undone, writes

PREFIX = "/api/v1/"
DOCUMENT = SchemaGenerator().get_schema(request=None, public=True)
OPERATIONS: dict[str, dict[str, Any]] = {
    f"{method.upper()} {path.removeprefix(PREFIX)}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
LONG = "x" * 100_001
WRONG: list[Any] = [5, 1.5, "x", True, {"x": 1}, [{"x": 1}]]
FORGED = signing.dumps(["-created_at", ["0" * 32], False], key="another", salt=SALT)
BAD: dict[str, list[str]] = {
    "limit": ["0", "-1", "101", "1.5", "ten", "", "9" * 30, "\0", "٣"],
    "cursor": ["x", "", "\0", FORGED, "a" * 5000],
    "sort": ["", "nonsense", "--created_at", "created_at;--", "organisation__name", "\0"],
    "fields": ["nonsense", "id,nonsense", "password_hash", "__class__", "\0"],
    "search": ["\0"],
    "format": ["exe", "\0", ""],
}
KINDS: dict[str, type] = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "number": float,
    "object": dict,
    "string": str,
}
FORMATS = {"uuid", "date", "date-time", "email", "uri"}
BODIES = [name for name, operation in OPERATIONS.items() if "requestBody" in operation]


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def fields_of(name: str) -> dict[str, dict[str, Any]]:
    content = OPERATIONS[name]["requestBody"]["content"]["application/json"]
    return resolved(content["schema"]).get("properties", {})


def parameters_of(name: str) -> dict[str, dict[str, Any]]:
    """What may stand in the query, by name."""
    told = (each for each in OPERATIONS[name]["parameters"] if each["in"] == "query")
    return {each["name"]: each["schema"] for each in told}


pytestmark = pytest.mark.usefixtures("unhurried")


# Bodies ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", BODIES)
def test_values_of_another_kind_are_refused_by_their_fields(world, name):
    bad = {field: list(bad_values(schema)) for field, schema in fields_of(name).items()}
    assert bad
    bodies = [one_each(bad, number) for number in range(max(map(len, bad.values())))]

    said = [
        (field, body[field], fault)
        for body in bodies
        for field, fault in faults_of(world, name, body).items()
    ]

    assert said == []


@pytest.mark.parametrize("name", BODIES)
def test_texts_that_are_too_long_or_hold_a_nul_are_refused_by_their_fields(world, name):
    texts = [field for field, schema in fields_of(name).items() if "string" in kinds_of(schema)]

    faults = faults_of(world, name, dict.fromkeys(texts, "a\0b")) if texts else {}
    for field in texts:
        faults |= faults_of(world, name, {field: LONG})

    assert faults == {}


def one_each(bad: dict[str, list[Any]], number: int) -> dict[str, Any]:
    """A body in which every field is wrong that still has a way to be so."""
    return {field: values[number] for field, values in bad.items() if number < len(values)}


@pytest.mark.parametrize("name", BODIES)
def test_a_field_that_is_none_is_refused_by_its_name(world, name):
    said = [
        (field, answer)
        for field in ("nonsense", "organisation", "organisation_id", "na\0me", "")
        if (answer := faults_of(world, name, {field: str(world.other.pk)}))
    ]

    assert said == []


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_no_object_is_refused(world, name):
    bodies = ["{", "[]", "5", "null", '"x"', '{"a": NaN}', "[" * 5000]

    said = {body[:10]: ask(world, name, body)["status"] for body in bodies}

    assert said == dict.fromkeys(said, 400)


def shown(name: str) -> str:
    """A name as an answer can show it."""
    return name.replace("\0", "\N{REPLACEMENT CHARACTER}")


def bad_values(schema: dict[str, Any]) -> Iterator[Any]:
    """What JSON can say, but not here."""
    schema = resolved(schema)
    allowed = kinds_of(schema)
    if schema.get("format") == "decimal":
        allowed |= {"integer", "number"}  # a text, so that no digit is lost; but a number will do
    yield from (value for value in WRONG if allowed and not kind_of(value) & allowed)
    if "string" in allowed:
        yield from ["nonsense"] if named(schema) or schema.get("format") in FORMATS else []
    if schema.get("items"):
        yield from ([value] for value in bad_values(schema["items"]))


def kinds_of(schema: dict[str, Any]) -> set[str]:
    """The kinds of JSON that the schema lets through; none where it says nothing of them."""
    schema = resolved(schema)
    told = schema.get("type", [])
    kinds = {told} if isinstance(told, str) else set(told)
    for several in ("oneOf", "anyOf", "allOf"):
        kinds |= {kind for each in schema.get(several, []) for kind in kinds_of(each)}
    return kinds | ({"integer"} if "number" in kinds else set())


def kind_of(value: Any) -> set[str]:
    return {next(name for name, kind in KINDS.items() if type(value) is kind)}


def named(schema: dict[str, Any]) -> bool:
    """Whether the schema counts what may be said."""
    schema = resolved(schema)
    inner = [each for several in ("oneOf", "allOf") for each in schema.get(several, [])]
    return "enum" in schema or any(map(named, inner))


# Queries --------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [name for name in OPERATIONS if parameters_of(name)])
def test_a_bad_parameter_is_refused_by_its_name(world, name):
    said = [
        (parameter, value, answer)
        for parameter, schema in parameters_of(name).items()
        for value in bad_texts(parameter, schema)
        if (answer := faults_of(world, name, {parameter: value}, in_query=True))
    ]

    assert said == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_parameter_that_means_nothing_here_is_refused_by_its_name(world, name):
    assert faults_of(world, name, {"nonsense": "1"}, in_query=True) == {}


def bad_texts(parameter: str, schema: dict[str, Any]) -> list[str]:
    if parameter in BAD:
        return BAD[parameter]
    bad = {"integer": ["many", "1.5", "9" * 30], "boolean": ["perhaps"], "array": ["\0"]}
    kinds = kinds_of(schema)
    found = [text for kind in kinds for text in bad.get(kind, [])]
    if schema.get("format") in FORMATS or named(schema):
        found.append("nonsense")
    return [*found, "\0"]


# Paths ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [name for name in OPERATIONS if "{id}" in name])
def test_an_id_that_is_none_is_refused(world, name):
    for given in ("seven", "1", "x" * 300, "a\0b", "💩", "0" * 31, "' OR 1=1", "..%2f"):
        answer = ask(world, name, "{}", row=quote(given))

        nowhere = name.startswith("DELETE me/sessions/")
        assert answer["status"] == (404 if nowhere or "/" in given else 400), given
        assert nowhere or [each["field"] for each in answer["errors"]] == ["id"], given


# Asking ---------------------------------------------------------------------------------------
def faults_of(
    world: World, name: str, sent: dict[str, Any], *, in_query: bool = False
) -> dict[str, str]:
    """What was sent although it is wrong, and what the answer says, if it does not name it."""
    body, query = ("", sent) if in_query else (json.dumps(sent), {})
    answer = ask(world, name, body, query=query)
    if answer["status"] != 400 or answer["code"] != "VALIDATION_FAILED":
        return dict.fromkeys(sent, f"{answer['status']} {answer.get('code', '')}")
    named = [f"{each['field']}." for each in answer["errors"]]
    return {
        field: str(named)
        for field in sent
        if not any(each.startswith(f"{shown(field)}.") for each in named)
    }


def ask(
    world: World, name: str, body: str, *, row: str = "", query: dict[str, str] | None = None
) -> dict[str, Any]:
    """The body of the answer, if it is a refusal; nothing may have been written for one."""
    method, path = name.split(" ")
    who = "operator" if name == "POST service-accounts/" else "owner"
    row = row or world.variable(who, path.replace("{id}", "<str:pk>")) if "{id}" in path else ""
    address = f"{PREFIX}{path.replace('{id}', row)}?{urlencode(query or {})}"
    client = world.program(who)
    before = writes()
    with undone():
        answer = client.generic(method, address, body, "application/json")
        text = b"".join(answer).decode()
    if answer.status_code < 400:
        return {"status": answer.status_code}
    assert answer.headers["Content-Type"] == "application/problem+json", text
    assert writes() == before, f"{name} {body[:100]} wrote"
    return json.loads(text)
