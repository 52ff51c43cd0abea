"""A request that is sent twice with one key is done once."""

from threading import Thread

import pytest
from django.db import connection
from django.test import RequestFactory
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from crm.models import Company
from iam.models import Receipt
from prospectflow.api.receipts import _digest
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults, machine_client, refusal
from prospectflow.testing.factories import make_organisation

COMPANIES = "/api/v1/companies/"
KEY = {"Idempotency-Key": "order-66"}


def names(organisation) -> list[str]:
    with tenant(organisation.pk):
        return sorted(Company.objects.values_list("name", flat=True))


@pytest.mark.django_db
def test_the_same_request_is_answered_again_and_done_once():
    client = api_client()

    first = client.post(COMPANIES, {"name": "Acme"}, headers=KEY)
    again = client.post(COMPANIES, {"name": "Acme"}, headers=KEY)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    for header in ("Content-Type", "ETag", "Location"):
        assert again[header] == first[header]
    assert (first.has_header("Idempotency-Replayed"), again["Idempotency-Replayed"]) == (
        False,
        "true",
    )
    assert names(client.organisation) == ["Acme"]


@pytest.mark.django_db
def test_a_key_stands_for_one_request_only():
    client = api_client()
    client.post(COMPANIES, {"name": "Acme"}, headers=KEY)

    other = client.post(COMPANIES, {"name": "Bolt"}, headers=KEY)
    elsewhere = client.post("/api/v1/people/", {"last_name": "Curie"}, headers=KEY)

    assert refusal(other) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert refusal(elsewhere) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert names(client.organisation) == ["Acme"]


@pytest.mark.django_db
def test_a_key_is_its_callers_own():
    acme = make_organisation()
    callers = [
        api_client("member", acme),
        api_client("admin", acme),
        machine_client("member", acme),
    ]

    answers = [each.post(COMPANIES, {"name": "Acme"}, headers=KEY) for each in callers]

    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert names(acme) == ["Acme"] * 3


@pytest.mark.django_db
def test_a_refused_request_leaves_nothing_and_may_be_mended():
    client = api_client()

    refused = client.post(COMPANIES, {"nmae": "Acme"}, headers=KEY)
    mended = client.post(COMPANIES, {"name": "Acme"}, headers=KEY)

    assert faults(refused)["nmae"] == "unknown_field"
    assert mended.status_code == 201


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256, "a\x7f"])
def test_a_malformed_key_is_refused(key):
    answer = api_client().post(COMPANIES, {"name": "A"}, headers={"Idempotency-Key": key})

    assert faults(answer) == {"Idempotency-Key": "invalid"}


@pytest.mark.django_db
def test_what_is_kept_cannot_be_read_in_the_database():
    client = api_client()
    client.post(COMPANIES, {"name": "Hidden"}, headers=KEY)

    with tenant(client.organisation.pk):
        receipt = Receipt.objects.get()

    assert receipt.status == 201
    assert "Hidden" not in receipt.body


def test_requests_at_the_same_time_are_done_once(committed):
    client = api_client()
    answers = []

    def send() -> None:
        answers.append(client.post(COMPANIES, {"name": "Acme"}, headers=KEY))
        connection.close()

    threads = [Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert names(client.organisation) == ["Acme"]


def form(content: str, boundary: str) -> Request:
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        f"{content}\r\n--{boundary}--\r\n"
    )
    kind = f"multipart/form-data; boundary={boundary}"
    return Request(RequestFactory().generic("POST", "/", body, kind), parsers=[MultiPartParser()])


def test_a_form_is_the_same_whatever_its_boundary_and_another_with_another_file():
    first = form("a;b", "one")

    digest = _digest(first)

    assert first.data["file"].read() == b"a;b"
    assert _digest(form("a;b", "two")) == digest
    assert _digest(form("a;c", "one")) != digest
