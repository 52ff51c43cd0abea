"""Words find companies, people and positions: all that they say, and nothing else."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm import querysets
from crm.models import Company, Person, Position
from crm.searching import words_of
from prospectflow.console.tests.cast import signed_in
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client
from prospectflow.testing.factories import make_company, make_person, make_position

pytestmark = pytest.mark.django_db


@pytest.fixture
def inside(organisation):
    with tenant(organisation.pk):
        yield organisation


def names(rows):
    return sorted(row.name for row in rows)


def both_ways(rows, text):
    """What the words find, which a page finds as well."""
    found = set(rows.searched(text))
    assert set(rows.searched_for_a_page(text)) == found
    return found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  Dupont   Solaire ", ["Dupont", "Solaire"]),
        ("732 829 320", ["732829320"]),
        ("acme 732\N{NO-BREAK SPACE}829\N{NO-BREAK SPACE}320 00074", ["acme", "73282932000074"]),
        ("2732 829 320", ["2732", "829", "320"]),
        ("Dupont & Fils", ["Dupont", "Fils"]),
        ("& -", []),
        ("a\0b", ["a", "b"]),
        ("w " * 50, ["w"] * 10),
    ],
)
def test_a_register_number_is_one_word_and_a_mark_by_itself_is_none(text, words):
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("upon", ["Dupont Solaire", "SARL Dupont"]),
        ("SOLAIRE dupont", ["Dupont Solaire"]),
        ("du", ["Dupont Solaire", "SARL Dupont"]),
        ("nt", []),
        ("ac", ["Acme 7328"]),
        ("100%", []),
        ("7328", ["Acme 7328", "Bolt"]),
        ("732829320", ["Bolt"]),
        ("732 829 320 00074", ["Bolt"]),
        ("73282932000099", ["Bolt"]),
        ("bolt.ex", ["Bolt"]),
        ("@Bolt", ["Bolt"]),
        ("ada@bolt.example", ["Bolt"]),
        ("bolt.ex solaire", []),
        ("&", []),
        ("  ", ["Acme 7328", "Bolt", "Dupont Solaire", "SARL Dupont"]),
    ],
)
def test_companies_are_found_by_name_register_number_and_domain(inside, text, found):
    make_company(name="Dupont Solaire")
    make_company(name="SARL Dupont")
    make_company(name="Acme 7328")
    make_company(name="Bolt", siren="732829320", domain="bolt.example")

    assert names(both_ways(Company.objects.all(), text)) == found


@pytest.mark.parametrize("text", ["marie", "curie MARIE", "ma", "marie.c@", "@radium"])
def test_people_are_found_by_their_names_and_addresses(inside, text):
    wanted = make_person(first_name="Marie", last_name="Curie")
    radium = make_company(name="Institut", domain="radium.example")
    make_position(person=wanted, company=radium, email="marie.c@radium.example")
    make_position(person=make_person(first_name="Pierre", last_name="Lemarchal"))

    assert both_ways(Person.objects.all(), text) == {wanted}


@pytest.mark.parametrize(
    "text",
    [
        "marie.c",
        "marie.c@",
        "Marie.C@radium.example",
        "curie",
        "marie curie",
        "institut du radium",
        "curie institut",
        "radium marie",
        "marie curie institut",
        "marie.c@ radium",
        "@radium",
        "732 829 320",
        "curie 7328",
    ],
)
def test_positions_are_found_by_address_person_and_company(inside, text):
    radium = {"name": "Institut du Radium", "siren": "732829320", "domain": "radium.example"}
    wanted = make_position(
        person=make_person(first_name="Marie", last_name="Curie"),
        company=make_company(**radium),
        email="marie.c@radium.example",
    )
    make_position(email="marie.b@radium.test")

    assert both_ways(Position.objects.all(), text) == {wanted}


@pytest.mark.parametrize("text", ["curie bolt", "marie.c@ bolt", "adium.example", "arie.c@", "@"])
def test_a_word_that_nothing_says_leaves_no_position(inside, text):
    company = make_company(name="Institut", domain="radium.example")
    person = make_person(first_name="Marie", last_name="Curie")
    make_position(person=person, company=company, email="marie.c@radium.example")
    make_position(company=make_company(name="Bolt"))

    assert both_ways(Position.objects.all(), text) == set()


def test_a_page_chooses_from_so_many_and_the_filters_before_it_hold(inside, monkeypatch):
    monkeypatch.setattr(querysets, "MOST_FOUND", 3)
    company = make_company(name="Tissus")
    rows = [make_position(company=company, list_name="May") for _ in range(5)]
    [wanted] = [make_position(company=company, list_name="June")]
    newest = Company.objects.searched_for_a_page("tissus")

    assert len(Position.objects.searched_for_a_page("tissus")) == 3
    assert set(Position.objects.searched("tissus")) == {*rows, wanted}
    assert Position.objects.filter(list_name="June").searched_for_a_page("tissus").get() == wanted
    assert newest.get() == company


@pytest.mark.parametrize("name", ["company", "person", "position"])
def test_a_search_in_the_console_costs_the_same_for_one_row_and_for_many(organisation, name):
    owner = signed_in(organisation)

    def cost(more: int) -> int:
        with tenant(organisation.pk):
            for _ in range(more):
                make_position(company=make_company(name="Lovelace"))
        with CaptureQueriesContext(connection) as queries:
            page = owner.get(reverse(f"console:crm_{name}_changelist"), {"q": "lovelace"})
        assert page.text.count('name="_selected_action"') >= more
        assert not [each for each in queries if "COUNT(" in each["sql"].upper()]
        return len(queries)

    assert cost(1) == cost(9)


@pytest.mark.parametrize("name", ["companies", "people", "positions"])
def test_a_search_by_the_api_costs_the_same_for_one_row_and_for_many(organisation, name):
    api = api_client(organisation=organisation)

    def cost(more: int) -> int:
        with tenant(organisation.pk):
            for _ in range(more):
                make_position(company=make_company(name="Lovelace"))
        with CaptureQueriesContext(connection) as queries:
            answer = api.get(f"/api/v1/{name}/", {"search": "lovelace"})
        assert len(answer.json()["results"]) >= more
        return len(queries)

    assert cost(1) == cost(9)


def test_an_export_takes_every_row_that_is_found(organisation, monkeypatch):
    monkeypatch.setattr(querysets, "MOST_FOUND", 2)
    api = api_client(organisation=organisation)
    with tenant(organisation.pk):
        for _ in range(4):
            make_company(name="Tissus")

    listed = api.get("/api/v1/companies/", {"search": "tissus"}).json()["results"]
    taken = b"".join(api.get("/api/v1/companies/export/", {"search": "tissus", "format": "ndjson"}))

    assert len(listed) == 2
    assert len(taken.splitlines()) == 4


def test_a_field_that_asks_for_a_row_finds_it_by_words(organisation):
    owner = signed_in(organisation)
    with tenant(organisation.pk):
        wanted = make_company(name="Tissus", siren="732829320")
        make_company()
    field = {"app_label": "crm", "model_name": "position", "field_name": "company"}

    answer = owner.get(reverse("console:autocomplete"), field | {"term": "732 829 320"})

    assert [row["id"] for row in answer.json()["results"]] == [str(wanted.pk)]


@pytest.mark.parametrize(("name", "column"), [("company", "name"), ("person", "last_name")])
@pytest.mark.parametrize("sign", ["", "-"])
def test_a_list_is_sorted_by_its_name_in_the_order_of_an_index(organisation, name, column, sign):
    owner = signed_in(organisation)

    with CaptureQueriesContext(connection) as queries:
        page = owner.get(reverse(f"console:crm_{name}_changelist"), {"o": f"{sign}1"})

    assert page.status_code == 200
    direction = "DESC" if sign else "ASC"
    [asked] = [q["sql"] for q in queries if f'."{column}" {direction}' in q["sql"]]
    assert asked.split("ORDER BY")[1].count(direction) == 2


@pytest.mark.parametrize("name", ["company", "person", "position"])
@pytest.mark.parametrize("column", [2, 3, 4])
def test_a_column_without_an_index_sorts_no_list_whoever_asks(organisation, name, column):
    owner = signed_in(organisation)
    address = reverse(f"console:crm_{name}_changelist")

    def asked(query):
        with CaptureQueriesContext(connection) as queries:
            assert owner.get(address, query).status_code == 200
        return [each["sql"].split("ORDER BY")[1] for each in queries if "LIMIT 51" in each["sql"]]

    assert asked({"o": column}) == asked({})


def test_lists_are_narrowed_by_activity_department_and_headcount(organisation):
    owner = signed_in(organisation)
    with tenant(organisation.pk):
        facts = {"naf_code": "62.01Z", "department": "2A", "headcount_code": "11"}
        wanted = make_position(company=make_company(**facts), list_name="May")
        for other in ({"naf_code": "47.11A"}, {"department": "13"}, {"headcount_code": "12"}):
            make_position(company=make_company(**(facts | other)), list_name="June")
    everything = {"naf": "620", "departments": "13, 2a", "headcounts": ["11", "21"]}

    for name, pk, query in (
        ("company", wanted.company_id, everything | {"departments": "2a"}),
        ("position", wanted.pk, everything | {"departments": "2a"}),
        ("position", wanted.pk, {"list": "May", "email_status__exact": ["valid", "unknown"]}),
    ):
        page = owner.get(reverse(f"console:crm_{name}_changelist"), query)
        assert page.text.count('name="_selected_action"') == 1, (name, query)
        assert str(pk) in page.text


def test_a_naf_code_that_is_none_shows_nothing(organisation):
    owner = signed_in(organisation)
    with tenant(organisation.pk):
        make_company(naf_code="62.01Z")

    page = owner.get(reverse("console:crm_company_changelist"), {"naf": "abc"})

    assert page.text.count('name="_selected_action"') == 0


@pytest.mark.parametrize("query", [{"departments": "13"}, {"naf": "62"}, {"headcounts": "11"}])
def test_a_narrowed_list_costs_the_same_for_one_row_and_for_many(organisation, query):
    owner = signed_in(organisation)

    def cost(more: int) -> int:
        facts = {"naf_code": "62.01Z", "department": "13", "headcount_code": "11"}
        with tenant(organisation.pk):
            for _ in range(more):
                make_position(company=make_company(**facts))
        with CaptureQueriesContext(connection) as queries:
            page = owner.get(reverse("console:crm_position_changelist"), query)
        assert page.text.count('name="_selected_action"') >= more
        return len(queries)

    assert cost(1) == cost(9)
