"""What a file is, by what stands in it and never by what it is called."""

import re
import zipfile

from crm.importing.errors import NotCsv

SIGNATURES = {  # what the first bytes say, and how such a file is called
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls) or one with a password",
    b"%PDF": "a PDF document",
    b"{\\rtf": "a rich text document",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"RIFF": "an image or a recording",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"SQLite format 3": "a database",
    b"PAR1": "a Parquet file",
    b"\x7fELF": "a program",
    b"MZ\x90": "a program",
}
TAR_PLACE, TAR_MARK = 257, b"ustar"
MARKUP = re.compile(rb"\s*<(!doctype|html|head|body|table|\?xml|!--|svg|script)", re.IGNORECASE)
GZIP, ZIPS = b"\x1f\x8b", (b"PK\x03\x04", b"PK\x05\x06")
# An object with a key, or a list of objects; other texts may well begin with a bracket.
JSON = re.compile(r'\s*(\{\s*["}]|\[\s*[{\]])')
ODS_TYPE = b"application/vnd.oasis.opendocument.spreadsheet"
OFFICE = {  # a part that only this kind of document has
    "xl/workbook.bin": "a binary Excel workbook (.xlsb)",
    "word/document.xml": "a Word document",
    "ppt/presentation.xml": "a PowerPoint presentation",
}


def refuse_other(start: bytes, name: str) -> None:
    """NotCsv where the first bytes are those of something that is no table."""
    if start[TAR_PLACE:].startswith(TAR_MARK):
        raise not_csv(name, "a tar archive")
    for signature, kind in SIGNATURES.items():
        if start.startswith(signature):
            raise not_csv(name, kind)
    if MARKUP.match(start.removeprefix(b"\xef\xbb\xbf")):
        raise not_csv(name, "a web page or another XML document")


def workbook_kind(opened: zipfile.ZipFile, name: str) -> str:
    """Which workbook ("xlsx" or "ods") the archive is, or "" where it just holds files."""
    names = set(opened.namelist())
    if "xl/workbook.xml" in names:
        return "xlsx"
    for part, kind in OFFICE.items():
        if part in names:
            raise not_csv(name, kind)
    if {"content.xml", "META-INF/manifest.xml"} <= names:
        if _media_type(opened).startswith(ODS_TYPE):
            return "ods"
        raise not_csv(name, "an OpenDocument text or drawing")
    return ""


def is_json(text: str) -> bool:
    """Whether a text that begins so is JSON."""
    return JSON.match(text) is not None


def not_csv(name: str, kind: str) -> NotCsv:
    """What refuses a file of another kind."""
    return NotCsv(f"{name} is {kind}, not CSV; save it as CSV (UTF-8) and try again.")


def _media_type(opened: zipfile.ZipFile) -> bytes:
    try:
        with opened.open("mimetype") as part:
            return part.read(len(ODS_TYPE))
    except (KeyError, ValueError, OSError, EOFError, RuntimeError, zipfile.BadZipFile):
        return ODS_TYPE  # the part may be missing (ODF 1.3, part 2, 3.3); the reader will tell
