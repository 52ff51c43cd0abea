"""Ten thousand damaged and hostile files: each is read or refused by one sentence, none hangs."""

import io
import json
import random
import re
import signal
import zipfile
from functools import cache

import pytest

from crm.importing.errors import FileRefused
from crm.importing.reading import Limits, open_source
from crm.tests.making_files import (
    HEADERS,
    ROWS,
    as_csv,
    as_ods,
    as_xlsx,
    gzipped,
    rezipped,
    written,
    zipped,
)

LIMITS = Limits(
    rows=300,
    unpacked_bytes=300_000,
    line_length=20_000,
    cell_length=9_000,
    columns=40,
    document_bytes=100_000,
    workbook_bytes=300_000,
    workbook_memory=32_000_000,
)
ROUNDS = 50
FILES = 188  # that text or packed text becomes, in each round
WORKBOOKS = 12  # in each round; each takes a process
HANGS = 20  # seconds
RAW = re.compile(  # what a library says, or a place in a program
    r"Traceback|Error\b|Exception|\bfile \"|0x[0-9a-f]{4}|codec|_csv|zlib|expecting", re.IGNORECASE
)
ITEMS = [dict(zip(HEADERS, row, strict=True)) for row in ROWS]
MANY = [[f"Entreprise {n}", f"a{n}@example.com", "Évry" * (n % 3)] for n in range(60)]


@cache
def texts():
    """Good files of text, in every form."""
    forms = [as_csv(delimiter, rows) for delimiter in ",;\t" for rows in (ROWS, MANY)]
    forms.append("".join('"' + row.replace('"', '""') + '"\r\n' for row in forms[0].splitlines()))
    forms.append("\n".join(json.dumps(item) for item in ITEMS))
    forms.append(json.dumps({"data": [{"person": item} for item in ITEMS]}, indent=1))
    forms.append(json.dumps(ITEMS, ensure_ascii=False))
    encodings = ("utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252")
    return [form.encode(encoding) for form in forms for encoding in encodings]


@cache
def workbooks():
    return [as_xlsx(), as_xlsx({"A": [[]], "B": MANY}), as_ods()]


def cut(content, chance):
    return content[: chance.randrange(len(content) + 1)]


def changed(content, chance):
    """Some bytes are others."""
    new = bytearray(content)
    for _ in range(chance.choice([1, 1, 4, 40])):
        if new:
            new[chance.randrange(len(new))] = chance.randrange(256)
    return bytes(new)


def inserted(content, chance):
    """Something that belongs elsewhere, in the middle or at the beginning."""
    piece = chance.choice(
        [b'"', b'""', b'"\n', b"\n", b"\r", b"\r\n", b"\n" * 500, b"\0", b"\0\0", b",", b"\t" * 60]
        + [b"x" * 9_500, b'"' + b"y," * 5_000, b"z" * 25_000, b"{", b"[", b"]", b"}", b"\\u0000"]
        + [
            b'{"a":' * 3_000,
            b"[" * 3_000 + b"]" * 3_000,
            b"9" * 5_000,
            b"\xff\xfe",
            b"\xef\xbb\xbf",
            b"\xc3",
        ]
        + [b"PK\x03\x04", b"\x1f\x8b\x08", b"%PDF-1.4", b"<html>", b"\xd0\xcf\x11\xe0", b"\x1a"]
        + [bytes(chance.randrange(256) for _ in range(30)), b'{"data": 1}\n', b"\xe2\x80\xa8"]
    )
    place = chance.choice([0, chance.randrange(len(content) + 1)])
    return content[:place] + piece + content[place:]


def removed(content, chance):
    place = chance.randrange(len(content) + 1)
    return content[:place] + content[place + chance.randrange(1, 50) :]


def repeated(content, chance):
    place = chance.randrange(len(content) + 1)
    part = content[place : place + chance.randrange(1, 400)]
    return content[:place] + part * chance.choice([2, 3, 50]) + content[place:]


def line_ends(content, chance):
    return content.replace(b"\n", chance.choice([b"", b"\r", b"\r\r\n", b"\n\n", b"\0\n", b'"\n']))


def spliced(content, chance):
    """The beginning of one file and the end of another."""
    return cut(content, chance) + chance.choice(texts())[chance.randrange(99) :]


def packed(content, chance):
    other = chance.choice(texts())
    method = chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
    members = chance.choice(
        [{"p.csv": content}, {"a/": b"", "a/.x": b"", "a/p": content}, {"p": content, "q": other}]
        + [{"__MACOSX/p": content}, {"../../p.csv": content}, {"é\n" * 99: content}, {}]
        + [{"mimetype": b"x", "content.xml": content, "META-INF/manifest.xml": b""}]
    )
    return chance.choice([gzipped(content), gzipped(content) * 2, zipped(members, method=method)])


