"""Whoever edits what has changed meanwhile learns it, and nobody's edit is lost."""

from threading import Thread

import pytest
from django.db import connection

from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults, refusal
from prospectflow.testing.factories import make_company

COMPANIES = "/api/v1/companies/"


@pytest.fixture
def client(db):
    return api_client("admin")


@pytest.fixture
def company(client) -> str:
    with tenant(client.organisation.pk):
        return f"{COMPANIES}{make_company(name='Acme').pk}/"


def test_what_is_known_already_is_not_sent_again(client, company):
    first = client.get(company)

    again = client.get(company, headers={"If-None-Match": f'"other", W/{first["ETag"]}'})

    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == first["ETag"]
    assert client.get(company, headers={"If-None-Match": '"other"'}).status_code == 200


def test_an_edit_names_the_version_it_was_made_from(committed):
    client = api_client("admin")
    with tenant(client.organisation.pk):
        address = f"{COMPANIES}{make_company(name='Acme').pk}/"
    read = client.get(address)["ETag"]

    edited = client.patch(address, {"name": "Apex"}, headers={"If-Match": read})
    late = client.patch(address, {"name": "Late"}, headers={"If-Match": read})
    again = client.patch(address, {"name": "Again"}, headers={"If-Match": edited["ETag"]})

    assert refusal(late) == (412, "PRECONDITION_FAILED")
    assert (edited.status_code, again.status_code) == (200, 200)
    assert edited.json()["updated_at"] < again.json()["updated_at"]


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_an_edit_of_another_version_is_refused(client, company, method):
    for tag in ('"0123456789abcdef0123.x"', 'W/"0123"', '"a", "b"'):
        answer = getattr(client, method)(company, {"name": "New"}, headers={"If-Match": tag})
        assert refusal(answer) == (412, "PRECONDITION_FAILED")

    assert client.get(company).json()["name"] == "Acme"


def test_a_star_matches_whatever_there_is(client, company):
    assert client.delete(company, headers={"If-Match": "*"}).status_code == 204


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize("tag", ["abc", '"open', '"a" "b"', '*, "a"', '"a",'])
def test_a_malformed_tag_is_refused_by_its_header(client, company, header, tag):
    assert faults(client.get(company, headers={header: tag})) == {header: "invalid"}


def test_made_rows_bear_their_tag(client):
    made = client.post(COMPANIES, {"name": "New"})

    read = client.get(f"{COMPANIES}{made.json()['id']}/")

    assert made.status_code == 201
    assert made["ETag"] == read["ETag"]


def test_two_edits_from_one_version_cannot_both_stand(committed):
    client = api_client("admin")
    with tenant(client.organisation.pk):
        address = f"{COMPANIES}{make_company(name='Acme').pk}/"
    tag = client.get(address)["ETag"]
    answers = []

    def edit(name: str) -> None:
        answers.append(client.patch(address, {"name": name}, headers={"If-Match": tag}))
        connection.close()

    threads = [Thread(target=edit, args=[name]) for name in ("Apex", "Bolt", "Core")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (won,) = [answer.json() for answer in answers if answer.status_code == 200]
    lost = [refusal(answer) for answer in answers if answer.status_code != 200]
    assert lost == [(412, "PRECONDITION_FAILED")] * 2
    assert client.get(address).json()["name"] == won["name"]
