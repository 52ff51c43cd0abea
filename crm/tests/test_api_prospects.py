"""Prospects by the API: read as an import reads them, each fact with its source."""

import json
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import Company, Consent, MailDomain, Person, Position
from iam.models import AuditEvent, Role
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults, machine_client, refusal
from prospectflow.testing.factories import make_company, make_person, make_position
from prospectflow.testing.rows import make_phone, make_row

API = "/api/v1/"
LISTS = {
    "companies": make_company,
    "people": make_person,
    "phones": make_phone,
    "positions": make_position,
    "consents": lambda: make_row(Consent),
}
pytestmark = pytest.mark.django_db


@pytest.fixture
def api(organisation):
    return api_client(organisation=organisation)


@pytest.fixture
def leader(organisation):
    return api_client(role=Role.ADMIN, organisation=organisation)


def made(api, make, **fields):
    """A row of the client's own organisation."""
    with tenant(api.organisation.pk):
        return make(**fields)


def results(answer):
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


@pytest.mark.parametrize("name", LISTS)
def test_a_list_costs_the_same_for_one_and_for_ten(api, name):
    def cost(more: int) -> int:
        with tenant(api.organisation.pk):
            for _ in range(more):
                LISTS[name]()
        with CaptureQueriesContext(connection) as queries:
            assert len(results(api.get(f"{API}{name}/"))) >= more
        return len(queries)

    assert cost(1) == cost(9)


@pytest.mark.parametrize("name", LISTS)
def test_a_row_of_another_organisation_is_not_there(api, leader, other_organisation, name):
    with tenant(other_organisation.pk):
        row = LISTS[name]()

    page = f"{API}{name}/{row.pk}/"
    assert results(api.get(f"{API}{name}/")) == []
    assert refusal(api.get(page)) == (404, "NOT_FOUND")
    if name != "consents":
        assert refusal(api.patch(page, {})) == (404, "NOT_FOUND")
        assert refusal(leader.delete(page)) == (404, "NOT_FOUND")


@pytest.mark.parametrize("name", LISTS)
def test_an_id_that_is_no_uuid_is_named(api, name):
    assert faults(api.get(f"{API}{name}/seven/")) == {"id": "invalid"}


def test_a_company_is_read_as_an_import_reads_it(api):
    answer = api.post(
        f"{API}companies/",
        {
            "name": "  Acme   SAS ",
            "siren": "732 829 320",
            "naf_code": "6201z",
            "website_url": "WWW.Acme.FR/",
            "main_phone": "01 42 68 53 00",
            "generic_email": "Contact@Acme.FR",
            "brand_name": "N/A",
            "founding_date": "1999-12-31",
        },
    )

    assert answer.status_code == 201, answer.content
    company = answer.json()
    assert company["name"] == "Acme SAS"
    assert company["siren"] == "732829320"
    assert company["naf_code"] == "62.01Z"
    assert company["website_url"] == "https://www.acme.fr"
    assert company["domain"] == "acme.fr"
    assert company["main_phone"] == "+33142685300"
    assert company["generic_email"] == "contact@acme.fr"
    assert company["brand_name"] is None
    assert company["founding_year"] == 1999
    assert company["provenance"]["domain"]["source"] == "hand"


def test_what_cannot_be_read_is_named_and_nothing_is_written(api):
    answer = api.post(
        f"{API}companies/",
        {"name": "Acme", "siren": "732829321", "linkedin_url": "https://example.com/acme"},
    )

    assert faults(answer) == {"siren": "siren_invalid", "linkedin_url": "linkedin_invalid"}
    with tenant(api.organisation.pk):
        assert not Company.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("name", "N/A", "blank"),
        ("name", "x" * 256, "too_long"),
        ("name", "Ac\0me", "null_characters"),
        ("name", ["Acme"], "invalid"),
        ("employee_count", "many", "invalid"),
        ("employee_count", -1, "min_value"),
        ("annual_revenue_eur", 10**30, "max_value"),
        ("diffusion", "X", "invalid_choice"),
        ("country", "FRA", "country_unknown"),
        ("provenance", {"name": "me"}, "read_only"),
        ("organisation", "01a207bf-44a8-7dd3-9bc5-27f6e77c03c1", "unknown_field"),
        ("identity_key", "linkedin:me", "unknown_field"),
    ],
)
def test_a_bad_value_of_a_company_is_named(api, field, value, code):
    answer = api.post(f"{API}companies/", {"name": "Acme"} | {field: value})

    assert faults(answer) == {field: code}


def test_a_siret_of_another_siren_is_refused(api):
    answer = api.post(
        f"{API}companies/", {"name": "A", "siren": "732829320", "hq_siret": "55208131766522"}
    )

    assert refusal(answer) == (409, "SIRET_OF_ANOTHER_SIREN")


def test_a_register_number_stands_once(api):
    made(api, make_company, siren="732829320")

    answer = api.post(f"{API}companies/", {"name": "Again", "siren": "732829320"})

    assert refusal(answer) == (409, "CONFLICT")
    assert "companies_once_by_siren" in answer.json()["detail"]