def bomb(content, chance):
    """Far more than it seems, from one layer or several."""
    content += chance.choice([b"\n", b"0", b"a,b\n", b'"', b"{}\n"]) * 400_000
    for _ in range(chance.randrange(1, 4)):
        content = chance.choice([gzipped, lambda inner: zipped({"p": inner})])(content)
    return content


TEXT_CHANGES = [cut, changed, inserted, inserted, removed, repeated, line_ends, spliced]
NAMES = ["p.csv", "p.xlsx", "p.json", "p.csv.gz", "p.zip", "p.ods", "p.xls", "p", "p.exe", "p.txt"]


def damaged_text(chance):
    """A good file after a few changes, perhaps packed, perhaps damaged again after that."""
    content = chance.choice(texts())
    for change in chance.choices(TEXT_CHANGES, k=chance.randrange(1, 4)):
        content = change(content, chance)
    for pack in chance.choices([packed, bomb], weights=[9, 1], k=chance.choice([0, 0, 1, 1, 2])):
        content = pack(content, chance)
        if chance.random() < 0.5:
            content = chance.choice([cut, changed, inserted, removed])(content, chance)
    return content


def damaged_workbook(chance):
    """A workbook changed as an archive, or in one of its parts, perhaps packed once more."""
    content = chance.choice(workbooks())
    if chance.random() < 0.3:
        content = chance.choice([changed, removed, inserted, cut])(content, chance)
    else:
        with zipfile.ZipFile(io.BytesIO(content)) as opened:
            part = chance.choice([name for name in opened.namelist() if name.endswith(".xml")])
        change = chance.choice([changed, removed, repeated, cut, inserted, outsized])
        content = rezipped(
            content, lambda name, data: change(data, chance) if name == part else data
        )
    return packed(content, chance) if chance.random() < 0.2 else content


def outsized(content, chance):
    """Cells far away, and rows and cells said to be repeated very often."""
    often = chance.choice([b"9", b"1048576", b"99999999", b"-1", b"18446744073709551616"])
    return (
        content.replace(b'r="A2"', chance.choice([b'r="XFD1048576"', b'r="ZZZ9"', b'r=""']))
        .replace(b"<v>1</v>", b"<v>" + often + b"</v>")
        .replace(b"<table:table-row", b'<table:table-row table:number-rows-repeated="%s"' % often)
        .replace(b"<table:table-cell", b'<table:table-cell table:number-columns-repeated="20"')
    )


def outcome(path):
    """What was read, or the sentence of the refusal; anything else is a fault."""
    try:
        source = open_source(path, limits=LIMITS)
        return [pair for batch in source.batches(7) for pair in zip(*batch, strict=True)], None
    except FileRefused as refusal:
        return [], str(refusal)


def hangs(*_):
    raise AssertionError(f"The file was still being read after {HANGS} seconds.")


@pytest.fixture
def _watched():
    before = signal.signal(signal.SIGALRM, hangs)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("_watched")
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_whatever_the_file_holds_it_is_read_or_refused_by_one_sentence(tmp_path, seed):
    chance = random.Random(seed)
    makers = [damaged_text] * FILES + [damaged_workbook] * WORKBOOKS
    for maker in makers:
        path = written(tmp_path, maker(chance), chance.choice(NAMES))
        signal.alarm(HANGS)
        rows, refusal = outcome(path)
        path.unlink()
        if refusal is None:
            assert_rows(rows)
        else:
            assert_sentence(refusal)


def assert_rows(rows):
    """Numbers rise, and every cell is text that a database can keep."""
    numbers = [number for number, _ in rows]
    assert numbers == sorted(set(numbers))
    for _, row in rows:
        assert len(row) <= LIMITS.columns
        assert any(cell.strip() for cell in row)
        assert "\0" not in "".join(row).encode().decode()


def assert_sentence(refusal):
    assert refusal.endswith(".")
    assert 20 < len(refusal) < 700
    assert refusal.isprintable()
    assert not RAW.search(refusal)


def test_most_kinds_of_refusal_are_met_among_them(tmp_path):
    met = set()
    for seed in range(1_500):
        chance = random.Random(f"kinds {seed}")
        path = written(tmp_path, damaged_text(chance))
        try:
            for _ in open_source(path, limits=LIMITS).batches():
                met.add("read")
        except FileRefused as refusal:
            met.add(type(refusal).__name__)

    assert met >= {
        "read",
        "BrokenJson",
        "BrokenQuotes",
        "CellTooLong",
        "FileDamaged",
        "LineTooLong",
        "NestedArchive",
        "NoRows",
        "NotCsv",
        "SeveralFiles",
        "TooManyColumns",
        "UnpackedTooLarge",
    }
