"""Sheets of Excel and OpenDocument, honest and hostile ones."""

from datetime import date, datetime

import pytest

from crm.importing import errors
from crm.importing.reading import Limits, open_source
from crm.tests.making_files import (
    EVERY_CELL,
    HEADERS,
    ROWS,
    as_ods,
    as_xlsx,
    numbered,
    read,
    rezipped,
    written,
    zipped,
)


def opened(folder, content, sheet=None, **limits):
    path = written(folder, content, "prospects.xlsx")
    return open_source(path, sheet=sheet, limits=Limits(**limits))


@pytest.mark.parametrize(
    ("content", "kind", "sheet"),
    [(as_xlsx(), "xlsx", "Feuil1"), (as_ods(), "ods", "Feuille1")],
)
def test_the_first_sheet_of_a_workbook_reads_as_csv_does(tmp_path, content, kind, sheet):
    source = opened(tmp_path, content)

    assert (source.kind, source.sheet, source.sheets) == (kind, sheet, (sheet,))
    assert (source.encoding, source.delimiter, source.header_number) == ("", "", 1)
    assert source.headers == tuple(HEADERS)
    assert read(source) == ROWS


def test_a_sheet_is_found_by_its_name(tmp_path):
    content = as_xlsx({"Notes": [["Note"], ["x"]], "Liste à écrire": EVERY_CELL})

    source = opened(tmp_path, content, sheet="Liste à écrire")

    assert source.sheets == ("Notes", "Liste à écrire")
    assert read(source) == ROWS
    assert read(opened(tmp_path, content)) == [["x"]]


def test_cells_become_the_text_that_people_see(tmp_path):
    cells = {
        "day": (date(2024, 1, 31), "2024-01-31"),
        "moment": (datetime(2024, 1, 31, 9, 30), "2024-01-31T09:30:00"),
        "siret": (10493115900016, "10493115900016"),
        "whole": (12.0, "12"),
        "part": (12.5, "12.5"),
        "large": (1e20, "1e+20"),
        "yes": (True, "true"),
        "text": ("=x", ""),  # a formula that was never computed has no value
        "zero": ("04", "04"),
    }
    content = as_xlsx({"A": [list(cells), [given for given, _ in cells.values()]]})

    [row] = read(opened(tmp_path, content))

    assert row[:7] == [text for _, text in cells.values()][:7]
    assert row[8] == "04"


def test_rows_are_numbered_as_the_sheet_numbers_them(tmp_path):
    content = as_xlsx({"A": [[], [], ["Email", "Ville"], ["a", "b"], [], ["", " "], ["c", "d"]]})

    source = opened(tmp_path, content)

    assert (source.headers, source.header_number) == (("Email", "Ville"), 3)
    assert numbered(source) == [(4, "a"), (7, "c")]


def grown(content, part, old, new):
    return rezipped(content, lambda name, data: data.replace(old, new, 1) if name == part else data)


SHEET = "xl/worksheets/sheet1.xml"
FAR = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
REPEATED = b'<table:table-row table:number-rows-repeated="1000000">'


@pytest.mark.parametrize(
    ("content", "refusal", "said"),
    [
        (as_xlsx({"A": []}), errors.NoRows, "is empty"),
        (as_xlsx({"A": [HEADERS]}), errors.NoRows, "no rows below it"),
        (as_xlsx({"A": [["Email", "email"], ["a", "b"]]}), errors.DuplicateHeaders, "“Email”"),
        (zipped({"xl/workbook.xml": b"<x/>"}), errors.FileDamaged, "a damaged workbook"),
        (zipped({"xl/workbook.bin": b"x"}), errors.NotCsv, r"a binary Excel workbook \(.xlsb\)"),
        (zipped({"word/document.xml": b"x"}), errors.NotCsv, "a Word document"),
        (as_xlsx()[:-40], errors.FileDamaged, "damaged or cut short"),
        (
            grown(as_xlsx(), SHEET, b"</sheetData>", FAR),
            errors.BeyondLimits,
            "save the sheet as CSV",
        ),
    ],
)
def test_a_workbook_without_prospects_is_refused(tmp_path, content, refusal, said):
    with pytest.raises(refusal, match=said):
        opened(tmp_path, content)


def test_a_sheet_that_does_not_exist_is_refused_and_the_others_are_named(tmp_path):
    content = as_xlsx({"Notes": [["Note"], ["x"]], "Liste": EVERY_CELL})

    with pytest.raises(errors.SheetMissing, match="no sheet “Autre”; choose one of “Notes”"):
        opened(tmp_path, content, sheet="Autre")


def test_a_sheet_of_a_file_without_sheets_is_refused(tmp_path):
    with pytest.raises(errors.SheetMissing, match="is no workbook"):
        opened(tmp_path, "Email\na@example.com\n", sheet="Liste")


@pytest.mark.parametrize(
    ("limits", "content", "refusal", "said"),
    [
        ({"rows": 1}, as_xlsx(), errors.TooManyRows, "more than 1 rows"),
        ({"columns": 2}, as_xlsx(), errors.TooManyColumns, "3 columns"),
        ({"cell_length": 3}, as_xlsx(), errors.CellTooLong, "Row 2 of"),
        ({"workbook_bytes": 999}, as_xlsx(), errors.UnpackedTooLarge, "more than 999 bytes"),
        (
            {"workbook_memory": 16_000_000},
            as_xlsx({"A": [["Email"], *[[f"{n}" * 99] for n in range(50_000)]]}),
            errors.WorkbookTooLarge,
            "more than 16 MB of memory to be read; save the sheet as CSV",
        ),
        (
            {"workbook_memory": 64_000_000},
            grown(as_ods(), "content.xml", b"<table:table-row>", REPEATED),
            errors.BeyondLimits,
            "save the sheet as CSV",
        ),
    ],
)
def test_what_exceeds_a_limit_is_refused_and_named(tmp_path, limits, content, refusal, said):
    with pytest.raises(refusal, match=said) as refused:
        read(opened(tmp_path, content, **limits))

    assert isinstance(refused.value, errors.BeyondLimits)
