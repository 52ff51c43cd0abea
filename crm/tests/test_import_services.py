"""The import against a real database: the sample file, again, dry, apart, broken."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.importing import engine, errors
from crm.importing.services import import_prospects
from crm.models import Company, Person, Phone, Position
from crm.services import save_by_hand
from crm.tests.stored import (
    ADA,
    AT,
    LATER,
    codes,
    counted,
    counts,
    duplicates,
    everything,
    facts,
    refused,
    repeated,
)
from prospectflow.tenancy.context import tenant

SAMPLE = Path(__file__).parents[1] / "sample" / "pharow-marseille.csv"


def test_the_sample_is_imported_and_every_fault_in_it_reported(inside):
    report, problems = import_prospects(SAMPLE, at=AT)

    assert (report.encoding, report.delimiter, report.profile) == ("utf-8-sig", ",", "pharow")
    assert (report.rows, report.rows_imported) == (1080, 1074)
    assert (report.rows_refused, report.rows_duplicate) == (5, 1)
    assert counted(report.companies) == (882, 0, 0)
    assert counted(report.people) == (1074, 0, 0)
    assert counted(report.positions) == (1074, 0, 0)
    assert counted(report.phones) == (584, 0, 0)
    assert counts() == [882, 1074, 1074, 584]
    assert refused(problems) == [
        (12, "email_invalid"),
        (27, "email_missing"),
        (97, "company_name_missing"),
        (152, "email_invalid"),
        (172, "email_not_ascii"),
    ]
    assert duplicates(problems) == [(43, "duplicate_address")]
    assert repeated(problems).sentence.startswith("Row 42 ")
    assert codes(problems, "note") == [
        (62, "siren_invalid"),
        (82, "siren_invalid"),
        (112, "siren_rounded"),
        (132, "url_invalid"),
        (212, "founding_differs"),
        (232, "formula"),
        (252, "percentage_invalid"),
        (566, "phone_invalid"),
        (597, "phone_invalid"),
        (889, "phone_invalid"),
    ]


def test_a_row_of_the_sample_arrives_whole(inside):
    import_prospects(SAMPLE, at=AT)

    position = Position.objects.get(email="roland.bodin@e-m-c-c.example.com")
    company, person = position.company, position.person
    assert (position.job_title, position.list_name) == ("Gérant", "CHR Bouches-du-Rhône")
    assert (position.email_status, position.email_status_raw) == ("valid", "valid")
    assert position.email_reliability == Decimal("98.00")
    assert (person.first_name, person.last_name, person.salutation) == (
        *("Roland", "Bodin", "Monsieur"),
    )
    assert person.identity_key == "linkedin:in/exemple-roland-bodin-037967"
    assert set(person.phones.values_list("source", "number", "kind")) == {
        ("pharow", "+33531900602", "fixed"),
        ("kaspr_1", "+33658619528", "mobile"),
    }
    assert (company.name, company.siren, company.hq_siret) == (
        *("E M C C", "390056760", "39005676000015"),
    )
    assert (company.postal_code, company.city) == ("13260", "CASSIS")
    assert (company.headcount_code, company.employee_range) == ("02", "3 - 5")
    assert (company.founding_date, company.founding_year) == (date(1993, 1, 1), 1993)
    assert (company.growing, company.main_phone) == (False, "+33491632980")
    assert company.domain == "e-m-c-c.example.com"
    assert company.source_of("siren") == {"source": "pharow", "at": AT.isoformat()}


def test_importing_the_sample_again_changes_nothing(inside):
    import_prospects(SAMPLE, at=AT)
    before = everything()

    report, _problems = import_prospects(SAMPLE, at=LATER)

    assert everything() == before
    assert counted(report.companies) == (0, 0, 882)
    assert counted(report.people) == (0, 0, 1074)
    assert counted(report.positions) == (0, 0, 1074)
    assert counted(report.phones) == (0, 0, 584)


def test_a_dry_run_reports_the_same_and_stores_nothing(inside):
    dry, foreseen = import_prospects(SAMPLE, at=AT, dry_run=True)

    assert counts() == [0, 0, 0, 0]
    report, problems = import_prospects(SAMPLE, at=AT)
    assert dry.as_dict() == report.as_dict() | {"dry_run": True}
    assert foreseen == problems


def test_the_report_is_plain_json(inside):
    report = import_prospects(SAMPLE, at=AT, dry_run=True)[0].as_dict()

    assert json.loads(json.dumps(report)) == report
    assert report["codes"]["duplicate"] == {"duplicate_address": 1}
    assert report["companies"] == {"created": 882, "updated": 0, "unchanged": 0}
    assert report["rows_imported"] == 1074


def test_two_organisations_import_the_same_file_apart(organisation, other_organisation, file):
    path = file(ADA)
    with tenant(organisation.pk):
        import_prospects(path, at=AT)
    with tenant(other_organisation.pk):
        assert counts() == [0, 0, 0, 0]
        report, _problems = import_prospects(file(ADA | {"first_name": "Augusta"}), at=LATER)

    assert counted(report.people) == (1, 0, 0)
    with tenant(organisation.pk):
        assert Person.objects.get().first_name == "Ada"


def test_a_newer_file_replaces_values_and_empties_none(inside, file):
    import_prospects(file(ADA | {"job_title": "Gérante", "city": "Aix"}), at=AT)

    newer = file(ADA | {"job_title": "Présidente", "city": "", "siren": "732829320"})
    report, _problems = import_prospects(newer, at=LATER)

    position = Position.objects.get()
    assert (position.job_title, position.company.city) == ("Présidente", "Aix")
    assert position.company.siren == "732829320"
    assert position.source_of("job_title") == {"source": "generic", "at": LATER.isoformat()}
    assert position.source_of("email") == {"source": "generic", "at": AT.isoformat()}
    assert counted(report.companies) == (0, 1, 0)
    assert counted(report.people) == (0, 0, 1)
    assert counted(report.positions) == (0, 1, 0)


def test_the_rest_of_a_row_keeps_its_source_when_one_field_is_learnt_anew(inside, file):
    import_prospects(file(ADA | {"job_title": "Gérante"}), at=AT)
    import_prospects(file(ADA | {"job_title": "Présidente"}), at=LATER)

    position = Position.objects.get()
    assert position.source_of("job_title")["at"] == LATER.isoformat()
    assert position.sources.keys() == {"email", "email_status", "job_title"}
    assert position.source_of("list_name") is None


def test_what_was_edited_by_hand_stays_and_is_told(inside, file):
    import_prospects(file(ADA | {"city": "Aix"}), at=AT)
    company = Company.objects.get()
    company.city = "Arles"
    save_by_hand(company, {"city"}, at=AT)

    report, problems = import_prospects(file(ADA | {"city": "Aix"}), at=LATER)

    company.refresh_from_db()
    assert (company.city, company.source_of("city")["source"]) == ("Arles", "hand")
    assert company.source_of("name")["source"] == "generic"
    assert counted(report.companies) == (0, 0, 1)
    assert [(each.row, each.column, each.value, each.code) for each in problems] == [
        (2, "city", "Aix", "hand_edited_kept")
    ]


def test_what_was_emptied_by_hand_is_not_filled_again(inside, file):
    import_prospects(file(ADA | {"job_title": "Gérante"}), at=AT)
    position = Position.objects.get()
    position.job_title = None
    save_by_hand(position, {"job_title"}, at=AT)

    _report, problems = import_prospects(file(ADA | {"job_title": "Gérante"}), at=LATER)

    position.refresh_from_db()
    assert (position.job_title, position.source_of("job_title")["source"]) == (None, "hand")
    assert codes(problems, "note") == [(2, "hand_edited_kept")]


def test_a_page_given_by_hand_stays_the_mark_of_its_person(inside, file):
    page = "https://www.linkedin.com/in/ada"
    import_prospects(file(ADA), at=AT)
    person = Person.objects.get()
    person.linkedin_url = f"{page}-lovelace"
    save_by_hand(person, {"linkedin_url"}, at=AT)

    import_prospects(file(ADA | {"linkedin": page}), at=LATER)

    person.refresh_from_db()
    assert person.linkedin_url == f"{page}-lovelace"
    assert person.identity_key == "linkedin:in/ada-lovelace"


@pytest.mark.parametrize("status", ["invalid", "do_not_contact"])
def test_an_import_never_makes_a_lost_address_valid_again(inside, file, status):
    import_prospects(file(ADA | {"email_status": "valid"}), at=AT)
    Position.objects.update(email_status=status)

    import_prospects(file(ADA | {"email_status": "valid"}), at=LATER)

    assert Position.objects.get().email_status == status


def test_an_import_never_lifts_a_companys_opposition(inside, file):
    import_prospects(file(ADA | {"address": "[ND] 13001 MARSEILLE"}), at=AT)

    import_prospects(file(ADA | {"address": "1 RUE X, 13001 MARSEILLE"}), at=LATER)

    assert Company.objects.get().diffusion == "P"


def test_unknown_columns_are_kept_beside_those_kept_before(inside, file):
    import_prospects(file(ADA | {"Note": "rappeler"}), at=AT)
    report, _problems = import_prospects(file(ADA | {"Note": "", "Salon": "2026"}), at=LATER)

    assert Position.objects.get().kept == {"Note": "rappeler", "Salon": "2026"}
    assert report.columns_unknown == ["Note", "Salon"]


def test_one_number_from_one_supplier_is_stored_once(inside, file):
    import_prospects(file(ADA | {"mobile": "0612345678"}), at=AT)
    report, _problems = import_prospects(file(ADA | {"mobile": "+33 6 12 34 56 78"}), at=LATER)

    assert counted(report.phones) == (0, 0, 1)
    assert Phone.objects.get().raw == "0612345678"


def test_a_file_that_breaks_in_the_middle_leaves_nothing_behind(inside, file, monkeypatch):
    monkeypatch.setattr(engine, "CHUNK", 1)
    path = file(
        *(ADA | {"email": f"ada{n}@bar.example.com", "first_name": f"A{n}"} for n in range(5))
    )
    path.write_text(path.read_text() + 'Bar,"zoe@bar.example.com\n')

    with pytest.raises(errors.BrokenQuotes, match="Row 7"):
        import_prospects(path, at=AT)

    assert counts() == [0, 0, 0, 0]


def test_chunks_do_not_show_in_the_result(inside, monkeypatch):
    with transaction.atomic():
        whole, _problems = import_prospects(SAMPLE, at=AT)
        stored = facts()
        transaction.set_rollback(True)
    monkeypatch.setattr(engine, "CHUNK", 97)

    pieces, _problems = import_prospects(SAMPLE, at=AT)

    assert pieces == whole
    assert facts() == stored


def test_queries_do_not_grow_with_the_rows(inside, file):
    def cost(rows):
        many = [
            ADA | {"email": f"a{n}@x{n}.example.com", "mobile": "0612345678"} for n in range(rows)
        ]
        with CaptureQueriesContext(connection) as queries:
            import_prospects(file(*many), at=AT, dry_run=True)
        return len(queries)

    assert cost(2) == cost(200)


def test_nothing_is_imported_outside_an_organisation(db, file):
    with transaction.atomic(), pytest.raises(Exception, match=r"app\.organisation_id"):
        import_prospects(file(ADA), at=AT)


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "company_name": st.sampled_from(["Bar", "BAR ", "Autre", ""]),
            "email": st.sampled_from(
                ["a@x.example.com", "b@x.example.com", "c@gmail.com", "d@y.example.com", "bad"]
            ),
            "last_name": st.sampled_from(["Roux", "Petit", ""]),
            "siren": st.sampled_from(["732829320", "356000000", "1", ""]),
            "website": st.sampled_from(["x.example.com", "y.example.com", ""]),
            "linkedin": st.sampled_from(["linkedin.com/in/1", "linkedin.com/in/2", ""]),
            "mobile": st.sampled_from(["0612345678", "06", ""]),
        }
    ),
    min_size=1,
    max_size=6,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS)
def test_any_file_imported_twice_leaves_what_it_left_once(inside, file, rows):
    path = file(*rows)
    with transaction.atomic():
        first, _problems = import_prospects(path, at=AT)
        before = everything()

        second, _problems = import_prospects(path, at=LATER)

        assert everything() == before
        assert second.companies.created == second.people.created == second.phones.created == 0
        assert first.rows_imported == first.positions.created == second.positions.unchanged
        transaction.set_rollback(True)