def test_a_change_notes_its_source_and_leaves_the_others(api):
    learnt = {"city": {"source": "pharow", "at": "2026-01-01T00:00:00+00:00"}}
    company = made(api, make_company, name="Acme", city="Lyon", provenance=learnt)

    answer = api.patch(f"{API}companies/{company.pk}/", {"name": "Acme SAS", "city": "Lyon"})

    assert answer.status_code == 200, answer.content
    facts = answer.json()["provenance"]
    assert facts["name"]["source"] == "hand"
    assert facts["city"]["source"] == "pharow"
    with tenant(api.organisation.pk):
        company.refresh_from_db()
        assert (company.name, company.provenance) == ("Acme SAS", facts)


def test_the_answer_to_a_change_tells_when_the_row_changed(api):
    company = made(api, make_company)

    changed = api.patch(f"{API}companies/{company.pk}/", {"name": "New"}).json()

    assert changed["updated_at"] == api.get(f"{API}companies/{company.pk}/").json()["updated_at"]


def test_each_change_stands_in_the_trail(organisation, api, leader):
    robot = machine_client(organisation=organisation)
    page = f"{API}companies/{robot.post(f'{API}companies/', {'name': 'Acme'}).json()['id']}/"
    api.patch(page, {"city": "Lyon"})
    leader.delete(page)

    with tenant(organisation.pk):
        trail = list(AuditEvent.objects.filter(object_type="crm.company").order_by("id"))
        users = [event.user_id and str(event.user_id) for event in trail]
    assert [event.action for event in trail] == ["added", "changed", "deleted"]
    assert [bool(event.service_account_id) for event in trail] == [True, False, False]
    assert users == [None, api.get(f"{API}me/").json()["id"], leader.get(f"{API}me/").json()["id"]]
    assert trail[1].description == "Acme: changed city"


def test_only_leaders_delete(api, leader):
    page = f"{API}people/{made(api, make_person).pk}/"

    assert refusal(api.delete(page)) == (403, "FORBIDDEN")
    assert leader.delete(page).status_code == 204
    assert refusal(leader.get(page)) == (404, "NOT_FOUND")


def test_a_viewer_reads_and_changes_nothing(organisation):
    viewer = api_client(role=Role.VIEWER, organisation=organisation)
    page = f"{API}companies/{made(viewer, make_company).pk}/"

    assert viewer.get(page).status_code == 200
    assert refusal(viewer.patch(page, {"name": "Mine"})) == (403, "FORBIDDEN")
    assert refusal(viewer.post(f"{API}companies/", {"name": "Mine"})) == (403, "FORBIDDEN")


def test_companies_are_searched_and_narrowed(api):
    made(api, make_company, name="Boulangerie Dupont", siren="732829320")
    made(api, make_company, name="Garage Martin", diffusion="P")

    def names(query):
        return [each["name"] for each in results(api.get(f"{API}companies/?{query}"))]

    assert names("search=DUPONT") == ["Boulangerie Dupont"]
    assert names("siren__in=732829320,552081317") == ["Boulangerie Dupont"]
    assert names("diffusion=P") == ["Garage Martin"]
    assert faults(api.get(f"{API}companies/?diffusion=X")) == {"diffusion": "invalid_choice"}


def test_a_person_is_known_by_the_linkedin_page_while_there_is_one(api):
    page = "https://fr.linkedin.com/in/Ada-Lovelace/"
    answer = api.post(f"{API}people/", {"last_name": "Lovelace", "linkedin_url": page})
    person = answer.json()["id"]
    again = api.post(f"{API}people/", {"linkedin_url": "linkedin.com/in/ada-lovelace"})

    def key():
        with tenant(api.organisation.pk):
            return Person.objects.get(pk=person).identity_key

    assert answer.json()["linkedin_url"] == "https://www.linkedin.com/in/Ada-Lovelace"
    assert key() == "linkedin:in/ada-lovelace"
    assert refusal(again) == (409, "CONFLICT")
    assert api.patch(f"{API}people/{person}/", {"linkedin_url": None}).status_code == 200
    assert key() == f"hand:{person}"


def test_a_person_is_shown_with_their_numbers(api):
    person = made(api, make_person)
    sent = {"person": str(person.pk), "number": "06 12 34 56 78"}
    number = api.post(f"{API}phones/", sent)

    assert number.status_code == 201, number.content
    assert number.json()["number"] == "+33612345678"
    assert number.json()["raw"] == "06 12 34 56 78"
    assert number.json()["kind"] == "mobile"
    assert [each["number"] for each in api.get(f"{API}people/{person.pk}/").json()["phones"]] == [
        "+33612345678"
    ]


def test_a_number_that_no_plan_has_is_named(api):
    person = made(api, make_person)

    answer = api.post(f"{API}phones/", {"person": str(person.pk), "number": "12"})

    assert faults(answer) == {"number": "phone_invalid"}


