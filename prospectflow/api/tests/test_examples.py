"""Whoever reads how to write something sees how it looks, and what comes back."""

import pytest
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator, FormatChecker

from prospectflow.api.examples import ANSWERS, REQUESTS

DOCUMENT = SchemaGenerator().get_schema(request=None, public=True)
WRITING = {
    f"{method} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if "requestBody" in operation
}


@pytest.mark.parametrize("name", WRITING)
def test_an_operation_that_takes_a_body_shows_one_and_its_answer(name):
    operation = WRITING[name]
    answers = [each for status, each in operation["responses"].items() if status.startswith("2")]

    for body in (operation["requestBody"], *answers):
        for content in body["content"].values():
            assert len(content["examples"]) == 1, content["schema"]


@pytest.mark.parametrize("name", sorted(REQUESTS | ANSWERS))
def test_an_example_is_what_its_schema_says(name):
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    validator = Draft202012Validator(schema, format_checker=FormatChecker())

    faults = [each.message for each in validator.iter_errors((REQUESTS | ANSWERS)[name])]

    assert faults == []
