"""Files within .gz and .zip, and archives that are not what they claim."""

import gzip
import hashlib
import tempfile
import tracemalloc
import zipfile

import pytest

from crm.importing import errors
from crm.importing.reading import Limits, open_source
from crm.tests.making_files import ROWS, as_csv, as_xlsx, gzipped, read, written, zipped

CSV = as_csv().encode()


def opened(folder, content, name="prospects.csv", **limits):
    return open_source(written(folder, content, name), limits=Limits(**limits))


@pytest.mark.parametrize("name", ["prospects.csv.gz", "prospects.zip", "prospects.csv", "x.pdf"])
@pytest.mark.parametrize(
    ("content", "compression"),
    [
        (CSV, ""),
        (gzipped(CSV), "gz"),
        (gzipped(CSV[:40]) + gzipped(CSV[40:]), "gz"),
        (zipped({"a/prospects.csv": CSV}), "zip"),
        (zipped({"prospects": CSV}, method=zipfile.ZIP_STORED), "zip"),
        (zipped({"__MACOSX/._p.csv": b"x", ".DS_Store": b"x", "d/": b"", "p.csv": CSV}), "zip"),
    ],
)
def test_a_packed_file_reads_as_it_did_before_whatever_it_is_called(
    tmp_path, content, compression, name
):
    source = opened(tmp_path, content, name)

    assert (source.kind, source.compression) == ("csv", compression)
    assert source.sha256 == hashlib.sha256(content).hexdigest()
    assert read(source) == ROWS


@pytest.mark.parametrize("pack", [gzipped, lambda content: zipped({"p.xlsx": content})])
def test_a_packed_workbook_is_read_and_leaves_no_copy_behind(tmp_path, pack, monkeypatch):
    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(room))

    source = opened(tmp_path, pack(as_xlsx()))

    assert (source.kind, read(source)) == ("xlsx", ROWS)
    assert list(room.iterdir()) == []


def marked_encrypted(content):
    """The archive with the flag of encryption in both places (APPNOTE 6.3, 4.3.7 and 4.3.12)."""
    changed = bytearray(content)
    changed[6] |= 1
    changed[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(changed)


@pytest.mark.parametrize(
    ("content", "refusal", "said"),
    [
        (gzipped(b""), errors.NoRows, "is empty"),
        (zipped({"p.csv": b""}), errors.NoRows, "is empty"),
        (zipped({}), errors.NoRows, "holds no file"),
        (zipped({"__MACOSX/p.csv": CSV, "a/": b""}), errors.NoRows, "holds no file"),
        (zipped({"a.csv": CSV, "b.csv": CSV}), errors.SeveralFiles, "2 files .“a.csv”, “b.csv”"),
        (zipped({f"{n}.csv": CSV for n in range(9)}), errors.SeveralFiles, "and 4 more"),
        (gzipped(gzipped(CSV)), errors.NestedArchive, "holds another archive"),
        (gzipped(zipped({"p.csv": CSV})), errors.NestedArchive, "holds another archive"),
        (zipped({"p.gz": gzipped(CSV)}), errors.NestedArchive, "holds another archive"),
        (zipped({"p": zipped({"p": CSV})}), errors.NestedArchive, "holds another archive"),
        (marked_encrypted(zipped({"p": CSV})), errors.FileLocked, "protected by a password"),
        (zipped({"p": CSV}, method=zipfile.ZIP_LZMA), errors.NotCsv, "packed in an unusual way"),
        (zipped({"p.pdf": b"%PDF-1.7"}), errors.NotCsv, "a PDF document"),
        (gzipped(CSV)[:-9], errors.FileDamaged, "damaged or cut short"),
        (gzipped(CSV)[:-8] + b"12345678", errors.FileDamaged, "damaged or cut short"),
        (zipped({"p": CSV})[:-30], errors.FileDamaged, "damaged or cut short"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value,
)
def test_an_archive_without_one_file_of_prospects_is_refused(tmp_path, content, refusal, said):
    with pytest.raises(refusal, match=said):
        opened(tmp_path, content)


def test_bytes_changed_in_an_archive_are_noticed(tmp_path):
    stored = zipped({"p.csv": CSV}, method=zipfile.ZIP_STORED)

    with pytest.raises(errors.FileDamaged):
        opened(tmp_path, stored.replace(b"bis@example.com", b"bus@example.com"))


@pytest.mark.parametrize("pack", [gzipped, lambda content: zipped({"p.csv": content})])
def test_a_bomb_is_refused_by_what_comes_out_and_not_by_what_it_claims(tmp_path, pack):
    unpacked = b"Email\n" + b"a@example.com\n" * 4_000_000
    content = pack(unpacked)
    claimed = content.replace(len(unpacked).to_bytes(4, "little"), (99).to_bytes(4, "little"))
    assert claimed != content

    tracemalloc.start()
    with pytest.raises(errors.UnpackedTooLarge, match="more than 1,000,000 bytes once unpacked"):
        opened(tmp_path, content, unpacked_bytes=1_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 8 << 20
    with pytest.raises((errors.UnpackedTooLarge, errors.FileDamaged)):
        opened(tmp_path, claimed, unpacked_bytes=1_000_000)


def test_an_archive_of_very_many_files_is_refused_before_they_are_listed(tmp_path):
    content = zipped({f"{number:0100}.csv": b"" for number in range(10_000)})

    with pytest.raises(errors.SeveralFiles, match="holds too many files"):
        opened(tmp_path, content)


def test_the_file_in_a_gz_may_be_read_twice(tmp_path):
    source = opened(tmp_path, gzip.compress(CSV))

    assert read(source) == read(source) == ROWS
