"""Files of prospects in every form, for tests that read them."""

import csv
import gzip
import io
import zipfile
from pathlib import Path

import xlsxwriter
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P

HEADERS = ["Société", "Email", "Ville"]
ROWS = [["Café “Léon”", "leon@example.com", "Aix, l'été"], ["Bar; Bis", "bis@example.com", ""]]
EVERY_CELL = [HEADERS, *ROWS]


def as_csv(delimiter=",", rows=ROWS, headers=HEADERS):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([headers, *rows])
    return text.getvalue()


def as_xlsx(sheets=None, *, start=0, password=None):
    """A workbook of one sheet or, by name, several; each row begins at column `start`."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for name, rows in (sheets or {"Feuil1": EVERY_CELL}).items():
            sheet = book.add_worksheet(name)
            for place, row in enumerate(rows):
                for column, cell in enumerate(row, start=start):
                    if hasattr(cell, "isoformat"):
                        sheet.write_datetime(place, column, cell, day)
                    elif cell != "":
                        sheet.write(place, column, cell)
    return out.getvalue()


def as_ods(rows=EVERY_CELL, *, name="Feuille1"):
    book = OpenDocumentSpreadsheet()
    table = Table(name=name)
    for row in rows:
        line = TableRow()
        for cell in row:
            place = TableCell(valuetype="string")
            place.addElement(P(text=cell))
            line.addElement(place)
        table.addElement(line)
    book.spreadsheet.addElement(table)
    out = io.BytesIO()
    book.write(out)
    return out.getvalue()


def gzipped(content):
    return gzip.compress(content if isinstance(content, bytes) else content.encode(), mtime=0)


def zipped(members, *, method=zipfile.ZIP_DEFLATED):
    """A zip archive of {name: content}."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return out.getvalue()


def rezipped(content, change):
    """The archive with each member replaced by what `change(name, content)` makes of it."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return zipped({name: change(name, archive.read(name)) for name in archive.namelist()})


def written(folder: Path, content, name="prospects.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(source):
    """Every row of a source."""
    return [row for batch in source.batches() for row in batch.rows]


def numbered(source):
    """The number and the first cell of every row."""
    return [
        (number, row[0])
        for batch in source.batches()
        for number, row in zip(batch.numbers, batch.rows, strict=True)
    ]
