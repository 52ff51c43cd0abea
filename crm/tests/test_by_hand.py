"""What a hand changes of a row, what follows from it, and where each fact then comes from."""

from datetime import UTC, datetime

import pytest

from crm.services import save_by_hand
from prospectflow.testing.factories import make_company, make_position

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
FILE = {"source": "pharow", "at": "2026-10-01T00:00:00+00:00"}
HAND = {"source": "hand", "at": AT.isoformat()}


def change(row, **values):
    for name, value in values.items():
        setattr(row, name, value)
    save_by_hand(row, set(values), at=AT)
    row.refresh_from_db()


def test_what_an_import_said_once_holds_for_each_field_it_filled(inside):
    company = make_company(city="Aix", postal_code="13100", provenance={"*": FILE})

    assert company.source_of("city") == company.source_of("postal_code") == FILE
    assert company.source_of("siren") is None
    assert {"name", "city", "postal_code"} <= company.sources.keys()
    assert company.sources.keys().isdisjoint({"*", "siren", "id", "created_at", "organisation"})


def test_a_field_changed_by_hand_names_the_hand_and_the_others_keep_their_source(inside):
    company = make_company(city="Aix", provenance={"*": FILE})

    change(company, city="Arles")

    assert company.provenance == {"*": FILE, "city": HAND}
    assert (company.source_of("city"), company.source_of("name")) == (HAND, FILE)


def test_a_field_emptied_by_hand_names_the_hand_too(inside):
    company = make_company(city="Aix", provenance={"*": FILE})

    change(company, city=None)

    assert company.source_of("city") == HAND


def test_an_old_addresss_status_is_nobodys_word_once_the_address_changed(inside):
    position = make_position(email_status="valid", email_status_raw="ok", provenance={"*": FILE})

    change(position, email="ada@new.example.com")

    assert (position.email_status, position.email_status_raw) == ("unknown", None)
    assert position.source_of("email_status_raw") is None


@pytest.mark.parametrize(
    ("email", "kinds"),
    [
        ("contact@bar.example.com", (True, False, False)),
        ("ada@gmail.com", (False, True, False)),
        ("ada@mailinator.com", (False, False, True)),
        ("ada@bar.example.com", (False, False, False)),
    ],
)
def test_an_address_changed_by_hand_is_of_the_kind_it_shows(inside, email, kinds):
    position = make_position(email_is_role=True, email_is_free=True, email_is_disposable=True)

    change(position, email=email)

    found = (position.email_is_role, position.email_is_free, position.email_is_disposable)
    assert found == kinds


@pytest.mark.parametrize(
    ("values", "department"),
    [
        ({"postal_code": "97400"}, "974"),
        ({"postal_code": None}, None),
        ({"postal_code": "10115", "country": "DE"}, None),
    ],
)
def test_the_department_follows_the_postcode(inside, values, department):
    company = make_company(postal_code="13001", department="13")

    change(company, **values)

    assert company.department == department
