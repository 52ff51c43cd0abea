"""What is wrong with a value is said in our words, whoever found it."""

from collections.abc import Iterator

import pytest
from django.core.exceptions import ValidationError
from rest_framework import serializers

from crm.api.serializers import FactsSerializer, SourcedSerializer
from outreach.api.ruled import RuledSerializer, TemplatesSerializer
from prospectflow.api.filtering import Filters
from prospectflow.api.sentences import sentence_of
from prospectflow.api.serializers import StrictModelSerializer, StrictSerializer
from prospectflow.api_urls import router
from prospectflow.testing.api import api_client, machine_client

BASES = {
    FactsSerializer,
    SourcedSerializer,
    RuledSerializer,
    StrictModelSerializer,
    TemplatesSerializer,
}
COMPANIES = "/api/v1/companies/"
PHONE = {"number": "+33140200000"}
NOWHERE = "00000000-0000-7000-8000-000000000000"


def kinds(base: type = StrictSerializer) -> set[type]:
    below = {each for each in base.__subclasses__() if ".tests." not in each.__module__}
    return (below - BASES).union(*map(kinds, below))


def said_by(field) -> Iterator[object]:
    """Every sentence that the field, and what is within it, may answer with."""
    yield from field.error_messages.values()
    if not isinstance(field, serializers.BaseSerializer):
        yield from (each.message for each in field.validators if hasattr(each, "message"))
    for within in ("child", "child_relation"):
        if hasattr(field, within):
            yield from said_by(getattr(field, within))


@pytest.mark.parametrize("kind", sorted(kinds(), key=lambda kind: kind.__name__))
def test_no_field_of_a_body_speaks_as_a_framework_does(kind):
    fields = [field for field in kind().fields.values() if not field.read_only]

    assert all(type(said) is str for field in fields for said in said_by(field))


@pytest.mark.parametrize("view", [view for _, view, _ in router.registry if view.filter_backends])
def test_no_filter_speaks_as_a_framework_does(view, rf):
    request = rf.get("/")
    request.query_params = request.GET
    filterset = Filters().get_filterset(request, view.queryset.none(), view)
    fields = filterset.form.fields.values() if filterset else []

    assert all(type(said) is str for field in fields for said in said_by(field))


def details(answer) -> dict[str, tuple[str, str]]:
    assert answer.status_code == 400, answer.content
    return {each["field"]: (each["code"], each["detail"]) for each in answer.json()["errors"]}


@pytest.mark.django_db
def test_what_a_body_is_told():
    client = api_client()

    assert details(client.post(COMPANIES, {"name": "", "diffusion": "x"})) == {
        "name": ("blank", "Fill this in."),
        "diffusion": ("invalid_choice", "Send one of: O, P."),
    }
    assert details(client.post(COMPANIES, {"name": None})) == {
        "name": ("null", "This cannot be null: send a value.")
    }
    assert details(client.post(COMPANIES, {})) == {
        "name": ("required", "This is missing: send it.")
    }
    assert details(client.post("/api/v1/campaigns/", {"name": "x" * 101})) == {
        "name": ("max_length", "Send at most 100 characters.")
    }
    assert details(client.post("/api/v1/phones/", PHONE | {"person": NOWHERE})) == {
        "person": ("does_not_exist", f"There is no such person here: “{NOWHERE}”.")
    }
    assert details(client.post("/api/v1/phones/", PHONE | {"person": "me"})) == {
        "person": ("invalid", "Send a UUID.")
    }


@pytest.mark.django_db
def test_what_a_filter_is_told():
    client = machine_client("admin")

    assert details(client.get("/api/v1/phones/?kind=x&person=y")) == {
        "kind": ("invalid_choice", "Send one of: mobile, fixed, voip, other."),
        "person": ("invalid", "Send a UUID."),
    }
    assert details(client.get(f"/api/v1/webhook-deliveries/?endpoint={NOWHERE}")) == {
        "endpoint": ("invalid_choice", "There is no such webhook endpoint here.")
    }
    assert details(client.get("/api/v1/statistics/?day__gte=soon")) == {
        "day__gte": ("invalid", "Send a day such as 2027-03-02.")
    }


def test_a_rule_of_a_model_keeps_our_words_and_loses_the_frameworks():
    ours = ValidationError("Write a zone.", "unknown")
    theirs = serializers.CharField().error_messages["blank"]

    assert sentence_of(ours) == "Write a zone."
    assert sentence_of(ValidationError(theirs, "blank")) == "Fill this in."
    assert sentence_of(ValidationError(theirs, "odd")) == "This is not what is taken here."
