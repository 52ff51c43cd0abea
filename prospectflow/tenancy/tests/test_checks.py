"""A model that forgets the room stops the start."""

import pytest
from django.db import models
from django.test.utils import isolate_apps

from crm.models import Company
from iam.models import Organisation
from prospectflow.tenancy.checks import _errors, check_tenant_models
from prospectflow.tenancy.fields import TenantForeignKey
from prospectflow.tenancy.models import TenantModel


@pytest.fixture
def errors_of():
    """The ids of what the checks say about a model that is made for this question alone."""

    def errors_of(fields=None, **meta):
        with isolate_apps("iam", "crm") as registry:
            registry.register_model("iam", Organisation)
            inner = type(
                "Meta", (TenantModel.Meta,), {"app_label": "crm", "abstract": False} | meta
            )
            body = {"__module__": "crm.models", "Meta": inner} | (fields or {})
            return [error.id for error in _errors(type("Thing", (TenantModel,), body))]

    return errors_of


def test_a_whole_model_is_accepted(errors_of):
    fields = {"company": TenantForeignKey(Company, models.DB_CASCADE, related_name="+")}

    assert errors_of(fields) == []


def test_a_model_that_drops_its_policy_is_refused(errors_of):
    assert errors_of(constraints=[]) == ["tenancy.E001"]


def test_a_plain_reference_to_a_tenants_row_is_refused(errors_of):
    fields = {"company": models.ForeignKey(Company, models.DB_CASCADE, related_name="+")}

    assert errors_of(fields) == ["tenancy.E002"]


def test_an_index_that_begins_elsewhere_is_refused(errors_of):
    indexes = [models.Index(fields=["created_at"], name="things_newest")]

    assert errors_of(indexes=indexes) == ["tenancy.E003"]


def test_a_hidden_table_in_between_is_refused(errors_of):
    fields = {"companies": models.ManyToManyField(Company, related_name="+")}

    assert errors_of(fields) == ["tenancy.E004"]


def test_the_models_that_there_are_forget_nothing():
    assert check_tenant_models(None) == []
