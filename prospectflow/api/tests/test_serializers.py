"""What a body may hold, and what an answer holds."""

import pytest
from rest_framework import serializers

from crm.models import Company
from prospectflow.api.serializers import StrictModelSerializer, StrictSerializer
from prospectflow.testing.api import api_client, faults, machine_client
from prospectflow.testing.factories import make_company

COMPANIES = "/api/v1/companies/"


class CompanySerializer(StrictModelSerializer):
    class Meta:
        model = Company
        fields = ["id", "name", "domain", "created_at"]
        read_only_fields = ["created_at"]


class Line(StrictSerializer):
    text = serializers.CharField()


class Letter(StrictSerializer):
    lines = Line(many=True)


def codes(serializer) -> dict:
    serializer.is_valid()
    return {name: [fault.code for fault in found] for name, found in serializer.errors.items()}


def test_unknown_fields_are_named_beside_the_other_faults():
    assert codes(CompanySerializer(data={"nmae": "Acme", "name": ""})) == {
        "nmae": ["unknown_field"],
        "name": ["blank"],
    }


def test_unknown_fields_are_found_in_lists_within_the_body():
    letter = Letter(data={"lines": [{"text": "Hi"}, {"text": "Ho", "colour": "red"}]})

    assert not letter.is_valid()
    assert letter.errors["lines"][1]["colour"][0].code == "unknown_field"


def test_fields_that_are_only_read_may_come_back_unchanged_and_no_other_way(inside):
    company = make_company(name="Acme")
    as_read = CompanySerializer(company).data

    assert codes(CompanySerializer(company, data=as_read)) == {}
    assert codes(CompanySerializer(company, data=as_read | {"id": str(inside.pk)})) == {
        "id": ["read_only"]
    }
    assert codes(CompanySerializer(data={"name": "New", "id": str(company.pk)})) == {
        "id": ["read_only"]
    }


def test_texts_without_a_limit_of_their_own_have_one(db):
    assert codes(Line(data={"text": "x" * 10_000})) == {}
    assert codes(Line(data={"text": "x" * 10_001})) == {"text": ["max_length"]}


def test_a_text_that_stands_in_an_index_is_held_to_what_an_index_takes(inside):
    assert codes(CompanySerializer(data={"name": "x" * 501})) == {"name": ["max_length"]}


def test_an_answer_can_be_narrowed_to_some_fields(inside):
    company = make_company(name="Acme")

    narrowed = CompanySerializer([company], many=True, context={"wanted": ["name"]})

    assert narrowed.data == [{"name": "Acme"}]


@pytest.mark.django_db
def test_only_known_fields_can_be_asked_for():
    answer = api_client().get(COMPANIES, {"fields": "name,salary"})

    assert faults(answer) == {"fields": "unknown_field"}


@pytest.mark.django_db
def test_nul_characters_in_the_address_are_refused_by_the_name_of_their_parameter():
    assert faults(machine_client().get(COMPANIES, {"search": "a\0b"})) == {
        "search": "null_characters"
    }
