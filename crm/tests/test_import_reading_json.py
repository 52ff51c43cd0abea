"""JSON as programs send it: an object on each line, or a list of them."""

import json

import pytest

from crm.importing import errors
from crm.importing.reading import Limits, open_source
from crm.tests.making_files import numbered, read, written

ITEM = {
    "position": {"positionEmail": "leon@example.com", "positionEmailReliability": "85%"},
    "person": {"personLastName": "Léon", "personSalutation": None},
    "company": {"companyName": "Café Léon", "companyAnnualRevenueEuros": 120000},
}
OTHER = {"company": {"companyName": "Bar Bis", "companySiren": "732829320"}}
HEADERS = (
    "positionEmail",
    "positionEmailReliability",
    "personLastName",
    "companyName",
    "companyAnnualRevenueEuros",
    "companySiren",
)
ROWS = [
    ["leon@example.com", "85%", "Léon", "Café Léon", "120000", ""],
    ["", "", "", "Bar Bis", "", "732829320"],
]


def opened(folder, content, **limits):
    return open_source(written(folder, content, "prospects.json"), limits=Limits(**limits))


def in_lines(*items):
    return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)


@pytest.mark.parametrize(
    "content",
    [
        in_lines(ITEM, OTHER),
        json.dumps([ITEM, OTHER]),
        json.dumps({"data": [ITEM, OTHER]}),
        json.dumps({"sent": 2, "data": [ITEM, OTHER]}, indent=2),
        json.dumps([ITEM, OTHER], indent="\t"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_form_of_json_reads_the_same(tmp_path, content, encoding):
    source = opened(tmp_path, content.encode(encoding))

    assert (source.kind, source.encoding, source.delimiter) == ("json", encoding, "")
    assert (source.headers, source.header_number) == (HEADERS, 0)
    assert read(source) == ROWS


def test_lines_are_numbered_and_blank_ones_are_counted(tmp_path):
    source = opened(tmp_path, '{"a": "1"}\n\n{"a": null}\n{"a": "2"}')

    assert numbered(source) == [(1, "1"), (4, "2")]


def test_items_of_a_list_are_numbered_from_one(tmp_path):
    assert numbered(opened(tmp_path, '[{"a": "1"}, {}, {"a": "2"}]')) == [(1, "1"), (3, "2")]


def test_numbers_stay_as_they_are_written(tmp_path):
    source = opened(tmp_path, '{"a": 85.00, "b": 10493115900016, "c": true, "d": NaN, "e": [1]}\n')

    assert dict(zip(source.headers, read(source)[0], strict=True)) == {
        "a": "85.00",
        "b": "10493115900016",
        "c": "true",
        "e": '["1"]',
    }


@pytest.mark.parametrize("depth", [10, 200, 900, 1_500, 3_000, 9_000])
def test_lists_within_lists_are_kept_or_refused(tmp_path, depth):
    lists = "[" * depth + "]" * depth

    try:
        rows = read(opened(tmp_path, f'{{"a": {lists}}}\n'))
    except errors.BrokenJson as refusal:
        rows = str(refusal)

    assert rows == [[lists]] or "deep" in rows or "cannot be read" in rows


def test_two_values_under_one_last_key_become_two_columns(tmp_path):
    source = opened(tmp_path, '{"person": {"name": "Léa"}, "company": {"name": "Bar"}}\n')

    assert source.headers == ("name", "company.name")
    assert read(source) == [["Léa", "Bar"]]


def test_a_csv_whose_header_begins_with_a_bracket_stays_csv(tmp_path):
    assert opened(tmp_path, "[Email],{Ville}\na@example.com,Aix\n").kind == "csv"


@pytest.mark.parametrize(
    ("content", "refusal", "said"),
    [
        ('{"a": 1}\n{"a": \n', errors.BrokenJson, "Line 2 of prospects.json is not JSON"),
        ('{"a": 1\n{"a": 2}\n', errors.BrokenJson, "Line 1 of prospects.json is not JSON"),
        ('[{"a": 1},\n{"a" 2}]', errors.BrokenJson, r"is not JSON \(line 2\)"),
        ('{"a": 1}\n[1]\n', errors.BrokenJson, "Item 2 of prospects.json is not an object"),
        ('[{"a": 1}, 7]', errors.BrokenJson, "Item 2 of prospects.json is not an object"),
        ('{\n"a": {"data": []}}', errors.BrokenJson, "holds no list of objects"),
        ('{"a": "x\\u0000"}\n', errors.BrokenJson, "Item 1 .* a character that is no text"),
        ('{"a": "\\ud800"}\n', errors.BrokenJson, "Item 1 .* a character that is no text"),
        ('{"a":' * 20 + "1" + "}" * 20, errors.BrokenJson, "more than 8 deep"),
        ('{"a":' * 99_999 + "1" + "}" * 99_999, errors.BrokenJson, "cannot be read as JSON"),
        ('{"a":' + "[" * 99_999 + "]" * 99_999 + "}", errors.BrokenJson, "cannot be read as JSON"),
        ("[{}]", errors.NoRows, "no rows below it"),
        ('{"data": []}', errors.NoRows, "no rows below it"),
        ('{"a": 1, "A ": 2}\n', errors.DuplicateHeaders, "“a”, “A”"),
    ],
)
def test_json_that_is_no_list_of_prospects_is_refused(tmp_path, content, refusal, said):
    with pytest.raises(refusal, match=said):
        read(opened(tmp_path, content))


@pytest.mark.parametrize(
    ("limits", "content", "refusal", "said"),
    [
        ({"rows": 1}, '{"a": 1}\n{"a": 2}\n', errors.TooManyRows, "more than 1 rows"),
        ({"columns": 1}, '{"a": 1}\n{"b": 2}\n', errors.TooManyColumns, "has 2 columns"),
        ({"cell_length": 3}, '{"a": "abcd"}\n', errors.CellTooLong, "Row 1 of"),
        ({"line_length": 9}, '{"a": 1}\n{"a": 234}\n', errors.LineTooLong, "Line 2 of"),
        ({"document_bytes": 9}, '[{"a": 1}]', errors.DocumentTooLarge, "more than 9 characters"),
    ],
)
def test_what_exceeds_a_limit_is_refused_and_named(tmp_path, limits, content, refusal, said):
    with pytest.raises(refusal, match=said) as refused:
        read(opened(tmp_path, content, **limits))

    assert isinstance(refused.value, errors.BeyondLimits)
