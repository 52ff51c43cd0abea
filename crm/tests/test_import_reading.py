"""Files of every make, good and bad, opened without a database."""

import tracemalloc

import pytest

from crm.importing import errors
from crm.importing.reading import Limits, open_source, sources
from crm.tests.making_files import HEADERS, ROWS, as_csv, numbered, read, written
from prospectflow.errors import DomainError


@pytest.fixture
def file(tmp_path):
    return lambda content, name="prospects.csv": written(tmp_path, content, name)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("cp1252", "cp1252"),
    ],
)
def test_every_encoding_and_delimiter_reads_the_same(file, delimiter, encoding, found):
    path = file(as_csv(delimiter).encode(encoding))

    source = open_source(path)

    assert (source.kind, source.encoding, source.delimiter) == ("csv", found, delimiter)
    assert source.headers == tuple(HEADERS)
    assert read(source) == ROWS


def test_lines_that_excel_wrapped_in_quotes_are_unwrapped(file):
    lines = as_csv().splitlines()
    wrapped = "\r\n".join('"' + line.replace('"', '""') + '"' for line in lines)

    assert read(open_source(file(wrapped))) == ROWS


def test_wrapped_lines_keep_the_separators_excel_added(file):
    lines = as_csv().splitlines()
    wrapped = "\r\n".join('"' + line.replace('"', '""') + '";;' for line in lines)

    assert read(open_source(file(wrapped))) == ROWS


def test_rows_are_numbered_as_a_spreadsheet_numbers_them(file):
    path = file('Email,Ville\r\n"a@example.com","two\r\nlines"\r\n\r\n,,\r\nb@example.com,Aix\r\n')

    assert numbered(open_source(path)) == [(2, "a@example.com"), (5, "b@example.com")]


def test_blank_lines_before_the_header_are_passed_over(file):
    source = open_source(file("\n\nEmail,Ville\na@example.com,Aix\n"))

    assert (source.headers, source.header_number) == (("Email", "Ville"), 3)
    assert numbered(source) == [(4, "a@example.com")]


def test_line_ends_of_an_old_mac_are_read(file):
    source = open_source(file("Email,Ville\ra@example.com,Aix\r"))

    assert read(source) == [["a@example.com", "Aix"]]


def test_a_row_keeps_its_cells_but_for_empty_ones_beyond_the_headers(file):
    source = open_source(
        file("Email,Ville\na@example.com\nb@example.com,Aix,x\nc@example.com,Aix,,\n")
    )

    assert [len(row) for row in read(source)] == [1, 3, 2]


def test_a_nameless_column_is_called_by_its_place(file):
    assert open_source(file("Email,,\na@example.com,x,y\n")).headers == (
        "Email",
        "Column 2",
        "Column 3",
    )


def test_the_fingerprint_is_the_files_own(file):
    first, again = file(as_csv()), file(as_csv(), name="again.csv")
    other = file(as_csv(";"), name="other.csv")

    assert open_source(first).sha256 == open_source(again).sha256
    assert open_source(first).sha256 != open_source(other).sha256


