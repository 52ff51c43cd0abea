"""The console's pages of imports: how far a check is, what it found, and what comes after."""

import csv
import io

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from procrastinate.contrib.django.models import ProcrastinateJob

from crm.importing.identifiers import made_range
from crm.models import Company
from iam.models import AuditEvent, Role
from outreach.models import ImportProblem, ImportUpload
from outreach.tests.pressing import (
    BAD,
    HEADER,
    ROW,
    buttons,
    checked,
    in_organisation,
    move,
    newest,
    page,
    uploaded,
    worked_off,
)
from prospectflow.console.tests.cast import signed_in
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_campaign, make_company

pytestmark = pytest.mark.django_db


@pytest.fixture
def member(organisation) -> Client:
    return signed_in(organisation, role=Role.MEMBER)


@pytest.fixture
def owner(organisation) -> Client:
    return signed_in(organisation)


@pytest.fixture
def viewer(organisation) -> Client:
    return signed_in(organisation, role=Role.VIEWER)


def broken_off(client, organisation, status) -> ImportUpload:
    """An import of which one company is there."""
    given = uploaded(client, organisation)
    with tenant(organisation.pk):
        make_company(pk=made_range(given.pk)[0])
        ImportUpload.objects.update(status=status)
    return given


# Running --------------------------------------------------------------------------------------
def test_while_rows_are_checked_the_page_shows_how_far_it_is(member, organisation):
    given = uploaded(member, organisation)
    move(member, given, "validate")

    shown = member.get(page(given))
    told = member.get(page(given, "import_progress")).json()

    assert buttons(shown) == ["cancel"]
    assert "Waiting for a worker to begin" in shown.text
    assert '<noscript><meta http-equiv="refresh"' in shown.text
    assert (told["working"], told["percent"]) == (True, None)
    worked_off(organisation)
    assert member.get(page(given, "import_progress")).json()["working"] is False


def test_progress_says_rows_speed_and_what_is_left(member, organisation):
    given = uploaded(member, organisation)
    move(member, given, "validate")
    with tenant(organisation.pk):
        ImportUpload.objects.update(rows_read=500_000, row_count=1_000_000)

    told = member.get(page(given, "import_progress")).json()

    assert told["percent"] == 50
    assert told["words"].startswith("500,000 of 1,000,000 rows · ")
    assert "rows/s" in told["words"]
    assert told["words"].endswith(" left")


def test_an_import_of_a_few_valid_rows_is_asked_about_first(member, organisation):
    given = checked(member, organisation, HEADER, ROW, BAD, BAD.replace("Grace", "Mary"))

    asked = move(member, given, "run")

    assert "Only 1 of 3 rows are valid." in asked.text
    assert newest(organisation).status == "mapped"
    move(member, given, "run", sure="on")
    assert newest(organisation).status == "importing"


def test_the_problems_are_told_with_row_column_value_and_sentence(member, organisation):
    given = checked(member, organisation, HEADER, ROW, BAD)

    english = member.get(page(given)).context["problems"].lines
    french = member.get(page(given), headers={"Accept-Language": "fr"}).context["problems"].lines

    assert (english[0].row, english[0].column, english[0].value) == (3, "email", "not an address")
    assert english[0].badge[0] == "refused"
    assert "not an address" in english[0].sentence
    assert "adresse" in french[0].sentence


def problems(client, given, **query) -> list[int]:
    return [each.row for each in client.get(page(given), query).context["problems"].lines]


def test_problems_are_searched_filtered_and_paged(member, organisation):
    bad = [f"Bar {n},wrong-{n},Ada,Lovelace{n}" for n in range(120)]
    given = checked(member, organisation, HEADER, ROW, *bad)

    assert problems(member, given) == list(range(3, 53))
    assert problems(member, given, page=3) == list(range(103, 123))
    assert problems(member, given, q="WRONG-17") == [20]
    assert problems(member, given, q="77") == [77, 80]  # row 77, and wrong-77 in row 80
    assert problems(member, given, kind="refused", page=3) == list(range(103, 123))
    assert problems(member, given, kind="warning") == []
    code = member.get(page(given)).context["codes"][0]["code"]
    assert len(problems(member, given, code=code)) == 50
    assert problems(member, given, code="no_such_code") == []
    assert problems(member, given, page="x", q="%") == []


