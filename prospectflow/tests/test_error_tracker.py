"""What an error tracker is told: what broke and where, and nothing of anybody."""

import json
import logging

import pytest
import sentry_sdk
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.utils import IntegrityError
from django.test import Client
from sentry_sdk.transport import Transport
from structlog.contextvars import bound_contextvars

from iam.models import User
from prospectflow.logs import tracker
from prospectflow.testing.factories import make_user

DSN = "https://public@errors.example.com/1"
# Put together, since the lines of code around an error are reported with it.
SECRET, TOKEN = "-".join(["hunter", "two"] * 2), "-".join(["open", "sesame"] * 3)
ADDRESS = "@".join(["jean.martin", "example.fr"])


class Kept(Transport):
    """In the place of the network: keeps what would have been sent."""

    def __init__(self):
        super().__init__()
        self.events = []

    def capture_envelope(self, envelope):
        if event := envelope.get_event():
            self.events.append(event)


@pytest.fixture
def reported():
    """The events that left, once the tracker has begun."""
    transport = Kept()
    with sentry_sdk.isolation_scope():
        tracker.begin(DSN, environment="testing", transport=transport)
        yield transport.events
        sentry_sdk.get_client().close()
        sentry_sdk.get_global_scope().set_client(None)


@pytest.fixture
def broken(monkeypatch):
    """Unsubscribing fails, while it holds a stranger's address in its hands."""

    def unsubscribe(token, **_):
        address = ADDRESS
        raise RuntimeError(f"no room for {address}, password={SECRET}")

    monkeypatch.setattr("outreach.views.unsubscribe", unsubscribe)
    return Client(raise_request_exception=False)


def test_an_error_is_reported_once_without_anything_of_the_person(reported, broken):
    broken.cookies["session"] = SECRET
    headers = {"Authorization": f"Bearer {SECRET}", "X-Request-ID": "a-request-of-ours"}

    broken.post(f"/u/{TOKEN}?q={SECRET}", {"password": SECRET}, headers=headers)

    (event,) = reported
    assert event["exception"]["values"][-1]["type"] == "RuntimeError"
    assert event["environment"] == "testing"
    assert event["tags"]["requestId"] == "a-request-of-ours"
    assert event["request"] == {"method": "POST", "url": "/u/[hidden]"}
    told = json.dumps(event)
    for secret in (SECRET, TOKEN, ADDRESS, "127.0.0.1"):
        assert secret not in told, secret


@pytest.mark.django_db
def test_the_values_of_a_row_that_is_refused_are_not_told(reported):
    make_user(email=ADDRESS)
    try:
        User.objects.create(email=ADDRESS)
    except IntegrityError:
        logging.getLogger("iam").exception("Not made")
    connection.set_rollback(True)

    (event,) = reported
    assert event["exception"]["values"][-1]["type"] == "IntegrityError"
    assert ADDRESS not in json.dumps(event)


def test_an_event_names_the_job_and_the_organisation_and_no_person(reported):
    with bound_contextvars(job=7, organisationId="acme's", userId=TOKEN):
        logging.getLogger("prospectflow").error("The server of %s is away", ADDRESS)

    (event,) = reported
    assert event["tags"]["job"] == "7"
    assert event["tags"]["organisationId"] == "acme's"
    assert ADDRESS not in json.dumps(event)
    assert TOKEN not in json.dumps(event)


def test_a_warning_is_no_error(reported):
    logging.getLogger("prospectflow").warning("Again in five minutes")

    assert reported == []


@pytest.mark.parametrize("dsn", ["errors", "https://errors.example.com/1", "https://key@"])
def test_an_address_that_is_none_is_refused_in_a_sentence(dsn):
    with pytest.raises(ImproperlyConfigured, match="SENTRY_DSN is malformed"):
        tracker.begin(dsn, environment="testing")


def test_without_an_address_nothing_is_reported(settings):
    assert settings.SENTRY_DSN == ""
    assert not sentry_sdk.is_initialized()