@pytest.mark.parametrize(
    ("content", "refusal", "said"),
    [
        (b"", errors.NoRows, "prospects.csv is empty"),
        (b"\xef\xbb\xbf", errors.NoRows, "prospects.csv is empty"),
        (b" \r\n\r\n", errors.NoRows, "prospects.csv is empty"),
        (b"Email,Ville\r\n", errors.NoRows, "a header line and no rows below it"),
        (b"Email,Ville\r\n,\r\n\r\n", errors.NoRows, "a header line and no rows below it"),
        (b"PK\x03\x04\x14\x00", errors.FileDamaged, "is damaged or cut short"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", errors.NotCsv, "an old Excel workbook (.xls)"),
        (b"%PDF-1.7\n", errors.NotCsv, "a PDF document"),
        (b"{\\rtf1\\ansi}", errors.NotCsv, "a rich text document"),
        (b"\x89PNG\r\n\x1a\n", errors.NotCsv, "an image"),
        (b"\n<!DOCTYPE html><html>", errors.NotCsv, "a web page"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>", errors.NotCsv, "XML document"),
        (b"a" * 257 + b"ustar\0", errors.NotCsv, "a tar archive"),
        (b"Email,Ville\na\0b,Aix\n", errors.NotCsv, "NUL bytes"),
        (b"E\0m\0a\0i\0l\0\n\0", errors.NoRows, "a header line and no rows below it"),
        (b"Email\n\x81\x8d\x8f\n", errors.NotCsv, "neither UTF-8 nor Windows-1252"),
        (b"\xff\xfeE\x00\xd8", errors.NotCsv, "not text (utf-16)"),
        (b"Email\nL\xe9on L\xc3\xa9on\n", errors.NotCsv, "mixes UTF-8 and Windows-1252"),
        (b"Email,Ville,email \na,b,c\n", errors.DuplicateHeaders, "“Email”, “email”"),
    ],
)
def test_a_file_that_is_no_list_of_prospects_is_refused(file, content, refusal, said):
    with pytest.raises(refusal) as refused:
        open_source(file(content))

    assert said in str(refused.value)
    assert isinstance(refused.value, DomainError)


@pytest.mark.parametrize(
    "third", ['b@example.com,"Aix\nc@example.com,', '"b"@example.com,Aix', '"b@example.com"x,Aix']
)
def test_a_quote_out_of_place_is_refused_with_its_row(file, third):
    source = open_source(file(f"Email,Ville\na@example.com,Aix\n{third}\n"))

    with pytest.raises(errors.BrokenQuotes, match="^Row 3 cannot be read because its quotes"):
        read(source)


@pytest.mark.parametrize(
    ("limits", "content", "refusal", "said"),
    [
        ({"rows": 2}, "Email\na\nb\nc\n", errors.TooManyRows, "has more than 2 rows"),
        ({"columns": 2}, "Email,Ville,Nom\na,b,c\n", errors.TooManyColumns, "Row 1 of"),
        ({"columns": 2}, "Email,Ville\na,b\na,b,c\n", errors.TooManyColumns, "Row 3 of"),
        ({"cell_length": 9}, "Email\na\nabcdefghij\n", errors.CellTooLong, "Row 3 of"),
        ({"line_length": 9}, "Email\na\nabcdefghij\n", errors.LineTooLong, "Line 3 of"),
        ({"unpacked_bytes": 9}, "Email\na\nbcde\n", errors.UnpackedTooLarge, "more than 9 bytes"),
    ],
)
def test_what_exceeds_a_limit_is_refused_and_named(file, limits, content, refusal, said):
    with pytest.raises(refusal, match=said) as refused:
        read(open_source(file(content), limits=Limits(**limits)))

    assert isinstance(refused.value, errors.BeyondLimits)


def test_what_just_meets_the_limits_is_read(file):
    content = "Email,Ville\nabc,abcdefghi\nb,c\n"
    limits = Limits(
        rows=2, columns=2, cell_length=9, line_length=13, unpacked_bytes=len(content.encode())
    )

    assert len(read(open_source(file(content), limits=limits))) == 2


@pytest.mark.parametrize(
    ("header", "refusal", "said"),
    [
        ("a," * 499_999 + "a", errors.TooManyColumns, "Row 1 of prospects.csv has 500,000 columns"),
        ("ab," * 999_999 + "ab", errors.LineTooLong, "Line 1 of prospects.csv"),
        ("," * 999_999, errors.CellTooLong, "Row 1 of prospects.csv"),
    ],
    ids=["half a million", "a million", "nameless"],
)
def test_very_many_columns_are_refused(file, header, refusal, said):
    with pytest.raises(refusal, match=said):
        open_source(file(header + "\nx\n"))


def test_a_cell_beyond_what_python_reads_is_refused_with_its_row(file):
    source = open_source(file('Email,Ville\na,b\na,"' + "line\n" * 40_000))

    with pytest.raises(errors.CellTooLong, match="Row 3 of prospects.csv"):
        read(source)


def test_a_limit_for_one_file_leaves_the_next_one_alone(file):
    path = file("Email\nabcdefghij\n")

    with pytest.raises(errors.CellTooLong):
        read(open_source(path, limits=Limits(cell_length=9)))

    assert read(open_source(path)) == [["abcdefghij"]]


def test_a_row_without_an_end_is_refused_before_it_fills_the_memory(file):
    source = open_source(
        file("Email,Ville\na,b\n" + 'x,"\n",' * 300_000), limits=Limits(line_length=1_000)
    )

    tracemalloc.start()
    with pytest.raises(errors.LineTooLong, match="Row 3 of prospects.csv has no end"):
        read(source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 4 << 20


def test_a_batch_of_long_rows_has_few_of_them(file):
    path = file("Email,Ville\n" + f"a@example.com,{'x' * 99_999}\n" * 300)

    tracemalloc.start()
    sizes = [len(batch.rows) for batch in open_source(path).batches()]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert sum(sizes) == 300
    assert peak < 20 << 20 < path.stat().st_size


@pytest.mark.parametrize("size", [1, 3, 7, 8, 9, 1_000])
def test_batches_of_any_size_hold_the_same_rows(file, size):
    lines = "".join(f"a{place}@example.com,\n" + "\n" * (place % 3) for place in range(40))
    source = open_source(file("\nEmail,Ville\n" + lines))

    batches = list(source.batches(size))
    flat = [(number, row) for batch in batches for number, row in zip(*batch, strict=True)]

    assert max(len(batch.rows) for batch in batches) <= size
    assert flat == [
        (place + 3 + sum(before % 3 for before in range(place)), [f"a{place}@example.com", ""])
        for place in range(40)
    ]


def test_the_name_shown_is_the_one_people_gave(file):
    path = file("Email\n", name="3f2a.tmp")

    with pytest.raises(errors.NoRows, match="^Clients du Sud.csv has a header line"):
        open_source(path, name="Clients du Sud.csv")


def test_a_name_of_many_lines_makes_no_sentence_of_many_lines(file):
    path = file("Email\n")

    with pytest.raises(errors.NoRows, match=r"^Clients du Sud x+… has a header line"):
        open_source(path, name="Clients\n\tdu\0 Sud " + "x" * 900)


def test_one_endless_line_is_refused_without_being_read_whole(tmp_path):
    path = tmp_path / "endless.csv"
    with path.open("wb") as sparse:
        sparse.write(b"Email\n" + b"a" * (2 << 20))
        sparse.truncate(200 << 20)

    tracemalloc.start()
    with pytest.raises(errors.LineTooLong, match="Line 2 of endless.csv"):
        open_source(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 10 << 20


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(errors.FileUnreadable, match="There is no file"):
        open_source(tmp_path / "nothing.csv")
    with pytest.raises(errors.FileUnreadable, match="is not a file"):
        open_source(tmp_path)


def test_a_file_that_may_not_be_read_is_refused(file, monkeypatch):
    path = file(as_csv())

    def forbidden(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(sources.Path, "open", forbidden)
    with pytest.raises(errors.FileUnreadable, match="Permission denied"):
        open_source(path)