def test_what_stood_in_a_cell_is_shown_as_text(member, organisation):
    given = checked(member, organisation, HEADER, ROW, "Bar,<img src=x>,Ada,Byron")

    answer = member.get(page(given))

    assert "&lt;img src=x&gt;" in answer.text
    assert "<img src=x>" not in answer.text


def test_an_older_report_keeps_its_own_sentences(member, organisation):
    given = checked(member, organisation, HEADER, ROW, BAD)
    with tenant(organisation.pk):
        told = {"code": "gone", "detail": {"sentence": "As it was."}}
        ImportProblem.objects.filter(upload=given).update(**told)

    assert "As it was." in member.get(page(given)).text


def test_the_page_of_an_import_costs_the_same_for_one_problem_and_for_many(member, organisation):
    def cost(number: int) -> int:
        rows = [f"Bar {n},wrong-{n},Ada,Lovelace{n}" for n in range(number)]
        given = checked(member, organisation, HEADER, ROW, *rows)
        with CaptureQueriesContext(connection) as queries:
            assert len(problems(member, given)) == number
        return len(queries)

    assert cost(1) == cost(40)


def test_a_file_without_one_valid_row_cannot_be_imported(owner, organisation):
    given = checked(owner, organisation, HEADER, BAD)

    shown = owner.get(page(given))

    assert given.status == "validation_failed"
    assert buttons(shown) == ["discard"]
    assert "Settle the columns" in shown.text


# Afterwards -----------------------------------------------------------------------------------
def test_refused_rows_are_downloaded_with_their_columns_and_reasons(member, viewer, organisation):
    given = checked(member, organisation, HEADER, ROW, BAD)

    answer = member.get(page(given, "import_refused"), headers={"Accept-Language": "fr"})

    assert answer.streaming
    text = b"".join(answer).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert (row["company_name"], row["Refused row"]) == ("Bistrot Bravo", "3")
    assert "adresse" in row["Refused because"]
    assert viewer.get(page(given, "import_refused")).status_code == 403
    assert "Download the refused rows" not in viewer.get(page(given)).text
    with tenant(organisation.pk):
        assert AuditEvent.objects.filter(action="exported", object_id=str(given.pk)).exists()


def test_refused_rows_before_any_check_are_a_sentence(member, organisation):
    given = uploaded(member, organisation)

    answer = member.get(page(given, "import_refused"), follow=True)

    assert "Nothing is known of the rows yet" in answer.text


def test_a_file_is_discarded_once_somebody_is_sure(owner, organisation):
    given = uploaded(owner, organisation)

    assert "are deleted" in move(owner, given, "discard").text
    assert "The file is forgotten." in move(owner, given, "discard", sure="on").text
    assert newest(organisation) is None


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_an_import_that_broke_off_goes_on_or_is_taken_back(owner, organisation, status):
    given = broken_off(owner, organisation, status)

    shown = owner.get(page(given))

    assert buttons(shown) == ["run", "undo"]
    assert "Go on" in shown.text
    assert "Settle the columns" not in shown.text
    assert "Save and check the rows" not in owner.get(page(given, "import_columns")).text
    assert "only a file not imported can go" in move(owner, given, "discard", sure="on").text
    move(owner, given, "run")
    assert newest(organisation).status == "importing"


def test_what_broke_off_before_anything_was_stored_is_discarded(owner, organisation):
    given = uploaded(owner, organisation)
    with tenant(organisation.pk):
        ImportUpload.objects.update(status="failed", parse_errors=["It is damaged."])

    shown = owner.get(page(given))

    assert buttons(shown) == ["discard"]
    assert "Settle the columns" in shown.text


def test_an_import_that_was_taken_back_is_discarded(owner, organisation):
    given = broken_off(owner, organisation, "undone")
    assert buttons(owner.get(page(given))) == []  # somebody else has use for what is left
    with tenant(organisation.pk):
        Company.objects.all().delete()

    assert buttons(owner.get(page(given))) == ["discard"]


def test_who_may_not_delete_takes_nothing_back(member, organisation):
    given = broken_off(member, organisation, "failed")

    assert buttons(member.get(page(given))) == ["run"]
    assert member.post(page(given, "import_move"), {"to": "undo"}).status_code == 403


