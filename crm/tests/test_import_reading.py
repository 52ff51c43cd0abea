"""Files of every make, good and bad, opened without a database."""

import csv
import io
import tracemalloc

import pytest

from crm.importing import errors, reading
from crm.importing.reading import open_table
from prospectflow.errors import DomainError

HEADERS = ["Société", "Email", "Ville"]
ROWS = [["Café “Léon”", "leon@example.com", "Aix, l'été"], ["Bar; Bis", "bis@example.com", ""]]


def as_csv(delimiter=",", rows=ROWS, headers=HEADERS):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([headers, *rows])
    return text.getvalue()


@pytest.fixture
def file(tmp_path):
    def write(content, name="prospects.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def read(path):
    return [list(row.cells.values()) for row in open_table(path).rows()]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("cp1252", "cp1252"),
    ],
)
def test_every_encoding_and_delimiter_reads_the_same(file, delimiter, encoding, found):
    path = file(as_csv(delimiter).encode(encoding))

    table = open_table(path)

    assert (table.encoding, table.delimiter) == (found, delimiter)
    assert table.headers == tuple(HEADERS)
    assert read(path) == ROWS


def test_lines_that_excel_wrapped_in_quotes_are_unwrapped(file):
    lines = as_csv().splitlines()
    wrapped = "\r\n".join('"' + line.replace('"', '""') + '"' for line in lines)

    assert read(file(wrapped)) == ROWS


def test_wrapped_lines_keep_the_separators_excel_added(file):
    lines = as_csv().splitlines()
    wrapped = "\r\n".join('"' + line.replace('"', '""') + '";;' for line in lines)

    assert read(file(wrapped)) == ROWS


def test_rows_are_numbered_as_a_spreadsheet_numbers_them(file):
    path = file('Email,Ville\r\n"a@example.com","two\r\nlines"\r\n\r\n,,\r\nb@example.com,Aix\r\n')

    rows = list(open_table(path).rows())

    assert [(row.number, row.cells["Email"]) for row in rows] == [
        (2, "a@example.com"),
        (5, "b@example.com"),
    ]


def test_blank_lines_before_the_header_are_passed_over(file):
    table = open_table(file("\n\nEmail,Ville\na@example.com,Aix\n"))

    assert table.headers == ("Email", "Ville")
    assert [row.number for row in table.rows()] == [4]


def test_line_ends_of_an_old_mac_are_read(file):
    assert read(file("Email,Ville\ra@example.com,Aix\r")) == [["a@example.com", "Aix"]]


def test_a_row_says_how_many_cells_it_has(file):
    table = open_table(
        file("Email,Ville\na@example.com\nb@example.com,Aix,x\nc@example.com,Aix,,\n")
    )

    assert [row.width for row in table.rows()] == [1, 3, 2]


def test_a_nameless_column_is_called_by_its_place(file):
    assert open_table(file("Email,,\na@example.com,x,y\n")).headers == (
        "Email",
        "Column 2",
        "Column 3",
    )


def test_the_fingerprint_is_the_files_own(file):
    first, again = file(as_csv()), file(as_csv(), name="again.csv")
    other = file(as_csv(";"), name="other.csv")

    assert open_table(first).sha256 == open_table(again).sha256
    assert open_table(first).sha256 != open_table(other).sha256


@pytest.mark.parametrize(
    ("content", "refusal", "said"),
    [
        (b"", errors.NoRows, "prospects.csv is empty"),
        (b"\xef\xbb\xbf", errors.NoRows, "prospects.csv is empty"),
        (b" \r\n\r\n", errors.NoRows, "prospects.csv is empty"),
        (b"Email,Ville\r\n", errors.NoRows, "a header line and no rows below it"),
        (b"Email,Ville\r\n,\r\n\r\n", errors.NoRows, "a header line and no rows below it"),
        (b"PK\x03\x04\x14\x00", errors.NotCsv, "an Excel workbook (.xlsx)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", errors.NotCsv, "an old Excel workbook (.xls)"),
        (b"%PDF-1.7\n", errors.NotCsv, "a PDF document"),
        (b"Email,Ville\na\0b,Aix\n", errors.NotCsv, "NUL bytes"),
        (b"E\0m\0a\0i\0l\0\n\0", errors.NotCsv, "NUL bytes"),
        (b"Email\n\x81\x8d\x8f\n", errors.NotCsv, "neither UTF-8 nor Windows-1252"),
        (b"\xff\xfeE\x00\xd8", errors.NotCsv, "not text (utf-16)"),
        (b"Email\nL\xe9on L\xc3\xa9on\n", errors.NotCsv, "mixes UTF-8 and Windows-1252"),
        (b"Email,Ville,email \na,b,c\n", errors.DuplicateHeaders, "“Email”, “email”"),
    ],
)
def test_a_file_that_is_no_list_of_prospects_is_refused(file, content, refusal, said):
    with pytest.raises(refusal) as refused:
        open_table(file(content))

    assert said in str(refused.value)
    assert isinstance(refused.value, DomainError)


def test_a_quote_that_is_never_closed_is_refused_with_its_row(file):
    table = open_table(file('Email,Ville\na@example.com,Aix\nb@example.com,"Aix\nc@example.com,\n'))

    with pytest.raises(errors.BrokenQuotes, match="Row 3 cannot be read"):
        list(table.rows())


def test_a_quote_in_the_middle_of_a_cell_is_refused(file):
    table = open_table(file('Email,Ville\na@example.com,Aix\n"b"@example.com,Aix\n'))

    with pytest.raises(errors.BrokenQuotes, match="Row 3"):
        list(table.rows())


def test_one_endless_line_is_refused_without_being_read_whole(tmp_path):
    path = tmp_path / "endless.csv"
    with path.open("wb") as sparse:
        sparse.write(b"Email\n" + b"a" * (2 << 20))
        sparse.truncate(200 << 20)

    tracemalloc.start()
    with pytest.raises(errors.LineTooLong, match="Line 2 of endless.csv"):
        open_table(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 10 << 20


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(errors.FileUnreadable, match="There is no file"):
        open_table(tmp_path / "nothing.csv")
    with pytest.raises(errors.FileUnreadable, match="is not a file"):
        open_table(tmp_path)


def test_a_file_that_may_not_be_read_is_refused(file, monkeypatch):
    path = file(as_csv())

    def forbidden(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(reading.Path, "open", forbidden)
    with pytest.raises(errors.FileUnreadable, match="Permission denied"):
        open_table(path)
