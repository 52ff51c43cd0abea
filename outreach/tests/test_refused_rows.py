"""The file of what an import left out: its rows, why, and how they come in once mended."""

import csv

import pytest

from outreach.services import uploads
from outreach.services.files import FileNotKept, forget_files
from outreach.services.refusing_file import refused_rows_of
from outreach.tests.bringing import ADA, BOB, LATER, others


def table(bringing, upload, language="en"):
    with bringing.open():
        text = "".join(refused_rows_of(bringing.fresh_inside(upload), language))
    return list(csv.DictReader(text.removeprefix("\ufeff").splitlines(keepends=True)))


def test_refused_rows_come_with_every_column_their_number_and_the_reasons(bringing):
    bad = ADA | {"email": "nobody", "Pointure": "38"}
    done = bringing.bring(*others(2), bad, BOB, BOB)

    rows = table(bringing, done)

    assert [list(row)[-2:] for row in rows] == [["Refused row", "Refused because"]] * 2
    assert [row["Refused row"] for row in rows] == ["4", "6"]
    assert rows[0] | {"Refused row": "", "Refused because": ""} == bad | {
        "Refused row": "",
        "Refused because": "",
    }
    assert rows[0]["Refused because"].startswith("email: ")
    assert "Row 5" in rows[1]["Refused because"]


def test_the_reasons_are_told_in_french_to_who_reads_french(bringing):
    done = bringing.bring(ADA | {"email": "nobody"}, ADA, ADA)

    english, french = table(bringing, done), table(bringing, done, "fr")

    assert [row["Refused row"] for row in english] == [row["Refused row"] for row in french]
    for one, other in zip(english, french, strict=True):
        assert one["Refused because"] != other["Refused because"]
    assert "ligne 3" in french[1]["Refused because"]


def test_all_that_is_wrong_with_a_row_is_told(bringing):
    done = bringing.bring(ADA | {"email": "nobody", "company_name": ""})

    reasons = table(bringing, done)[0]["Refused because"]

    assert "email: " in reasons
    assert "company_name: " in reasons


def test_a_cell_that_a_spreadsheet_would_run_is_neutralised(bringing):
    formula = '=HYPERLINK("http://evil.example.com")'
    done = bringing.bring(
        ADA | {"email": "nobody", "job_title": formula, "mobile": "+33 6 12 34 56 78", "x": "@a"}
    )

    row = table(bringing, done)[0]

    assert row["job_title"] == f"'{formula}"
    assert (row["mobile"], row["x"]) == ("'+33 6 12 34 56 78", "'@a")


def test_mended_rows_are_imported_as_if_they_had_been_right_at_once(bringing, tmp_path):
    bad = [
        ADA | {"email": "nobody", "mobile": "+33 6 12 34 56 78", "job_title": "=Gérante"},
        BOB | {"email": "bob at bar", "mobile": "", "job_title": "-", "Pointure": "+1"},
    ]
    done = bringing.bring(*others(2), *bad)
    rows = table(bringing, done)
    for row, address in zip(rows, [ADA["email"], BOB["email"]], strict=True):
        row["email"] = address
    mended = bringing.bring(*rows, at=LATER)

    assert mended.report["rows_imported"] == 2
    assert set(mended.report["columns_ignored"]) == {"Refused row", "Refused because"}
    stranger = type(bringing)(tmp_path)
    right = [row | {"email": to["email"]} for row, to in zip(bad, rows, strict=True)]
    straight = stranger.bring(*right, at=LATER)
    assert facts_of(bringing, mended) == facts_of(stranger, straight)


def facts_of(bringing, upload):
    """What the import's own rows hold, without their numbers."""
    own = str(upload.pk)[:28]
    hidden = {"id", "person_id", "company_id", "organisation_id", "created_at", "updated_at"}
    return [
        sorted(
            (
                {name: value for name, value in row.items() if name not in hidden}
                for row in rows
                if str(row.get("person_id" if "number" in row else "id")).startswith(own)
            ),
            key=repr,
        )
        for rows in bringing.everything()
    ]


def test_many_refused_rows_are_read_page_by_page(bringing, monkeypatch):
    monkeypatch.setattr("outreach.services.refusing_file.AT_ONCE", 3)
    rows = [row | {"email": "nobody"} if n % 3 else row for n, row in enumerate(others(20))]

    told = table(bringing, bringing.bring(*rows))

    assert [int(row["Refused row"]) for row in told] == [n + 2 for n in range(20) if n % 3]
    assert [row["last_name"] for row in told] == [f"L{n + 1}" for n in range(20) if n % 3]


def test_a_file_in_which_all_is_well_has_nothing_left_out(bringing):
    assert table(bringing, bringing.bring(ADA)) == []


def test_without_the_file_its_rows_cannot_be_told(bringing):
    done = bringing.bring(ADA | {"email": "nobody"}, ADA)
    forget_files(bringing.organisation_id, before=LATER)

    with pytest.raises(FileNotKept, match="upload it again"):
        table(bringing, done)


def test_before_a_report_there_is_nothing_to_tell(bringing):
    with pytest.raises(uploads.NoReportYet):
        table(bringing, bringing.receive(ADA))
