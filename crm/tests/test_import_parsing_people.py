"""People, addresses and telephones of a row: what counts, and what is told."""

import json

import pytest

from crm.importing.parsing.positions import split_name
from crm.tests.parsing import (
    generic,
    pharow,
)


@pytest.mark.parametrize(
    ("raw", "status", "noted"),
    [
        ("valid", "valid", []),
        ("Catch-all", "catch_all", []),
        ("HIGH_PROBABILITY", "catch_all_likely", []),
        ("nominative@pro", "valid", []),
        ("Ne_Pas_Contacter", "do_not_contact", []),
        ("cosmic", "unknown", [("note", "email_status_unknown")]),
    ],
)
def test_the_suppliers_word_becomes_one_of_our_statuses(raw, status, noted):
    found = pharow(**{"Type d'email": raw})

    assert found.row["email_status"] == status
    assert found.row["email_status_raw"] == raw
    assert found.codes == noted


@pytest.mark.parametrize(
    ("email", "status", "flags", "noted"),
    [
        ("contact@bar.example.com", "generic", "tff", ["email_role"]),
        ("rgpd@bar.example.com", "do_not_contact", "fff", ["email_never_written_to"]),
        ("ada@gmail.com", None, "ftf", ["email_free_mail"]),
        ("info@gmail.com", "generic", "ttf", ["email_role", "email_free_mail"]),
        ("ada@x.mailinator.com", None, "fft", ["email_disposable"]),
        ("ada@bar.example.com", None, "fff", []),
    ],
)
def test_an_address_without_a_word_from_its_supplier_speaks_for_itself(email, status, flags, noted):
    found = generic(email=email)

    assert found.row.get("email_status") == status
    names = ("email_is_role", "email_is_free", "email_is_disposable")
    assert "".join(found.row[name] for name in names) == flags
    assert found.codes == [("note", code) for code in noted]


def test_a_mailbox_for_complaints_is_never_valid():
    found = pharow(Email="abuse@bar.example.com", **{"Type d'email": "valid"})

    assert found.row["email_status"] == "do_not_contact"


@pytest.mark.parametrize(
    ("first", "last", "key"),
    [
        ("Zoé", "LEFÈVRE  du Bois", "zoe|lefevre du bois"),
        ("", "Lefèvre", "|lefevre"),
        ("Zoé", "", None),
    ],
)
def test_names_are_compared_without_accents_and_case_and_only_with_a_last_name(first, last, key):
    assert pharow(Nom=last, Prénom=first).row.get("name_key") == key


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
    found = generic(name=full)

    assert split_name(full) == (first, last)
    assert (found.row.get("first_name"), found.row.get("last_name")) == (first, last)


def test_a_telephone_is_what_it_is_whatever_its_column_says():
    found = pharow(**{"Tél portable": "04 91 63 29 80", "Tél Kaspr (2)": "0612345678"})

    assert [tuple(phone.values()) for phone in found.phones] == [
        ("2", "pharow", "+33491632980", "fixed", "04 91 63 29 80"),
        ("2", "kaspr_2", "+33612345678", "mobile", "0612345678"),
    ]
    assert found.problems == []


def test_telephones_are_read_as_from_where_the_company_lies():
    row = {"address": "1 RUE X, 98713 PAPEETE", "phone": "40 50 60 70", "standard": "40 50 60 71"}

    found = generic(row, row | {"email": "bob@bar.example.com"})

    assert [phone["number"] for phone in found.phones] == ["+68940506070", "+68940506070"]
    assert found.company["main_phone"] == "+68940506071"


def test_unknown_columns_are_kept_where_they_hold_something():
    found = generic(
        {"note": ' "rappeler"\\lundi\t', "empty": " "}, {"email": "bob@bar.example.com"}
    )

    assert json.loads(found.rows[0]["kept"]) == {"note": '"rappeler"\\lundi'}
    assert "kept" not in found.rows[1]
