"""No list can be asked about a column that its filters do not offer."""

import re

import pytest
from django.contrib import admin
from django.contrib.auth.hashers import make_password
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from iam.models import Role
from prospectflow.console.tests.cast import signed_in

SECRET = re.compile("password|cognito_sub|digest|hash|token|sha256|^raw$")
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
COMPARISONS = ("", "__exact", "__gt", "__gte", "__lt", "__in", "__isnull", "__startswith")


def secrets_of(model: type[Model]) -> list[str]:
    return [field.name for field in model._meta.concrete_fields if SECRET.search(field.name)]


def reachable_secrets(model: type[Model]) -> list[str]:
    """The model's own secret columns, and those of every row it is related to."""
    related = [each for each in model._meta.get_fields() if each.related_model]
    far = (f"{each.name}__{name}" for each in related for name in secrets_of(each.related_model))
    return [*secrets_of(model), *far]


PATHS = [(model, path) for model in MODELS for path in reachable_secrets(model)]


@pytest.fixture
def viewer(organisation) -> Client:
    return signed_in(organisation, role=Role.VIEWER)


@pytest.mark.parametrize(
    ("model", "path"), PATHS, ids=[f"{model._meta.label}.{path}" for model, path in PATHS]
)
def test_no_list_is_searched_by_a_secret(rf, model, path):
    model_admin = admin.site.get_model_admin(model)
    request = rf.get("/")

    allowed = [
        each for each in COMPARISONS if model_admin.lookup_allowed(path + each, "a", request)
    ]

    assert allowed == []


def test_the_secrets_are_found_by_their_names():
    found = {f"{model._meta.model_name}.{path}" for model, path in PATHS}

    assert found >= {
        "user.password",
        "user.cognito_sub",
        "membership.user__password",
        "mailbox.sealed_password",
        "message.raw",
    }


@pytest.mark.parametrize("lookup", ["password__gt", "cognito_sub__gt", "email__gt", "is_superuser"])
def test_a_viewer_cannot_feel_for_a_persons_columns(viewer, lookup):
    answer = viewer.get(reverse("console:iam_user_changelist"), {lookup: make_password(None)})

    assert answer.status_code == 400
