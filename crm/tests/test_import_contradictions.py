"""Files that contradict themselves or the base: one answer, and the same one the next time."""

import csv
from itertools import count

import pytest

from crm.importing.services import import_prospects
from crm.models import Company, Person, Position
from crm.tests.stored import AT, LATER, everything

NAMES = {
    "list": "Nom de la liste Pharow",
    "name": "Nom légal",
    "brand": "Nom commercial",
    "siren": "SIREN",
    "pharow": "ID entreprise Pharow",
    "email": "Email",
    "last": "Nom",
    "page": "URL LinkedIn du prospect",
}
SIREN, OTHER_SIREN = "732829320", "356000000"
PAGE = "https://www.linkedin.com/in/"

_files = count(1)


@pytest.fixture
def bring(inside, tmp_path):
    """Import rows of Pharow's columns, and once more: the second time changes nothing."""

    def write(rows):
        path = tmp_path / f"{next(_files)}.csv"
        with path.open("w", newline="", encoding="utf-8") as target:
            writer = csv.DictWriter(target, NAMES.values(), restval="")
            writer.writeheader()
            writer.writerows({NAMES[name]: cell for name, cell in row.items()} for row in rows)
        return path

    def bring(*rows):
        path = write(rows)
        _report, problems = import_prospects(path, at=AT)
        once = everything()
        again, _problems = import_prospects(path, at=LATER)
        assert everything() == once
        assert (again.companies.created, again.people.created, again.positions.created) == (0, 0, 0)
        return [(each.row, each.code) for each in problems]

    return bring


def row(name, email, **more):
    return {"name": name, "email": email} | more


def companies(*fields):
    return list(Company.objects.order_by("id").values_list(*fields))


def pages():
    positions = Position.objects.order_by("email")
    return list(positions.values_list("email", "person__linkedin_url"))


# People and their pages ------------------------------------------------------------------------


def test_a_new_page_belongs_to_whose_address_stands_beside_it_in_any_row(bring):
    bring(row("Café", "dan@y.example.com"))

    bring(
        row("Bar", "ann@x.example.com", page=f"{PAGE}1"),
        row("Café", "dan@y.example.com", page=f"{PAGE}1"),
    )

    assert Person.objects.count() == 1
    assert pages() == [("ann@x.example.com", f"{PAGE}1"), ("dan@y.example.com", f"{PAGE}1")]


def test_a_new_page_beside_two_known_people_is_the_firsts_and_the_second_is_refused(bring):
    bring(row("Café", "dan@y.example.com", last="Roux"), row("Bar", "ann@x.example.com"))

    problems = bring(
        row("Café", "dan@y.example.com", page=f"{PAGE}1"),
        row("Bar", "ann@x.example.com", page=f"{PAGE}1"),
    )

    assert problems == [(3, "address_of_another")]
    assert pages() == [("ann@x.example.com", None), ("dan@y.example.com", f"{PAGE}1")]


def test_a_page_by_hand_without_its_mark_is_met_as_well(bring):
    person = Person.objects.create(last_name="Roux", linkedin_url=f"{PAGE}1")

    bring(row("Bar", "ann@x.example.com", page=f"{PAGE}1"))

    assert Position.objects.get().person == person


# Companies and their marks ----------------------------------------------------------------------


def test_a_company_renamed_by_its_siren_keeps_the_rows_that_still_call_it_by_its_old_name(bring):
    bring(row("Café Léon", "a@x.example.com", siren=SIREN))

    bring(row("Bar", "b@y.example.com", siren=SIREN), row("CAFE LEON", "a@x.example.com"))

    assert companies("name") == [("Bar",)]
    assert Position.objects.count() == 2


def test_a_company_met_by_an_address_of_its_own_keeps_its_name_and_that_is_told(bring):
    bring(row("Café Léon", "a@x.example.com", brand="Chez Léon"))

    problems = bring(row("Bar", "a@x.example.com", brand="Au Bar"))

    assert problems == [(2, "company_named_otherwise")]
    assert companies("name", "brand_name") == [("Café Léon", "Chez Léon")]


def test_a_number_makes_a_company_of_another_name_another_company(bring):
    bring(row("Café Léon", "a@x.example.com"))

    assert bring(row("Bar", "a@x.example.com", siren=SIREN)) == []
    assert companies("name", "siren") == [("Café Léon", None), ("Bar", SIREN)]


def test_an_address_at_a_mail_provider_does_not_tell_whose_another_company_is(bring):
    bring(row("Café Léon", "leon@gmail.com"))

    assert bring(row("Bar", "leon@gmail.com")) == [(2, "email_free_mail")]
    assert companies("name") == [("Café Léon",), ("Bar",)]


@pytest.mark.parametrize("mark", ["siren", "pharow"])
def test_numbers_tell_companies_apart_that_share_an_address(bring, mark):
    bring(row("Café", "a@x.example.com", **{mark: SIREN}))

    bring(row("Bar", "a@x.example.com", **{mark: OTHER_SIREN}))

    assert [name for (name,) in companies("name")] == ["Café", "Bar"]


def test_a_companys_number_at_pharow_is_learnt_once_and_not_replaced(bring):
    bring(row("Café", "a@x.example.com", siren=SIREN, pharow="8"))

    bring(
        row("Café", "b@x.example.com", siren=SIREN, pharow="7"),
        row("Bar", "c@y.example.com", pharow="8"),
    )

    assert companies("siren", "pharow_company_id") == [(SIREN, "8")]


# Refused rows -----------------------------------------------------------------------------------


def test_a_row_that_is_refused_for_its_address_makes_no_company(bring):
    bring(row("Café", "a@x.example.com", last="Roux", page=f"{PAGE}1"))

    problems = bring(row("Bar", "a@x.example.com", last="Petit", page=f"{PAGE}2", siren=SIREN))

    assert problems == [(2, "address_of_another")]
    assert companies("name") == [("Café",)]
