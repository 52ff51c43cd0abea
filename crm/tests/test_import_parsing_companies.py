"""Companies of a row: their numbers, names, addresses and domains, and which rows mean one."""

import json

import pytest

from crm.importing.parsing import BatchParser
from crm.importing.profiles import choose
from crm.importing.reading import Batch
from crm.tests.parsing import generic, parse, parsed, pharow


def test_the_brand_stands_in_for_a_missing_legal_name():
    found = pharow(**{"Nom légal": "", "Nom commercial": "Chez Ada"})

    assert found.company["name"] == found.company["brand_name"] == "Chez Ada"
    assert found.problems == []


def test_a_lost_siren_is_taken_from_the_siret():
    found = pharow(SIREN="7,32829E+08", **{"SIRET du siège": "73282932000074"})

    assert found.company["siren"] == "732829320"
    assert found.codes == [("note", "siren_rounded")]


def test_a_siret_of_another_company_is_left_out():
    found = pharow(SIREN="732829320", **{"SIRET du siège": "35600000000048"})

    assert found.company["siren"] == "732829320"
    assert "hq_siret" not in found.company
    assert found.codes == [("note", "siret_of_another_siren")]
    assert json.loads(found.problems[0]["detail"]) == {
        "siret": "35600000000048",
        "siren": "732829320",
    }


@pytest.mark.parametrize("shown", ["[ND], 13001 MARSEILLE", "[nd] 13001 MARSEILLE"])
def test_a_hidden_address_means_that_the_company_opposes_prospecting(shown):
    found = pharow(**{"Adresse du siège complète": shown})

    assert found.company["diffusion"] == "P"
    assert found.company["hq_address"] == "13001 MARSEILLE"
    assert found.company["city"] == "MARSEILLE"
    assert found.codes == [("note", "address_hidden")]


def test_the_date_of_foundation_counts_where_the_year_differs():
    found = pharow(**{"Année de création": "2002", "Date de création": "31/12/1999"})

    assert (found.company["founding_year"], found.company["founding_date"]) == (
        *("1999", "1999-12-31"),
    )
    assert found.codes == [("note", "founding_differs")]


@pytest.mark.parametrize(
    ("postcode", "department"), [("13001", "13"), ("20090", "2A"), ("97400", "974"), ("B-1000", "")]
)
def test_the_postcode_tells_the_department(postcode, department):
    assert generic(postcode=postcode).company.get("department", "") == department


def test_a_foreign_postcode_tells_no_department():
    assert (
        "department"
        not in parse(
            {"company_name": "Bar", "email": "a@bar.de", "zip": "10115", "country": "Allemagne"}
        ).company
    )


def test_a_band_of_employees_that_nobody_knows_is_kept_without_a_code():
    found = pharow(**{"Tranche d'effectif corrigée": "oct-19"})

    assert found.company["employee_range"] == "oct-19"
    assert "headcount_code" not in found.company
    assert found.codes == [("note", "headcount_unknown")]


@pytest.mark.parametrize(
    ("cells", "domain"),
    [
        ({"website": "https://www.bar.fr/carte"}, "bar.fr"),
        ({"website": "ftp://bar.fr"}, "bar.example.com"),
        ({}, "bar.example.com"),
        ({"email": "ada@gmail.com"}, None),
    ],
)
def test_the_companys_domain_is_its_sites_else_its_addresss_own(cells, domain):
    assert generic(**cells).company.get("domain") == domain


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({}, {"email": "bob@bar.example.com"}, True),
        ({}, {"email": "ada@other.example.com"}, False),
        ({"email": "ada@gmail.com"}, {"email": "bob@gmail.com"}, False),
        (
            {"siren": "732829320", "email": "ada@gmail.com"},
            {"siren": "732829320", "email": "bob@gmail.com"},
            True,
        ),
        (
            {"website": "bar.fr", "email": "ada@gmail.com"},
            {"website": "bar.fr", "email": "bob@other.example.com"},
            True,
        ),
        ({"siren": "n/a"}, {"siren": "n/a", "email": "ada@other.example.com"}, False),
        ({}, {"company_name": "Foo"}, False),
    ],
)
def test_rows_have_one_ref_where_nothing_tells_their_companies_apart(one, other, same):
    found = generic(one, other)
    refs = [row["company_ref"] for row in found.rows]

    assert (refs[0] == refs[1]) is same
    assert sorted(set(refs)) == sorted(company["ref"] for company in found.companies)


def test_an_address_of_a_mail_provider_identifies_a_company_without_any_other_mark():
    assert generic(email="ada@gmail.com").company["address"] == "ada@gmail.com"
    assert "address" not in generic(email="ada@gmail.com", siren="732829320").company
    assert "address" not in generic().company


def test_a_company_that_the_parser_has_forgotten_is_told_again(monkeypatch):
    monkeypatch.setattr("crm.importing.parsing.companies.KNOWN_LIMIT", 0)
    headers = ("company_name", "email")
    parser = BatchParser(choose(headers), headers)
    rows = [["Bar", "ada@bar.example.com"]]

    first, second = (parsed(parser.parse(Batch([number], rows))) for number in (2, 3))

    assert first.company["ref"] == second.company["ref"]
