"""What a program is told of its file: columns, progress, problems, refused rows; and a template."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from iam.models import AuditEvent, Role
from outreach.models import ImportProblem, ImportUpload
from outreach.tests.uploading import (
    HEADER,
    IMPORTS,
    ROW,
    begin,
    left_out,
    page,
    stage,
    text_of,
    upload,
    uploaded,
    work,
)
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults, refusal
from prospectflow.testing.factories import make_campaign

FRENCH = {"Accept-Language": "fr-CA, fr;q=0.9, en;q=0.5"}
FAULTY = [
    f"{HEADER},phone",
    f"{ROW},",
    "Bar,,Ada,Byron,",
    f"{ROW},",
    "Zoo,x@zoo.example,Zoé,Roy,12",
]
pytestmark = pytest.mark.django_db


@pytest.fixture
def member(organisation):
    return api_client(Role.MEMBER, organisation)


@pytest.fixture(autouse=True)
def _unhurried(settings):
    unhurried = settings.RATES["person"]
    settings.RATES = settings.RATES | {"imports": unhurried, "exports": unhurried}
    settings.IMPORT_PROCESSES = 0  # no process is started for a handful of rows


def columns(client, given, **headers) -> dict[str, dict]:
    answer = client.get(page(given, "columns/"), headers=headers)
    assert answer.status_code == 200, answer.content
    return {column["name"]: column for column in answer.json()["columns"]}


def problems(client, given, query="", **headers) -> list[dict]:
    answer = client.get(page(given, f"problems/{query}"), headers=headers)
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


# Columns --------------------------------------------------------------------------------------
def test_every_column_says_what_it_means_what_stands_in_it_and_why(member):
    lines = [f"{HEADER},humeur,Refused row", f"{ROW},gaie,7", "Bar,b@bar.example,Bob,Byron,,8"]
    given = uploaded(member, *lines)

    found = columns(member, given)

    assert list(found) == [*HEADER.split(","), "humeur", "Refused row"]
    assert {name: column["state"] for name, column in found.items()} == {
        **dict.fromkeys(HEADER.split(","), "mapped"),
        "humeur": "unknown",
        "Refused row": "ignored",
    }
    assert found["email"] == {
        "name": "email",
        "samples": ["ada@bar.example.com", "b@bar.example"],
        "target": "position.email",
        "state": "mapped",
        "reason": "column_alias",
        "sentence": "This is a known other name of the field.",
        "rivals": [],
    }
    assert found["humeur"]["samples"] == ["gaie"]


def test_columns_that_mean_the_same_name_each_other(member):
    given = uploaded(member, f"{HEADER},courriel", f"{ROW},b@bar.example.com")

    found = columns(member, given)

    assert given["status"] == "uploaded"
    assert (found["email"]["rivals"], found["courriel"]["rivals"]) == (["courriel"], ["email"])
    chosen = {"column_mappings": {"courriel": "ignore"}}
    assert member.patch(page(given), chosen).json()["status"] == "mapped"
    settled = columns(member, given)
    assert (settled["courriel"]["state"], settled["email"]["rivals"]) == ("ignored", [])
    assert settled["courriel"]["reason"] == "column_chosen"


def test_sentences_come_in_the_language_that_is_asked_for(member):
    given = uploaded(member, *FAULTY)
    stage(member, given, "validate")

    for accepted, language in [
        (FRENCH["Accept-Language"], "fr"),
        ("en, fr", "en"),
        ("de", "en"),
        ("de, fr;q=0.2", "fr"),
        ("fr;q=0, en;q=0.1", "en"),
        ("*", "en"),
        ("x" * 5000, "en"),
    ]:
        answer = member.get(page(given, "problems/"), headers={"Accept-Language": accepted})
        assert answer.headers["Content-Language"] == language, accepted

    assert columns(member, given, **FRENCH)["email"]["sentence"].startswith("C’est un autre nom")
    (refused,) = problems(member, given, "?kind=refused", **FRENCH)
    assert "adresse" in refused["sentence"]
    report = member.get(page(given, "report/"), headers=FRENCH).json()
    assert report["refused"][0]["sentence"] == refused["sentence"]
    assert left_out(member, given, **FRENCH)[0]["Refused because"].endswith(refused["sentence"])


def test_a_workbook_s_sheet_that_is_none_is_named(member):
    assert faults(upload(member, sheet="Feuille 2")) == {"sheet": "sheet_missing"}


# Progress -------------------------------------------------------------------------------------
def test_progress_is_told_from_the_first_row_to_the_last(member, organisation):
    given = uploaded(member)
    begin(member, given, "validate")
    waiting = member.get(page(given, "progress/")).json()
    with tenant(organisation.pk):
        begun = timezone.now() - timedelta(seconds=10)
        ImportUpload.objects.update(rows_read=500, row_count=1000, started_at=begun)
    halfway = member.get(page(given, "progress/")).json()
    work(organisation, given, "validate")
    done = member.get(page(given, "progress/")).json()

    assert (waiting["stage"], waiting["rows"], waiting["seconds_left"]) == ("waiting", 0, None)
    assert (halfway["stage"], halfway["rows"], halfway["of"]) == ("reading", 500, 1000)
    assert 40 < halfway["rows_per_second"] <= 50
    assert 10 <= halfway["seconds_left"] < 13
    assert (done["status"], done["stage"], done["of"]) == ("mapped", "done", 1)


def test_what_is_cancelled_while_it_is_read_waits_as_it_was(member, organisation):
    given = uploaded(member)
    begin(member, given, "validate")

    begin(member, given, "cancel")
    work(organisation, given, "validate")

    assert member.get(page(given)).json()["status"] == "mapped"
    assert refusal(member.post(page(given, "cancel/"))) == (409, "NOTHING_TO_STOP")


def test_who_lets_in_people_written_to_lately_stands_in_the_trail(member, organisation):
    with tenant(organisation.pk):
        campaign = make_campaign()
    given = uploaded(member, campaign=str(campaign.pk))

    answer = member.post(page(given, "allow-contacted/"))

    allowed = answer.json()
    assert (answer.status_code, allowed["contacted_allowed_by"]) == (200, given["uploaded_by"])
    assert allowed["contacted_allowed_at"]
    with tenant(organisation.pk):
        (entry,) = AuditEvent.objects.filter(object_id=given["id"])
        assert (entry.action, str(entry.user_id)) == ("contacted_allowed", given["uploaded_by"])


# Problems -------------------------------------------------------------------------------------
def test_problems_come_in_the_order_of_the_file_page_by_page(member):
    given = uploaded(member, *FAULTY)
    stage(member, given, "validate")

    first = member.get(page(given, "problems/?limit=2")).json()
    second = member.get(first["next"]).json()

    found = [*first["results"], *second["results"]]
    assert [(each["row"], each["kind"]) for each in found] == [
        (3, "refused"),
        (4, "duplicate"),
        (5, "note"),
    ]
    assert (second["next"], member.get(second["previous"]).json()["results"]) == (
        None,
        first["results"],
    )
    assert problems(member, given, "?sort=-row") == found[::-1]
    assert set(found[0]) == {"id", "row", "kind", "column", "value", "code", "sentence"}


def test_problems_are_found_by_kind_code_row_and_words(member):
    given = uploaded(member, *FAULTY)
    stage(member, given, "validate")
    refused, repeated, note = problems(member, given)

    for query, expected in {
        "?kind=refused": [refused],
        f"?code={note['code']}": [note],
        "?code=nonsense": [],
        "?row=4": [repeated],
        "?search=ada@bar": [repeated],
        "?search=phone": [note],
        "?search=phone 12": [note],
        "?search=phone+13": [],
        "?kind=note&row=4": [],
    }.items():
        assert problems(member, given, query) == expected, query


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("kind=nonsense", "kind"),
        ("row=first", "row"),
        ("row=-1", "row"),
        ("row=99999999999", "row"),
        ("sort=code", "sort"),
        ("limit=0", "limit"),
        ("cursor=x", "cursor"),
        ("status=mapped", "status"),
        ("fields=row", "fields"),
    ],
)
def test_a_question_about_problems_that_means_nothing_is_refused(member, query, field):
    given = uploaded(member)

    assert list(faults(member.get(page(given, f"problems/?{query}")))) == [field]


def test_asking_for_problems_costs_the_same_for_one_and_for_many(
    member, organisation, django_assert_max_num_queries
):
    given = uploaded(member, *FAULTY)
    stage(member, given, "validate")
    with django_assert_max_num_queries(100) as few:
        problems(member, given)
    with tenant(organisation.pk):
        one = ImportProblem.objects.first()
        ImportProblem.objects.bulk_create(
            ImportProblem(upload=one.upload, row=n, kind=one.kind, code=one.code)
            for n in range(10, 60)
        )
    with django_assert_max_num_queries(len(few)):
        assert len(problems(member, given, "?limit=50")) == 50


def test_a_report_shows_a_hundred_of_a_kind_and_counts_them_all(member):
    lines = [f"Bar,,Ada,Byron{n}" for n in range(130)]
    given = uploaded(member, HEADER, ROW, *lines)
    stage(member, given, "validate")

    report = member.get(page(given, "report/")).json()

    assert (report["rows_refused"], report["codes"]["refused"]) == (130, {"email_missing": 130})
    assert [each["row"] for each in report["refused"]] == list(range(3, 103))
    assert (report["duplicates"], report["warnings"], report["notes"]) == ([], [], [])


@pytest.mark.parametrize(
    ("status", "rows_done", "said"),
    [
        ("mapped", 0, ""),
        ("completed", 2, ""),
        (
            "cancelled",
            2,
            "Stored up to row 2; the numbers below are what the whole file would make.",
        ),
        ("failed", 0, "Nothing is stored; the numbers below are what the whole file would make."),
        ("undone", 0, "This import is taken back: the numbers are what it had made before."),
    ],
)
def test_a_report_says_what_is_stored_where_its_numbers_do_not(
    member, organisation, status, rows_done, said
):
    given = uploaded(member)
    stage(member, given, "validate")
    with tenant(organisation.pk):
        ImportUpload.objects.update(status=status, rows_done=rows_done)

    report = member.get(page(given, "report/")).json()

    assert (report["stored_up_to_row"], report["standing"]) == (rows_done, said)


def test_what_older_reports_say_is_read_as_it_was_written(member, organisation):
    given = uploaded(member)
    stage(member, given, "validate")
    with tenant(organisation.pk):
        ImportProblem.objects.create(
            upload_id=given["id"],
            row=9,
            kind="note",
            code="long_gone",
            detail={"sentence": "So it was."},
        )

    assert [each["sentence"] for each in problems(member, given, "?row=9")] == ["So it was."]


def test_refused_rows_that_break_off_say_so(member, monkeypatch):
    def broken(upload, language):
        yield "company_name\r\n"
        yield "Café\r\n"
        raise OSError

    given = uploaded(member, *FAULTY)
    stage(member, given, "validate")
    monkeypatch.setattr("outreach.api.import_reports.refused_rows_of", broken)

    answer = member.get(page(given, "refused-rows/"))

    assert text_of(answer).splitlines()[-1].startswith("EXPORT_INCOMPLETE,")


# A template -------------------------------------------------------------------------------------
def test_the_template_is_a_file_that_is_mapped_and_valid_as_it_stands(member):
    answer = member.get(f"{IMPORTS}template/")

    assert answer.headers["Content-Disposition"] == 'attachment; filename="prospects.csv"'
    given = upload(member, answer.content).json()
    assert given["status"] == "mapped"
    assert {column["state"] for column in columns(member, given).values()} == {"mapped"}
    stage(member, given, "validate")
    report = member.get(page(given, "report/")).json()
    assert (report["rows_imported"], report["codes"].get("note", {})) == (1, {})


# Others' ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("method", "action"),
    [
        ("get", ""),
        ("patch", ""),
        ("delete", ""),
        ("get", "columns/"),
        ("get", "progress/"),
        ("get", "report/"),
        ("get", "problems/"),
        ("get", "refused-rows/"),
        ("post", "validate/"),
        ("post", "run/"),
        ("post", "cancel/"),
        ("post", "undo/"),
        ("post", "allow-contacted/"),
    ],
)
def test_what_another_organisation_brought_in_is_nowhere(
    organisation, other_organisation, method, action
):
    owner, stranger = (api_client(Role.OWNER, each) for each in (organisation, other_organisation))
    theirs = uploaded(stranger, *FAULTY)
    stage(stranger, theirs, "validate")
    before = stranger.get(page(theirs)).json()

    asked = getattr(owner, method)

    assert refusal(asked(page(theirs, action))) == (404, "NOT_FOUND")
    assert refusal(asked(page({"id": uuid4()}, action))) == (404, "NOT_FOUND")
    assert stranger.get(page(theirs)).json() == before
