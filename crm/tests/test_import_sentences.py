"""The sentences of an import: one for every code, in both languages, naming the same facts."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm.choices import EmailStatus
from crm.importing.columns import (
    COMPANY_COLUMNS,
    PHONE_COLUMNS,
    PROBLEM_COLUMNS,
    ROW_COLUMNS,
)
from crm.importing.profiles import TARGETS
from crm.importing.sentences import LANGUAGES, SENTENCES, fields_of, sentence

ROOT = Path(__file__).parents[2]
PLACES = ("crm/importing", "crm/services.py", "outreach/services")
# What comes with every problem, so that nobody who raises a code needs to name it.
ALWAYS_THERE = {"value", "column"}
CODE = re.compile(r"[a-z]+(?:_[a-z]+)+")
IN_SQL = re.compile(
    rf"'(?:refused|duplicate|warning|note)',[^']+'(?P<code>{CODE.pattern})'(?P<rest>.*?)(?:FROM|\Z)",
    re.DOTALL,
)


def sources(*places: str) -> Iterator[ast.Module]:
    for place in places or PLACES:
        path = ROOT / place
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            yield ast.parse(file.read_text(encoding="utf-8"))


def raised() -> Iterator[tuple[str, set[str]]]:
    """Every code that Python raises, perhaps with a hole in it, and the fields named beside."""
    for tree in sources():
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            named = {keyword.arg for keyword in call.keywords if keyword.arg}
            match getattr(call.func, "id", getattr(call.func, "attr", "")), call.args:
                case "Unusable", [code, *_]:
                    yield from ((pattern, named) for pattern in literal(code))
                case "partial", [_reader, *arguments]:  # of a reader: its code among them
                    texts = (each.value for each in arguments if isinstance(each, ast.Constant))
                    yield from ((text, named) for text in texts if CODE.fullmatch(str(text)))
                case "Finding", [_row, _column, code, ast.Dict(keys=keys), *_]:
                    named = {key.value for key in keys}
                    yield from ((pattern, named) for pattern in literal(code))
                case "_note", [_row, _target, code]:
                    yield from ((pattern, named) for pattern in literal(code))


def words_of_the_parser() -> set[str]:
    """Every literal of the parser that may be a code: no name, or part of one, that it fills."""
    tables = (ROW_COLUMNS, COMPANY_COLUMNS, PHONE_COLUMNS, PROBLEM_COLUMNS)
    names = [*TARGETS, *(name for table in tables for name in table), *EmailStatus]
    nodes = (node for tree in sources("crm/importing/parsing") for node in ast.walk(tree))
    texts = {str(node.value) for node in nodes if isinstance(node, ast.Constant)}
    codes = {text for text in texts if CODE.fullmatch(text)}
    return {code for code in codes if not any(code in name for name in names)}


def literal(node: ast.expr) -> list[str]:
    """The code as a pattern: a hole may be anything."""
    if isinstance(node, ast.Constant):
        return [re.escape(node.value)]
    if isinstance(node, ast.JoinedStr):
        return [written(node, hole=".+")]
    return []  # passed on from elsewhere, where it is a literal


def written(node: ast.JoinedStr, *, hole: str) -> str:
    """The text of an f-string with something in its holes."""
    return "".join(each.value if isinstance(each, ast.Constant) else hole for each in node.values)


def in_sql() -> Iterator[tuple[str, set[str]]]:
    """Every code that SQL writes down, and the fields of its detail."""
    for tree in sources():
        for node in ast.walk(tree):
            text = written(node, hole="x") if isinstance(node, ast.JoinedStr) else ""
            text = str(node.value) if isinstance(node, ast.Constant) else text
            for found in IN_SQL.finditer(text):
                yield found["code"], set(re.findall(r"'([a-z_]+)',", found["rest"]))


def test_every_code_that_a_cell_is_refused_by_has_its_sentence():
    codes = list(raised())

    assert len(codes) > 20
    for pattern, named in codes:
        meant = [code for code in SENTENCES if re.fullmatch(pattern, code)]
        assert meant, pattern
        for code in meant:
            assert fields_of(SENTENCES[code].en) - ALWAYS_THERE <= named, code


def test_every_code_that_the_parser_tells_has_its_sentence():
    words = words_of_the_parser()

    assert "email_missing" in words
    assert words <= SENTENCES.keys()


def test_every_code_that_the_database_writes_down_has_its_sentence():
    codes = list(in_sql())

    assert codes
    for code, named in codes:
        assert code in SENTENCES
        assert fields_of(SENTENCES[code].en) - ALWAYS_THERE <= named, code


@pytest.mark.parametrize("code", SENTENCES)
def test_both_languages_name_the_same_facts_in_a_whole_sentence(code):
    english, french = SENTENCES[code].en, SENTENCES[code].fr

    assert fields_of(english) == fields_of(french)
    assert english != french
    assert english.endswith(".")
    assert french.endswith(".")


@pytest.mark.parametrize("code", SENTENCES)
def test_the_marks_are_those_of_print(code):
    english, french = SENTENCES[code].en, SENTENCES[code].fr

    assert not {"'", '"'} & {*english, *french}
    assert not {"“", "”"} & {*french}
    assert not re.search(r" [:;?!»%]|« ", french)


def test_the_facts_are_filled_in():
    assert sentence("siret_of_another_siren", "en", siret="1", siren="2") == (
        "The SIRET 1 does not belong to the SIREN 2; it is left out."
    )
    assert sentence("email_invalid", "fr", value="nobody") == (
        "«\xa0nobody\xa0» n’est pas une adresse e-mail."
    )


@pytest.mark.parametrize(
    ("days", "english", "french"),
    [(0, "0 days", "0 jour"), (1, "1 day", "1 jour"), (2, "2 days", "2 jours")],
)
def test_one_is_not_many(days, english, french):
    detail = {"value": "a@b.fr", "campaign": "Spring", "days": days}

    assert f" {english} ago." in sentence("recently_contacted", "en", **detail)
    assert sentence("recently_contacted", "fr", **detail).endswith(f" {french}.")


def test_a_field_is_called_what_people_call_it():
    said = [
        sentence("hand_edited_kept", lang, field="company.city", value="Aix") for lang in LANGUAGES
    ]

    assert "“City”" in said[0]
    assert "«\xa0Ville\xa0»" in said[1]


def test_a_day_is_written_as_people_write_it():
    detail = {"value": "a@b.fr", "campaign": "Spring", "day": "2026-03-01"}

    assert sentence("already_in_campaign", "en", **detail).endswith("since 2026-03-01.")
    assert sentence("already_in_campaign", "fr", **detail).endswith("depuis le 01/03/2026.")


def test_a_language_not_known_here_is_answered_in_english():
    assert sentence("year_invalid", "de", value="x") == sentence("year_invalid", "en", value="x")


def test_a_report_stays_readable_when_its_code_or_a_fact_is_gone():
    assert sentence("of_long_ago", "fr") == "Ceci n’a pas pu être repris tel quel."
    assert sentence("too_long", "en", limit=5) == (
        "The text has … characters; at most 5 are allowed."
    )


def test_what_stands_in_a_cell_is_never_taken_for_a_field():
    assert sentence("year_invalid", "en", value="{limit}") == "“{limit}” is no year."
