"""Prospects sent as JSON: read item by item, refused by their fields, kept as a file."""

import io
import json
from contextlib import closing

import pytest
from hypothesis import given as supposing
from hypothesis import settings as bounded
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from iam.models import Role
from outreach.api import import_items
from outreach.api.import_items import Items, read_object
from outreach.models import ImportUpload
from outreach.tests.uploading import IMPORTS, left_out, page, stage, uploaded
from prospectflow.api.parsers import DECODER
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults, refusal

ITEM = {
    "position": {"positionEmail": "ada@bar.example.com", "positionJobTitle": "Gérante"},
    "person": {"personFirstName": "Ada", "personLastName": "Lovelace"},
    "company": {"companyName": "Café des Amis", "pharowCompanyId": "4711"},
}
NAMES = st.text(max_size=4)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=4)


@pytest.fixture
def member(organisation):
    return api_client(Role.MEMBER, organisation)


@pytest.fixture(autouse=True)
def _unhurried(settings):
    unhurried = settings.RATES["person"]
    settings.RATES = settings.RATES | {"imports": unhurried, "exports": unhurried}
    settings.IMPORT_PROCESSES = 0  # no process is started for a handful of rows


def read(text: str | bytes) -> tuple[dict, list]:
    """What the parser makes of a body: the fields beside the list, and the items in its file."""
    body = text if isinstance(text, bytes) else text.encode()
    with closing(Items()) as items:
        found = read_object(io.BytesIO(body), items)
        listed = found.pop("data", None)
        lines = items.read().decode().split("\n")[:-1]
        assert len(lines) == items.count
    return found, [json.loads(line) for line in lines] if listed is items else listed


# What is sent ---------------------------------------------------------------------------------
@pytest.mark.django_db
def test_items_become_a_file_whose_columns_are_known(member):
    given = member.post(IMPORTS, {"data": [ITEM]}).json()

    assert (given["status"], given["profile"]) == ("mapped", "items")
    assert (given["filename"], given["format"]["kind"]) == ("items.ndjson", "json")
    assert given["column_mappings"]["positionEmail"] == "position.email"
    assert stage(member, given, "validate")["status"] == "mapped"
    assert member.get(page(given, "report/")).json()["rows_imported"] == 1


@pytest.mark.django_db
def test_a_row_of_items_is_the_item_s_place_in_the_list(member):
    nameless = ITEM | {"company": {"companyName": ""}}
    given = member.post(IMPORTS, {"data": [ITEM, nameless]}).json()

    stage(member, given, "validate")

    assert [row["Refused row"] for row in left_out(member, given)] == ["2"]


@pytest.mark.django_db
def test_items_of_any_number_are_taken(member, settings):
    items = [
        ITEM | {"position": {"positionEmail": f"a{n}@bar.example.com", "note": "x" * 1000}}
        for n in range(3000)
    ]
    answer = member.post(IMPORTS, {"data": items}, headers={"Idempotency-Key": "many"})

    assert answer.status_code == 201, answer.content
    assert answer.json()["file_size"] > settings.DATA_UPLOAD_MAX_MEMORY_SIZE


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, {"data": "required"}),
        ({"data": []}, {"data": "empty"}),
        ({"data": {}}, {"data": "not_a_list"}),
        ({"data": "a\0b"}, {"data": "not_a_list"}),
        ({"data": [ITEM, 5, "x"]}, {"data.1": "invalid"}),
        ({"data": [{}]}, {"data": "no_rows"}),
        ({"data": [{"email": "a\0b"}]}, {"data": "broken_json"}),
        ({"data": [ITEM], "rows": 1}, {"rows": "unknown_field"}),
        ({"data": [ITEM], "file": "x"}, {"file": "unknown_field"}),
        ({"data": [ITEM], "sheet": "x"}, {"sheet": "unknown_field"}),
        ({"data": 5, "profile": 5, "campaign": 5},
         {"data": "not_a_list", "profile": "invalid_choice", "campaign": "invalid"}),
        ({"data": [ITEM], "profile": "a\0b"}, {"profile": "null_characters"}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_nothing_is_kept(member, organisation, body, said):
    assert faults(member.post(IMPORTS, body)) == said

    with tenant(organisation.pk):
        assert not ImportUpload.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        "[]",
        '"data"',
        '{"data": [{}]',
        '{"data": [{},]}',
        '{"data": [{}]} {}',
        '{"data": [{"a": 1, "a": 2}]}',
        '{"data": [{}], "data": [{}]}',
        '{"data": [{"a": NaN}]}',
        '{"data": [' + "[" * 5000 + "]}",
        b'{"data": [{"a": "\xff"}]}',
    ],
)
def test_a_body_that_is_no_json_is_refused(member, body):
    assert refusal(member.post(IMPORTS, body)) == (400, "MALFORMED")


@pytest.mark.django_db
def test_a_list_that_is_too_large_is_refused_whatever_it_says_of_its_length(member, settings):
    settings.IMPORT_MAX_BYTES = 100_000
    few, many = [ITEM] * 700, [ITEM] * 2000

    for items in (few, many):
        answer = member.post(IMPORTS, {"data": items})
        assert refusal(answer) == (413, "FILE_TOO_LARGE")


@pytest.mark.django_db
def test_one_item_that_never_ends_is_refused_before_all_of_it_is_read(member):
    answer = member.post(IMPORTS, '{"data": [{"a": "' + "x" * 3_000_000 + '"}]}')

    assert refusal(answer) == (413, "TOO_LARGE")


@pytest.mark.django_db
def test_the_same_list_sent_twice_is_kept_once_and_another_is_refused(member, organisation):
    key = {"Idempotency-Key": "monday"}

    first, again = (member.post(IMPORTS, {"data": [ITEM]}, headers=key) for _ in range(2))
    other = member.post(IMPORTS, {"data": [ITEM, ITEM]}, headers=key)

    assert first.content == again.content
    assert refusal(other) == (422, "IDEMPOTENCY_KEY_REUSED")
    with tenant(organisation.pk):
        assert ImportUpload.objects.count() == 1


@pytest.mark.django_db
def test_a_form_and_a_list_are_taken_at_no_other_address(member):
    given = uploaded(member)

    answer = member.patch(page(given), {"data": [ITEM]})

    assert faults(answer) == {"data": "unknown_field"}


# How it is read -------------------------------------------------------------------------------
@supposing(
    st.lists(OBJECTS, max_size=4), OBJECTS, st.integers(1, 9), st.sampled_from([None, 1]), st.data()
)
@bounded(deadline=None, max_examples=150)
def test_a_body_is_read_as_json_reads_it_wherever_its_pieces_end(
    items, beside, chunk, indent, data
):
    beside.pop("data", None)
    whole = list(beside.items())
    whole.insert(data.draw(st.integers(0, len(whole))), ("data", items))
    text = json.dumps(dict(whole), indent=indent, ensure_ascii=data.draw(st.booleans()))
    expected = DECODER.decode(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_items, "CHUNK", chunk)
        patch.setattr(import_items, "check_texts", lambda read: None)

        found, listed = read(text)

    assert (found, listed) == ({k: v for k, v in expected.items() if k != "data"}, items)


@supposing(st.text(alphabet='{}[]",:1e-. \n\\atnu', max_size=30))
@bounded(deadline=None, max_examples=300)
def test_what_json_does_not_read_is_refused_and_what_it_reads_is_not(text):
    body = '{"data": [' + text
    try:
        expected = DECODER.decode(body)
    except (ValueError, RecursionError):
        with pytest.raises(ParseError):
            read(body)
    else:
        assert read(body)[1] == expected["data"]
