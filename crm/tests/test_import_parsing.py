"""Raw rows become lines for the working tables: what counts, what is told, and what stays out."""

import json
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.importing.copying import escaped, lines, written_json
from crm.importing.parsing import BatchParser
from crm.importing.profiles import choose
from crm.importing.reading import Batch, open_source
from crm.importing.staging import store, working_tables
from crm.tests.parsing import SAMPLE, generic, parse, parsed, pharow, sample, told


def test_the_sample_is_parsed_and_every_fault_in_it_told():
    (staged,) = sample(5_000)
    everything = parsed(staged)

    assert staged.count == 1080
    assert Counter(row["usable"] for row in everything.rows) == {"t": 1075, "f": 1}
    assert len({company["siren"] for company in everything.companies if "siren" in company}) > 800
    assert len(everything.phones) == 584
    assert [(int(each["row"]), each["kind"], each["code"]) for each in everything.problems] == [
        (12, "refused", "email_invalid"),
        (27, "refused", "email_missing"),
        (62, "note", "siren_invalid"),
        (82, "note", "siren_invalid"),
        (97, "refused", "company_name_missing"),
        (112, "note", "siren_rounded"),
        (132, "note", "url_invalid"),
        (152, "refused", "email_invalid"),
        (172, "refused", "email_not_ascii"),
        (212, "note", "founding_differs"),
        (232, "note", "formula"),
        (252, "note", "percentage_invalid"),
        (566, "note", "phone_invalid"),
        (597, "note", "phone_invalid"),
        (889, "note", "phone_invalid"),
    ]


def test_a_row_of_the_sample_arrives_whole():
    everything = parsed(sample(5_000)[0])

    row, company = everything.rows[0], everything.companies[0]
    assert row["company_ref"] == company["ref"]
    assert row | {"company_ref": ""} == {
        "row": "2",
        "usable": "t",
        "company_ref": "",
        "page_key": "linkedin:in/exemple-roland-bodin-037967",
        "name_key": "roland|bodin",
        "first_name": "Roland",
        "last_name": "Bodin",
        "salutation": "Monsieur",
        "linkedin_url": "https://www.linkedin.com/in/exemple-roland-bodin-037967",
        "list_name": "CHR Bouches-du-Rhône",
        "job_title": "Gérant",
        "email": "roland.bodin@e-m-c-c.example.com",
        "email_status": "valid",
        "email_status_raw": "valid",
        "email_reliability": "98.00",
        "email_is_role": "f",
        "email_is_free": "f",
        "email_is_disposable": "f",
    }
    assert company | {"ref": ""} == {
        "ref": "",
        "row": "2",
        "name_key": "e m c c",
        "siren": "390056760",
        "hq_siret": "39005676000015",
        "name": "E M C C",
        "naf_sector": "Débits de boissons",
        "activity": "Café, bar, brasserie",
        "founding_year": "1993",
        "founding_date": "1993-01-01",
        "growing": "f",
        "employee_range": "3 - 5",
        "headcount_code": "02",
        "main_phone": "+33491632980",
        "generic_email": "contact@e-m-c-c.example.com",
        "website_url": "https://www.e-m-c-c.example.com",
        "domain": "e-m-c-c.example.com",
        "hq_address": "3 QUAI DES BAUX, 13260 CASSIS",
        "postal_code": "13260",
        "department": "13",
        "city": "CASSIS",
    }


def test_the_size_of_the_batches_makes_no_difference():
    whole, pieces = sample(5_000), sample(7)

    assert told(pieces) == told(whole)


def test_the_order_of_the_columns_makes_no_difference_to_a_companys_ref():
    cells = {"company_name": "Bar", "email": "ada@bar.example.com", "siren": "732829320"}

    straight, turned = (parse(cells, headers=order) for order in (tuple(cells), tuple(cells)[::-1]))

    assert straight.row["company_ref"] == turned.row["company_ref"]


def test_nothing_of_the_parser_needs_django():
    told = "import sys, crm.importing.parsing; print(any('django' in name for name in sys.modules))"

    said = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)

    assert said.stdout == "False\n"


# Refusals and notes


def test_all_problems_of_a_row_are_told_with_their_cells():
    found = pharow(
        **{"Nom légal": " ", "Email": "nobody", "SIREN": "1", "URL du site internet": "ftp://x"}
    )

    assert found.rows == found.companies == []
    assert [tuple(problem.values()) for problem in found.problems] == [
        ("2", "refused", "Nom légal", " ", "company_name_missing", "{}"),
        ("2", "refused", "Email", "nobody", "email_invalid", "{}"),
        ("2", "note", "SIREN", "1", "siren_invalid", "{}"),
        ("2", "note", "URL du site internet", "ftp://x", "url_invalid", "{}"),
    ]


def test_a_missing_address_refuses_the_row():
    found = pharow(Email="\u00a0")

    assert (found.rows, found.companies) == ([], [])
    assert found.codes == [("refused", "email_missing")]


def test_a_refused_row_keeps_its_address_for_the_search_of_duplicates_and_makes_nothing():
    found = pharow(**{"Nom légal": "", "Tél portable": "0612345678"})

    assert (found.row["usable"], found.row["email"]) == ("f", "ada@bar.example.com")
    assert "company_ref" not in found.row
    assert found.companies == found.phones == []


def test_a_bad_optional_cell_is_left_out_and_the_row_goes_in():
    found = generic(naf="Débits de boissons", siren="732829321")

    assert found.row["usable"] == "t"
    assert found.company.keys().isdisjoint({"naf_code", "siren"})
    assert found.codes == [("note", "naf_invalid"), ("note", "siren_invalid")]