@pytest.mark.parametrize("to", ["validate", "run", "undo"])
def test_too_many_stages_in_a_minute_are_told_to_wait(owner, organisation, settings, to):
    given = uploaded(owner, organisation)  # which counts as one
    settings.RATES = settings.RATES | {"imports": "1/minute"}
    before = "completed" if to == "undo" else "mapped"
    with tenant(organisation.pk):
        ImportUpload.objects.update(status=before)

    assert "Too many requests: wait" in move(owner, given, to, sure="on").text
    assert newest(organisation).status == before


def test_a_cancelled_import_says_how_far_it_came_and_goes_on(owner, organisation):
    given = checked(owner, organisation)
    with tenant(organisation.pk):
        ImportUpload.objects.update(status="cancelled", rows_done=20_001)

    shown = owner.get(page(given))

    assert "up to row 20,001 of the file is imported" in shown.text
    assert buttons(shown) == ["run", "discard"]  # nothing of it is new
    assert "Stored up to row 20,001; the numbers below are what the whole file" in shown.text
    assert "An import of the whole file would do this" in shown.text
    assert "Go on" in shown.text
    move(owner, given, "run")
    assert newest(organisation).status == "importing"


def test_cancelling_asks_the_worker_to_stop(member, organisation):
    given = checked(member, organisation)
    move(member, given, "run")

    answer = move(member, given, "cancel")

    assert "It will stop after the rows that are being stored." in answer.text
    assert member.get(page(given, "import_progress")).json()["stage"] == "Stopping"


def test_a_move_that_cannot_be_made_is_a_sentence(member, organisation):
    given = uploaded(member, organisation)

    assert "Nothing runs for this file" in move(member, given, "cancel").text
    assert move(member, given, "fly").status_code == 200
    assert newest(organisation).status == "mapped"


@pytest.mark.parametrize(("with_campaign", "met", "offered"), [(1, 3, 1), (0, 3, 0), (1, 0, 0)])
def test_people_written_to_lately_are_let_in_by_a_person_whom_the_trail_names(
    member, organisation, with_campaign, met, offered
):
    campaign = in_organisation(organisation, make_campaign)
    given = checked(member, organisation, **({"campaign": campaign.pk} if with_campaign else {}))
    with tenant(organisation.pk):
        codes = {"warning": {"recently_contacted": met}} if met else {}
        ImportUpload.objects.update(report=given.report | {"codes": codes})

    assert ("allow_contacted" in buttons(member.get(page(given)))) is bool(offered)
    if offered:
        assert "lets in people whom another" in move(member, given, "allow_contacted").text
        assert "allow_contacted" not in buttons(member.get(page(given)))
        with tenant(organisation.pk):
            assert AuditEvent.objects.filter(action="contacted_allowed").count() == 1


def test_a_viewer_sees_the_report_and_has_no_button(member, viewer, organisation):
    given = checked(member, organisation)

    assert buttons(viewer.get(page(given))) == []
    assert viewer.post(page(given, "import_move"), {"to": "run"}).status_code == 403
    assert newest(organisation).status == "mapped"


@pytest.mark.parametrize("name", ["import", "import_columns", "import_progress", "import_refused"])
def test_another_organisations_import_is_nowhere(member, organisation, other_organisation, name):
    given = uploaded(member, organisation)
    stranger = signed_in(other_organisation)

    assert stranger.get(page(given, name)).status_code == 404
    assert (
        stranger.post(page(given, "import_move"), {"to": "discard", "sure": "on"}).status_code
        == 404
    )


# Checking addresses ---------------------------------------------------------------------------
def test_all_addresses_are_checked_at_the_push_of_a_button(member, viewer, organisation):
    assert "Check all addresses" in member.get("/outreach/addresscheck/").text
    assert "Check all addresses" not in viewer.get("/outreach/addresscheck/").text

    answer = member.post("/addresses/check/", follow=True)

    assert "running" in answer.text
    assert [job.task_name for job in ProcrastinateJob.objects.all()] == [
        "outreach.verify_addresses"
    ]
    assert viewer.post("/addresses/check/").status_code == 403
