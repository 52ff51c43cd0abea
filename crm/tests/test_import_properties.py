"""What holds for any file of prospects: twice is once, neither form nor cut shows."""

import csv
import io
from datetime import UTC, datetime
from itertools import count

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crm.importing import engine
from crm.importing.services import import_prospects
from crm.models import Company, Person, Phone, Position
from crm.tests.making_files import as_csv, as_xlsx, gzipped

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LATER = datetime(2026, 12, 23, 9, 0, tzinfo=UTC)
LAST = datetime(2027, 1, 23, 9, 0, tzinfo=UTC)
ROW_OF_AN_ID = 0xFFFFFFFF
HEADERS = [
    *("Nom de la liste Pharow", "Nom légal", "SIREN", "ID entreprise Pharow"),
    *("URL du site internet", "Email", "Prénom", "Nom", "URL LinkedIn du prospect"),
    *("Tél portable", "Type d'email", "Adresse du siège complète", "Couleur préférée"),
]
# So few values that rows meet, contradict each other and lack what others have.
CELLS = st.tuples(
    st.sampled_from(["Liste", ""]),
    st.sampled_from(["Café Léon", "CAFE LEON", "Bar; Bis", "=Bar", "", "Café Léon"]),
    st.sampled_from(["732829320", "356000000", "123", "", ""]),
    st.sampled_from(["7", "8", "", ""]),
    st.sampled_from(["https://x.example.com", "y.example.com", "no site", "", ""]),
    st.sampled_from(
        ["a@x.example.com", "b@x.example.com", "c@gmail.com", "A@y.example.com", "d@y.example.com"]
        + ["é@x.example.com", ""]
    ),
    st.sampled_from(["Léa", "LEA", "Bob", ""]),
    st.sampled_from(["Roux", "roux", "Petit", ""]),
    st.sampled_from(["linkedin.com/in/1", "https://www.linkedin.com/in/2/", "nobody", "", ""]),
    st.sampled_from(["0612345678", "+33 6 12 34 56 78", "06 98 76 54 32", "06", ""]),
    st.sampled_from(["valid", "invalide", "odd", ""]),
    st.sampled_from(["1 rue d'Aix, 13001 MARSEILLE", "[ND] 97400 ST DENIS", ""]),
    st.sampled_from(["rouge", "blanc, cassé", ""]),
)


def settled(cells):
    """An address at a mail provider stands for one company, which no number renames.

    Else nobody can tell, once the company bears another name, whether the address is still its.
    """
    if cells[5] == "c@gmail.com":
        cells = (cells[0], "Chez Gmail", "", "", "", *cells[5:])
    return list(cells)


ROWS = st.lists(CELLS.map(settled), min_size=1, max_size=6)
FILES = st.lists(ROWS, min_size=1, max_size=3)

_names = count(1)


def many(examples):
    """So many tries; what fails is small enough to be shown as it is."""
    return settings(
        max_examples=examples,
        deadline=None,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )


@pytest.fixture
def write(tmp_path):
    def write(content, ending=".csv"):
        path = tmp_path / f"{next(_names)}{ending}"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def bring(write):
    """Import some rows."""

    def bring(rows, *, at=AT, **options):
        return import_prospects(write(as_csv(rows=rows, headers=HEADERS)), at=at, **options)

    return bring


def everything():
    """What is stored, its ids among it."""
    stored = [list(model.objects.order_by("id").values()) for model in (Company, Person, Position)]
    told = ("person_id", "number", "source", "kind", "raw")
    return [*stored, sorted(Phone.objects.values_list(*told))]


def by_rows():
    """What is stored, with the row that made it in the place of each id."""
    hidden = {"created_at", "updated_at", "organisation_id"}

    def shown(name, value):
        return value.int & ROW_OF_AN_ID if name == "id" or name.endswith("_id") else value

    ids = ("id", "person_id", "company_id")
    stored = [
        [
            {k: shown(k, v) if k in ids else v for k, v in row.items() if k not in hidden}
            for row in rows
        ]
        for rows in everything()[:3]
    ]
    phones = [(person.int & ROW_OF_AN_ID, *told) for person, *told in everything()[3]]
    return [*stored, sorted(phones)]


def told_of(report):
    """The report without what names the file."""
    form = {"file_name", "sha256", "encoding", "delimiter"}
    return {name: value for name, value in report.as_dict().items() if name not in form}


def in_between(act):
    """What comes of an act that leaves no trace."""
    with transaction.atomic():
        result = act()
        transaction.set_rollback(True)
    return result


def stored_and_told(imported):
    report, problems = imported
    return by_rows(), told_of(report), problems


# Twice is once ----------------------------------------------------------------------------------


@many(40)
@given(files=FILES)
def test_a_file_imported_twice_leaves_what_it_left_once(inside, bring, files):
    def twice():
        for rows in files[:-1]:
            bring(rows, at=AT)
        first, problems = bring(files[-1], at=LATER)
        once = everything()
        second, again = bring(files[-1], at=LAST)
        return first, problems, once, second, again, everything()

    first, problems, once, second, again, at_last = in_between(twice)

    assert at_last == once
    assert places(again) == places(problems)
    for table in ("companies", "people", "positions", "phones"):
        before, after = getattr(first, table), getattr(second, table)
        assert (after.created, after.updated) == (0, 0)
        assert after.unchanged == before.created + before.updated + before.unchanged
    counts = ("rows", "rows_refused", "rows_duplicate", "rows_warned", "rows_imported")
    assert [getattr(first, name) for name in counts] == [getattr(second, name) for name in counts]


