"""Taking an import back while others work, and from where it cannot go on."""

from datetime import timedelta

import pytest

from crm.models import Company, Person, Position
from iam.models import AuditEvent
from outreach.models import Enrollment, ImportUpload, Task
from outreach.services import undoing, uploads
from outreach.services.stages import GIVEN_UP, OUR_FAULT, give_up
from outreach.services.undoing import BeforeUndo, OthersStandOnIt, left_rows, perform_undo
from outreach.tests.bringing import ADA, AT, LATER, others
from outreach.tests.making import make_open_campaign
from prospectflow.testing.factories import make_step, make_user
from prospectflow.testing.rows import make_message

MUCH_LATER = LATER + timedelta(days=1)


def undo(bringing, upload):
    perform_undo(bringing.organisation_id, upload.pk, clock=lambda: MUCH_LATER)
    return bringing.fresh(upload)


def fails(*args):
    raise RuntimeError


@pytest.fixture
def campaign(bringing):
    with bringing.open():
        campaign = make_open_campaign()
        make_step(campaign)
        return campaign


def test_the_trail_says_who_asked_for_an_undo(bringing):
    upload, person = bringing.bring(ADA), make_user()

    with bringing.open():
        uploads.undo(upload, at=LATER, user=person)

        asked = AuditEvent.objects.get(action="undo_asked")
        assert (asked.user_id, asked.at, asked.object_id) == (person.pk, LATER, str(upload.pk))


def test_an_undo_asked_while_a_later_import_runs_takes_nothing_of_it(bringing):
    first = bringing.bring(*others(3))
    later = bringing.receive(*others(3), at=LATER)
    with bringing.open():
        uploads.run(later, at=LATER)
        uploads.undo(first, at=LATER)
    bringing.gone_on(later, at=LATER)

    kept = undo(bringing, first)

    assert bringing.counts()[:3] == [3, 3, 3]
    assert (kept.status, kept.rows_done) == ("completed", 4)
    assert kept.parse_errors[0].startswith("The import of prospects.csv found")
    with bringing.open(), pytest.raises(OthersStandOnIt):
        uploads.undo(kept, at=MUCH_LATER)
    bringing.undone(later, at=MUCH_LATER)
    undone = bringing.undone(kept, at=MUCH_LATER)
    assert (undone.status, undone.parse_errors) == ("undone", [])


def test_an_undo_that_fails_leaves_the_import_as_it_was(bringing, monkeypatch):
    done = bringing.bring(*others(2))
    with monkeypatch.context() as broken:
        broken.setattr(undoing, "_delete_some", fails)
        kept = bringing.undone(done)

    assert (kept.status, kept.parse_errors) == ("completed", [OUR_FAULT])
    assert bringing.undone(kept).status == "undone"


def test_an_undo_that_fails_in_the_middle_leaves_an_import_that_can_go_on(bringing, monkeypatch):
    done = bringing.bring(*others(3))
    before = bringing.by_rows(done)
    real = undoing._delete_some

    def until_companies(part):
        return fails() if part.name == "companies" else real(part)

    with monkeypatch.context() as broken:
        broken.setattr(undoing, "_delete_some", until_companies)
        half = bringing.undone(done)

    assert (half.status, half.rows_done) == ("cancelled", 0)
    assert bringing.counts()[:3] == [3, 0, 0]
    again = bringing.imported(half, at=MUCH_LATER)
    assert again.status == "completed"
    assert bringing.by_rows(again) == before


def test_an_undo_that_was_tried_too_often_can_be_asked_again(bringing):
    done = bringing.bring(ADA)
    with bringing.open():
        uploads.undo(done, at=LATER)

    give_up(bringing.organisation_id, done.pk, stage="undoing", clock=lambda: MUCH_LATER)

    kept = bringing.fresh(done)
    assert (kept.status, kept.parse_errors) == ("completed", [GIVEN_UP])
    assert bringing.undone(kept).status == "undone"


def test_an_import_of_before_its_rows_were_marked_cannot_be_taken_back(bringing):
    done = bringing.bring(ADA)
    with bringing.open():
        ImportUpload.objects.update(started_at=None)

    with bringing.open(), pytest.raises(BeforeUndo, match="cannot be taken back"):
        uploads.undo(done, at=LATER)

    assert bringing.fresh(done).status == "completed"


def test_an_import_that_made_positions_alone_left_rows(bringing):
    page = {"linkedin_url": "https://www.linkedin.com/in/ada"}
    elsewhere = {"company_name": "Deux", "email": "x@deux.example.com", "last_name": "Hopper"}
    bringing.bring(ADA | page, elsewhere)
    moved = ADA | page | {"company_name": "Deux", "email": "ada@deux.example.com"}
    upload = bringing.bring(moved, at=LATER)

    with bringing.open():
        made = [upload.report[name]["created"] for name in ("companies", "people", "positions")]
        assert made == [0, 0, 1]
        assert left_rows(upload)


def test_people_who_were_there_leave_the_campaign_of_the_import(bringing, campaign):
    bringing.bring(*others(3))
    with bringing.open():
        mine = Enrollment.objects.create(
            campaign=make_open_campaign(), position=Position.objects.first(), enrolled_at=LATER
        )
    later = bringing.bring(*others(4), at=LATER, campaign=campaign)
    assert later.report["enrolled"] == 4

    undone = bringing.undone(later, at=MUCH_LATER)

    with bringing.open():
        assert list(Enrollment.objects.all()) == [mine]
        assert not Task.objects.exists()
    assert undone.report["undone"]["enrolments"] == 4
    assert bringing.counts()[:3] == [3, 3, 3]


def test_people_who_were_there_and_were_written_to_stay_in_the_campaign(bringing, campaign):
    bringing.bring(*others(2))
    later = bringing.bring(*others(2), at=LATER, campaign=campaign)
    with bringing.open():
        written = Enrollment.objects.order_by("id").first()
        make_message(position=written.position, enrollment=written)

    bringing.undone(later, at=MUCH_LATER)

    with bringing.open():
        assert list(campaign.enrollments.all()) == [written]


def test_who_was_taken_in_by_hand_stays_in_the_campaign(bringing, campaign):
    bringing.bring(*others(2))
    with bringing.open():
        by_hand = Enrollment.objects.create(
            campaign=campaign, position=Position.objects.first(), enrolled_at=AT
        )
    later = bringing.bring(*others(2), at=LATER, campaign=campaign)
    assert later.report["enrolled"] == 1

    bringing.undone(later, at=MUCH_LATER)

    with bringing.open():
        assert list(Enrollment.objects.all()) == [by_hand]
        assert (Company.objects.count(), Person.objects.count()) == (2, 2)
