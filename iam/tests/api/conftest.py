"""Callers of the API with each role, in one organisation."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from iam.models import Role
from iam.services import visit
from prospectflow.tenancy.middleware import SESSION_KEY
from prospectflow.testing.api import api_client
from prospectflow.testing.factories import make_user


@pytest.fixture
def owner(organisation):
    return api_client(role=Role.OWNER, organisation=organisation)


@pytest.fixture
def admin(organisation):
    return api_client(role=Role.ADMIN, organisation=organisation)


@pytest.fixture
def member(organisation):
    return api_client(organisation=organisation)


@pytest.fixture
def operator(organisation):
    """A browser of the platform's operator, who visits the organisation."""
    user = make_user(is_staff=True)
    visit(user, organisation, reason="help", length=timedelta(hours=1), at=timezone.now())
    client = Client()
    client.force_login(user)
    session = client.session
    session[SESSION_KEY] = str(organisation.pk)
    session.save()
    return client
