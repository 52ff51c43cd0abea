"""Rows, without a database."""

import pytest

from crm.importing.profiles import choose
from crm.importing.prospects import RowReader, split_name
from crm.importing.reading import Row
from crm.importing.telephones import Telephone


def read(cells, profile=None):
    mapped = choose(list(cells), profile)
    return RowReader(mapped, cells).read(Row(2, cells, len(cells)))


def generic(**cells):
    return read({"company_name": "Bar", "email": "ada@bar.example.com"} | cells)


def pharow(**cells):
    return read({"Nom légal": "BAR", "Email": "ada@bar.example.com"} | cells, "pharow")


def codes(problems):
    return [problem.code for problem in problems]


def test_all_problems_of_a_row_are_reported_with_their_cells():
    prospect, problems = pharow(
        **{"Nom légal": " ", "Email": "nobody", "SIREN": "1", "URL du site internet": "ftp://x"}
    )

    assert prospect is None
    assert [(p.row, p.column, p.value, p.code) for p in problems] == [
        (2, "Email", "nobody", "email_invalid"),
        (2, "SIREN", "1", "siren_invalid"),
        (2, "URL du site internet", "ftp://x", "url_invalid"),
        (2, "Nom légal", " ", "company_name_missing"),
    ]


def test_a_missing_address_refuses_the_row():
    prospect, problems = pharow(Email="\u00a0")

    assert prospect is None
    assert codes(problems) == ["email_missing"]


def test_the_brand_stands_in_for_a_missing_legal_name():
    prospect, problems = pharow(**{"Nom légal": "", "Nom commercial": "Chez Ada"})

    assert prospect.company["name"] == prospect.company["brand_name"] == "Chez Ada"
    assert problems == []


def test_a_lost_siren_is_taken_from_the_siret():
    prospect, problems = pharow(SIREN="7,32829E+08", **{"SIRET du siège": "73282932000074"})

    assert prospect.company["siren"] == "732829320"
    assert codes(problems) == ["siren_rounded"]


def test_a_siret_of_another_company_is_left_out():
    prospect, problems = pharow(SIREN="732829320", **{"SIRET du siège": "35600000000048"})

    assert prospect.company["siren"] == "732829320"
    assert "hq_siret" not in prospect.company
    assert codes(problems) == ["siret_of_another_siren"]


def test_a_hidden_address_means_that_the_company_opposes_prospecting():
    prospect, problems = pharow(**{"Adresse du siège complète": "[ND], 13001 MARSEILLE"})

    assert prospect.company["diffusion"] == "P"
    assert prospect.company["hq_address"] == "13001 MARSEILLE"
    assert prospect.company["city"] == "MARSEILLE"
    assert codes(problems) == ["address_hidden"]


@pytest.mark.parametrize(
    ("raw", "status", "noted"),
    [
        ("valid", "valid", []),
        ("Catch-all", "catch_all", []),
        ("HIGH_PROBABILITY", "catch_all_likely", []),
        ("nominative@pro", "valid", []),
        ("Ne_Pas_Contacter", "do_not_contact", []),
        ("cosmic", "unknown", ["email_status_unknown"]),
    ],
)
def test_the_suppliers_word_becomes_one_of_our_statuses(raw, status, noted):
    prospect, problems = pharow(**{"Type d'email": raw})

    assert prospect.position["email_status"] == status
    assert prospect.position["email_status_raw"] == raw
    assert codes(problems) == noted


@pytest.mark.parametrize(
    ("email", "status", "noted"),
    [
        ("contact@bar.example.com", "generic", ["email_role"]),
        ("rgpd@bar.example.com", "do_not_contact", ["email_never_written_to"]),
        ("ada@gmail.com", None, ["email_free_mail"]),
        ("ada@bar.example.com", None, []),
    ],
)
def test_an_address_without_a_word_from_its_supplier_speaks_for_itself(email, status, noted):
    prospect, problems = generic(email=email)

    assert prospect.position.get("email_status") == status
    assert codes(problems) == noted


def test_a_mailbox_for_complaints_is_never_valid():
    prospect, _problems = pharow(Email="abuse@bar.example.com", **{"Type d'email": "valid"})

    assert prospect.position["email_status"] == "do_not_contact"


def test_a_formula_stays_plain_text_and_is_noted():
    formula = '=HYPERLINK("http://evil.example")'

    prospect, problems = pharow(Nom=formula)

    assert prospect.person["last_name"] == formula
    assert codes(problems) == ["formula"]


def test_a_telephone_is_what_it_is_whatever_its_column_says():
    prospect, problems = pharow(**{"Tél portable": "04 91 63 29 80", "Tél Kaspr (2)": "0612345678"})

    assert [(line.source, line.telephone, line.raw) for line in prospect.lines] == [
        ("pharow", Telephone("+33491632980", "fixed"), "04 91 63 29 80"),
        ("kaspr_2", Telephone("+33612345678", "mobile"), "0612345678"),
    ]
    assert problems == []


def test_unknown_columns_are_kept_where_they_hold_something():
    prospect, _problems = generic(note=" rappeler lundi ", empty=" ")

    assert prospect.kept == {"note": "rappeler lundi"}


def test_the_companys_domain_is_its_sites_else_its_addresss_own():
    assert generic(website="https://www.bar.fr/carte")[0].company["domain"] == "bar.fr"
    assert generic()[0].company["domain"] == "bar.example.com"
    assert "domain" not in generic(email="ada@gmail.com")[0].company


def test_a_row_with_cells_too_few_or_too_many_is_refused():
    cells = {"company_name": "Bar", "email": "ada@bar.example.com"}
    reader = RowReader(choose(cells), cells)

    for width in (1, 3):
        prospect, problems = reader.read(Row(2, cells, width))
        assert prospect is None
        assert codes(problems) == ["cells_shifted"]


@pytest.mark.parametrize(
    ("full", "first", "last"),
    [
        ("Ada Lovelace", "Ada", "Lovelace"),
        ("Lovelace, Ada", "Ada", "Lovelace"),
        ("Ada Maria LOVELACE", "Ada Maria", "LOVELACE"),
        ("DE LA TOUR Jean", "Jean", "DE LA TOUR"),
        ("Jean de la Tour", None, "Jean de la Tour"),
        ("Ada", None, "Ada"),
    ],
)
def test_a_full_name_is_split_only_where_that_is_safe(full, first, last):
    assert split_name(full) == (first, last)