@pytest.mark.parametrize("field", ["person", "company"])
def test_a_position_does_not_refer_to_another_organisation(api, other_organisation, field):
    with tenant(other_organisation.pk):
        foreign = {"person": make_person(), "company": make_company()}[field]
    own = {"person": made(api, make_person), "company": made(api, make_company)} | {field: foreign}

    answer = api.post(f"{API}positions/", {name: str(row.pk) for name, row in own.items()})

    assert faults(answer) == {field: "does_not_exist"}


@pytest.mark.parametrize("value", ["seven", 7, None, {"id": 1}])
def test_a_reference_that_is_no_id_is_named(api, value):
    company = made(api, make_company)

    answer = api.post(f"{API}positions/", {"company": str(company.pk), "person": value})

    assert set(faults(answer)) == {"person"}


@pytest.mark.parametrize(
    ("email", "status"),
    [
        ("Ada@Acme.fr", "unknown"),
        ("contact@acme.fr", "generic"),
        ("abuse@acme.fr", "do_not_contact"),
        (None, "unknown"),
    ],
)
def test_a_new_address_forgets_what_was_known_of_the_old_one(api, email, status):
    known = {"email_status": "valid", "email_status_raw": "Nominative", "email_reliability": 98}
    position = made(api, make_position, **known)

    answer = api.patch(f"{API}positions/{position.pk}/", {"email": email})

    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert told["email"] == (email and email.lower())
    assert told["email_status"] == status
    assert told["email_status_raw"] is told["email_reliability"] is None


def test_an_address_for_complaints_is_never_made_usable(api):
    position = made(api, make_position, email="abuse@acme.fr", email_status="do_not_contact")

    answer = api.patch(f"{API}positions/{position.pk}/", {"email_status": "valid"})

    assert answer.json()["email_status"] == "do_not_contact"


def test_a_position_tells_who_and_where(api):
    with tenant(api.organisation.pk):
        company = make_company(name="Acme")
        position = make_position(company=company)

    (listed,) = results(api.get(f"{API}positions/?company={company.pk}"))

    assert (listed["person_name"], listed["company_name"]) == ("Ada Lovelace", "Acme")
    assert api.get(f"{API}positions/{position.pk}/").json()["company"] == str(company.pk)
    assert results(api.get(f"{API}positions/?company={uuid4()}")) == []


@pytest.mark.parametrize("query", ["email=Ada@Acme.fr", "email__in=x@y.fr,ADA@acme.fr"])
def test_a_position_is_found_by_its_address_in_any_case(api, query):
    made(api, make_position, email="ada@acme.fr")
    made(api, make_position, email="other@acme.fr")

    found = results(api.get(f"{API}positions/?{query}"))

    assert [each["email"] for each in found] == ["ada@acme.fr"]


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_taken_away_whole_and_costs_the_same_for_one_and_for_ten(api, name):
    def cost(more: int) -> int:
        with tenant(api.organisation.pk):
            for _ in range(more):
                LISTS[name]()
        with CaptureQueriesContext(connection) as queries:
            lines = api.get(f"{API}{name}/export/?format=ndjson").getvalue().splitlines()
        assert len(lines) >= more
        return len(queries)

    assert cost(1) == cost(9)


def test_an_exported_company_tells_every_fact(api):
    made(api, make_company, name="Acme", description="Toiles et tissus")

    (row,) = api.get(f"{API}companies/export/?format=ndjson").getvalue().splitlines()

    assert json.loads(row)["description"] == "Toiles et tissus"


def test_a_word_on_being_measured_is_added_and_never_changed(api, leader):
    person = made(api, make_person)
    word = {"person": str(person.pk), "state": "given", "source": "by telephone"}
    answer = api.post(f"{API}consents/", word)
    page = f"{API}consents/{answer.json()['id']}/"

    assert answer.status_code == 201, answer.content
    assert answer.json()["at"]
    assert refusal(leader.patch(page, {"state": "withdrawn"})) == (405, "METHOD_NOT_ALLOWED")
    assert refusal(leader.delete(page)) == (405, "METHOD_NOT_ALLOWED")


def test_a_word_of_tomorrow_is_refused(api):
    person = made(api, make_person)
    word = {"person": str(person.pk), "state": "given", "source": "x", "at": "2999-01-01T00:00:00Z"}

    assert refusal(api.post(f"{API}consents/", word)) == (409, "NOT_YET_SAID")


def test_deleting_a_company_takes_its_positions_along(api, leader):
    position = made(api, make_position)

    assert leader.delete(f"{API}companies/{position.company_id}/").status_code == 204
    with tenant(api.organisation.pk):
        assert not Position.objects.exists()


def test_a_position_says_how_far_its_address_was_verified(api):
    position = made(api, make_position, email="ada@bar.example.com")
    given = {"domain": "bar.example.com", "state": "accepts"}
    made(api, lambda: make_row(MailDomain, **given))
    page = f"{API}positions/{position.pk}/"

    assert api.get(page).json()["verification"] == "domain"
    changed = api.patch(page, {"email": "ada@elsewhere.example.com", "verification": "domain"})
    assert changed.json()["verification"] == "syntax"