def places(problems):
    """Where something was found; whom and what a sentence names may have changed by the import."""
    told = [(each.row, each.kind, each.column, each.code) for each in problems]
    return [each for each in told if each[-1] != "company_named_otherwise"]


@many(20)
@given(files=FILES)
def test_what_a_report_says_was_made_is_what_was_made(inside, bring, files):
    def growth():
        for rows in files[:-1]:
            bring(rows, at=AT)
        before = counts()
        report, problems = bring(files[-1], at=LATER)
        return report, problems, before, counts()

    def counts():
        return [model.objects.count() for model in (Company, Person, Position, Phone)]

    report, problems, before, after = in_between(growth)

    tallies = (report.companies, report.people, report.positions, report.phones)
    assert [tally.created for tally in tallies] == [
        now - then for then, now in zip(before, after, strict=True)
    ]
    seen = [tally.created + tally.updated + tally.unchanged for tally in tallies]
    assert seen[2] == report.rows_imported
    refused = {problem.row for problem in problems if problem.kind == "refused"}
    repeated = {problem.row for problem in problems if problem.kind == "duplicate"}
    assert (report.rows_refused, report.rows_duplicate) == (len(refused), len(repeated - refused))
    assert {problem.row for problem in problems} <= set(range(2, report.rows + 2))


@many(15)
@given(files=FILES)
def test_a_dry_run_foretells_the_report_and_stores_nothing(inside, bring, files):
    def foretold():
        for rows in files[:-1]:
            bring(rows, at=AT)
        before = everything()
        dry, foreseen = bring(files[-1], at=LATER, dry_run=True)
        unchanged = everything() == before
        return unchanged, dry, foreseen, *bring(files[-1], at=LATER)

    unchanged, dry, foreseen, report, problems = in_between(foretold)

    assert unchanged
    assert told_of(dry) == told_of(report) | {"dry_run": True}
    assert foreseen == problems


# How it is cut ----------------------------------------------------------------------------------


@many(20)
@given(files=FILES, chunk=st.integers(1, 6))
def test_how_a_file_is_cut_into_chunks_does_not_show(inside, bring, monkeypatch, files, chunk):
    def imported():
        for rows in files[:-1]:
            bring(rows, at=AT)
        return stored_and_told(bring(files[-1], at=LATER))

    whole = in_between(imported)
    with monkeypatch.context() as patched:
        patched.setattr(engine, "CHUNK", chunk)
        pieces = in_between(imported)

    assert pieces == whole


# What form it has -------------------------------------------------------------------------------

TEXTS = {
    **{name: ("utf-8", "\n", delimiter) for name, delimiter in {",": ",", ";": ";"}.items()},
    "tab": ("utf-8", "\n", "\t"),
    "excel": ("utf-8-sig", "\r\n", ";"),
    "old excel": ("cp1252", "\r\n", ";"),
    "latin, commas": ("cp1252", "\n", ","),
    "unicode text": ("utf-16", "\r\n", "\t"),
    "utf-16": ("utf-16-le", "\n", ","),
}


def as_text(headers, rows, encoding, line_end, delimiter):
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=line_end).writerows([headers, *rows])
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    return (mark + out.getvalue()).encode(encoding)


def in_form(draw_form, headers, rows):
    """The table as bytes, and how such a file's name ends."""
    if draw_form == "workbook":
        return as_xlsx({"Feuil1": [headers, *rows]}), ".xlsx"
    text = as_text(headers, rows, *TEXTS[draw_form.removesuffix(" packed")])
    return (gzipped(text), ".csv.gz") if draw_form.endswith(" packed") else (text, ".csv")


FORMS = [*TEXTS, *(f"{name} packed" for name in TEXTS), "workbook"]


def no_formula(rows):
    """A workbook would take such a cell for a formula of its own."""
    return [[cell.lstrip("=") for cell in row] for row in rows]


@many(30)
@given(rows=ROWS, form=st.sampled_from(FORMS), order=st.permutations(range(len(HEADERS))))
def test_neither_the_order_of_columns_nor_the_form_of_the_file_shows(
    inside, write, rows, form, order
):
    rows = no_formula(rows)
    shuffled = [[row[place] for place in order] for row in rows]
    content, ending = in_form(form, [HEADERS[place] for place in order], shuffled)

    plain = in_between(
        lambda: stored_and_told(import_prospects(write(as_csv(rows=rows, headers=HEADERS)), at=AT))
    )
    other = in_between(lambda: stored_and_told(import_prospects(write(content, ending), at=AT)))

    assert other[0] == plain[0]
    assert comparable(other[1]) == comparable(plain[1])
    assert as_set(other[2]) == as_set(plain[2])


def comparable(report):
    unordered = {name: sorted(report[name]) for name in ("columns_unknown", "columns_ignored")}
    return report | unordered


def as_set(problems):
    return sorted(
        (each.row, each.kind, each.column, each.value, each.code, sorted(each.detail.items()))
        for each in problems
    )