def test_the_problems_of_a_company_are_told_at_each_of_its_rows():
    row = {"siren": "732829321", "website": "bar.fr"}

    found = generic(row, row | {"email": "b@bar.fr"}, row | {"email": "x"})

    assert [(each["row"], each["code"]) for each in found.problems] == [
        ("2", "siren_invalid"),
        ("3", "siren_invalid"),
        ("4", "email_invalid"),
        ("4", "siren_invalid"),
    ]
    assert len(found.companies) == 1


def test_a_row_that_is_refused_does_not_keep_its_company_from_the_next():
    row = {"siren": "732829320", "website": "bar.fr"}

    found = generic(row | {"email": "x"}, row)

    assert found.row["company_ref"] == found.company["ref"]
    assert found.company["row"] == "3"


@pytest.mark.parametrize("cells", [["Bar"], ["Bar", "ada@bar.example.com", "more"]])
def test_a_row_with_cells_too_few_or_too_many_is_refused(cells):
    headers = ("company_name", "email")
    rows = [["Bar", "ada@bar.example.com"], cells]

    found = parsed(BatchParser(choose(headers), headers).parse(Batch([2, 9], rows)))

    assert [row["row"] for row in found.rows] == ["2"]
    assert [tuple(problem.values()) for problem in found.problems] == [
        *[("9", "refused", "", "", "cells_shifted", f'{{"cells": {len(cells)}, "columns": 2}}')]
    ]


def test_empty_cells_beyond_the_last_column_are_cut():
    headers = ("company_name", "email")
    row = ["Bar", "ada@bar.example.com", "", " "]

    found = parsed(BatchParser(choose(headers), headers).parse(Batch([2], [row])))

    assert found.row["usable"] == "t"
    assert found.problems == []


def test_a_batch_without_a_usable_row_makes_no_lines():
    headers = ("company_name", "email")
    parser = BatchParser(choose(headers), headers)

    for rows in ([], [["Bar"]], [["Bar", ""]]):
        staged = parser.parse(Batch(list(range(len(rows))), rows))
        assert (staged.rows, staged.companies, staged.phones) == ("", "", "")
        assert staged.count == len(rows)


def test_a_formula_stays_plain_text_and_is_told():
    formula = '=HYPERLINK("http://evil.example")'

    found = pharow(Nom=formula)

    assert found.row["last_name"] == formula
    assert found.codes == [("note", "formula")]


def test_characters_that_were_lost_before_are_told():
    found = pharow(Nom="Lef\ufffdvre")

    assert found.row["last_name"] == "Lef\ufffdvre"
    assert found.codes == [("note", "characters_lost")]


def test_a_report_repeats_no_more_than_the_beginning_of_a_cell():
    found = pharow(**{"Nom commercial": "x" * 300})

    (problem,) = found.problems
    assert problem["value"] == "x" * 200
    assert json.loads(problem["detail"]) == {"length": 300, "limit": 255}


# What PostgreSQL reads

NASTY = st.text(st.characters() | st.sampled_from('\t\n\r\\\0\b\v"N.\ufffd\ud800'), max_size=12)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(NASTY, min_size=1, max_size=20))
def test_any_text_passes_through_copy(db, texts):
    stored = [text.replace("\0", "\ufffd").encode("utf-8", "replace").decode() for text in texts]
    columns = {
        "number": map(str, range(len(texts))),
        "word": map(escaped, texts),
        "object": [written_json({text: text, "n": 1}) for text in texts],
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE IF NOT EXISTS words (number int, word text, object jsonb)"
        )
        cursor.execute("TRUNCATE words")
        with cursor.copy("COPY words FROM STDIN") as copy:
            copy.write(lines(columns, columns, texts))
        cursor.execute("SELECT word, object FROM words ORDER BY number")
        found = cursor.fetchall()

    assert [word for word, _object in found] == [
        each for each, text in zip(stored, texts, strict=True) if text
    ]
    assert [json.loads(each) for _word, each in found] == [
        {each: each, "n": 1} for each, text in zip(stored, texts, strict=True) if text
    ]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_file_holds_can_be_stored(db, data):
    source = open_source(SAMPLE)
    row = next(iter(source.batches())).rows[0]
    rows = [
        [data.draw(NASTY | st.just(cell)) for cell in [*row, "kept"]]
        for _row in range(data.draw(st.integers(1, 4)))
    ]
    headers = (*source.headers, "Mot \\ libre")
    parser = BatchParser(choose(headers), headers)

    staged = parser.parse(Batch(list(range(2, 2 + len(rows))), rows))

    with working_tables(), connection.cursor() as cursor:
        store(staged)
        cursor.execute("SELECT count(*) FROM pg_temp.staged_problems")
        assert cursor.fetchone()[0] == staged.problems.count("\n")


@settings(max_examples=25)
@given(cuts=st.sets(st.integers(1, 119)))
def test_any_split_into_batches_reads_the_same(cuts):
    source = open_source(SAMPLE)
    batch = next(iter(source.batches(120)))
    whole = BatchParser(choose(source.headers), source.headers).parse(batch)
    parser = BatchParser(choose(source.headers), source.headers)

    pieces = [
        parser.parse(Batch(batch.numbers[start:end], batch.rows[start:end]))
        for start, end in pairwise([0, *sorted(cuts), 120])
    ]

    assert told(pieces) == told([whole])
