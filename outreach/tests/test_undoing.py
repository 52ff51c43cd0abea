"""Taking an import back: what it alone made goes, and nothing that somebody stands on."""

import pytest

from crm.models import Company, Person, Phone, Position
from crm.services import note_consent, save_by_hand
from iam.models import AuditEvent
from outreach.models import Enrollment, ImportUpload, Message, Task
from outreach.services import undoing, uploads
from outreach.services.undoing import OthersStandOnIt, SomethingSent, perform_undo
from outreach.tests.bringing import ADA, AT, BOB, LATER, NOTHING, others
from outreach.tests.making import make_open_campaign
from prospectflow.choices import IllegalMove
from prospectflow.testing.factories import make_company, make_person, make_position, make_step
from prospectflow.testing.rows import make_approved_draft, make_message

CAROL = {"company_name": "Autre", "email": "carol@autre.example.com", "last_name": "Petit"}


def send_to(position):
    enrollment = Enrollment.objects.create(
        campaign=make_open_campaign(), position=position, enrolled_at=AT
    )
    step = make_step(enrollment.campaign)
    task = Task.objects.create(
        enrollment=enrollment, campaign=enrollment.campaign, workflow_step=step, scheduled_for=AT
    )
    return make_message(draft=make_approved_draft(task=task))


def names(bringing):
    with bringing.open():
        return sorted(Company.objects.values_list("name", flat=True))


# What goes --------------------------------------------------------------------------------------


def test_everything_an_import_made_goes_and_it_says_how_much(bringing):
    done = bringing.bring(*others(3), ADA | {"mobile": "0612345678"})

    undone = bringing.undone(done)

    assert bringing.counts() == NOTHING
    assert (undone.status, undone.rows_done, undone.finished_at) == ("undone", 0, LATER)
    assert undone.report["undone"] == {"phones": 1, "positions": 4, "people": 4, "companies": 4}
    assert undone.report["rows_imported"] == 4
    with bringing.open():
        told = AuditEvent.objects.get(action="undone")
        assert told.description == (
            "prospects.csv: 1 phones, 4 positions, 4 people, 4 companies taken away"
        )


def test_what_was_there_before_stays_as_it_was(bringing):
    with bringing.open():
        make_position(email="zoe@zoo.example.com")
    bringing.bring(BOB | {"mobile": "0612345678"})
    before = bringing.everything()

    later = bringing.bring(ADA, *others(2), at=LATER)
    bringing.undone(later)

    assert bringing.everything() == before


def test_an_import_leaves_no_trace_in_companies_it_only_found(bringing):
    first = bringing.bring(ADA)
    colleague = bringing.bring(BOB, at=LATER)

    bringing.undone(colleague)

    assert names(bringing) == ["Bar des Amis"]
    with bringing.open():
        assert Position.objects.get().email == ADA["email"]
    assert bringing.undone(first).report["undone"]["companies"] == 1


def test_telephones_that_an_import_gave_to_people_who_were_there_go_too(bringing):
    bringing.bring(ADA | {"mobile": "0612345678"})
    before = bringing.everything()
    later = bringing.bring(ADA | {"mobile": "0698765432"}, at=LATER)

    bringing.undone(later)

    assert bringing.everything() == before


def test_an_import_that_was_cancelled_can_be_taken_back(bringing):
    upload = bringing.receive(*others(3))
    with bringing.open():
        uploads.run(upload, at=AT)
        uploads.cancel(upload)
    stopped = bringing.gone_on(upload)

    assert bringing.undone(stopped).status == "undone"
    assert bringing.counts() == NOTHING


def test_people_enrolled_but_never_written_to_leave_the_campaign(bringing):
    with bringing.open():
        campaign = make_open_campaign()
        make_step(campaign)
    done = bringing.bring(*others(2), campaign=campaign)
    with bringing.open():
        assert Enrollment.objects.count() == 2

    bringing.undone(done)

    with bringing.open():
        assert not Enrollment.objects.exists()
        assert not Task.objects.exists()
    assert bringing.counts() == NOTHING


def test_the_file_can_be_imported_again_afterwards(bringing):
    done = bringing.bring(*others(2))
    before = bringing.by_rows(done)
    bringing.undone(done)

    again = bringing.bring(*others(2))

    assert bringing.by_rows(again) == before


def test_what_a_check_of_addresses_learnt_does_not_keep_them(bringing):
    done = bringing.bring(ADA)
    with bringing.open():
        position = Position.objects.get()
        position.provenance |= {"email_status": {"source": "mx", "at": LATER.isoformat()}}
        position.save()

    bringing.undone(done)

    assert bringing.counts() == NOTHING


# What stays -------------------------------------------------------------------------------------


def test_what_was_changed_by_hand_since_stays_with_what_it_needs(bringing):
    done = bringing.bring(ADA, *others(2))
    with bringing.open():
        position = Position.objects.get(email=ADA["email"])
        position.job_title = "Présidente"
        save_by_hand(position, ["job_title"], at=LATER)

    undone = bringing.undone(done)

    assert bringing.counts() == [1, 1, 1, 0]
    assert names(bringing) == ["Bar des Amis"]
    assert undone.report["undone"] == {"phones": 0, "positions": 2, "people": 2, "companies": 2}


@pytest.mark.parametrize("changed", [Company, Person])
def test_a_company_or_person_changed_by_hand_stays_without_the_position(bringing, changed):
    done = bringing.bring(ADA)
    with bringing.open():
        row = changed.objects.get()
        field = "name" if changed is Company else "last_name"
        setattr(row, field, "Byron")
        save_by_hand(row, [field], at=LATER)

    bringing.undone(done)

    assert bringing.counts()[2] == 0
    with bringing.open():
        assert changed.objects.count() == 1


def test_a_fact_that_somebody_emptied_by_hand_keeps_its_row(bringing):
    done = bringing.bring(ADA | {"job_title": "Gérante"})
    with bringing.open():
        position = Position.objects.get()
        position.job_title = None
        save_by_hand(position, ["job_title"], at=LATER)

    bringing.undone(done)

    assert bringing.counts()[2] == 1


def test_a_company_to_which_somebody_added_a_position_stays(bringing):
    done = bringing.bring(ADA)
    with bringing.open():
        make_position(company=Company.objects.get(), person=make_person())

    bringing.undone(done)

    assert bringing.counts()[:3] == [1, 1, 1]


def test_a_person_with_a_number_by_hand_or_a_consent_stays(bringing):
    done = bringing.bring(ADA, BOB, CAROL)
    with bringing.open():
        ada, bob = (Position.objects.get(email=each["email"]).person for each in (ADA, BOB))
        Phone.objects.create(person=ada, number="+33612345678")
        note_consent(bob, "given", at=AT, now=LATER, source="on the phone")

    bringing.undone(done)

    with bringing.open():
        assert set(Person.objects.values_list("first_name", flat=True)) == {"Ada", "Bob"}
        assert not Position.objects.exists()


def test_a_number_that_somebody_mended_stays_with_its_person(bringing):
    done = bringing.bring(ADA | {"mobile": "0612345678"}, BOB | {"mobile": "0612345679"})
    with bringing.open():
        phone = Phone.objects.get(number="+33612345678")
        phone.number = "+33698765432"
        save_by_hand(phone, ["number"], at=LATER)

    bringing.undone(done)

    with bringing.open():
        assert Phone.objects.get().number == "+33698765432"
        assert Person.objects.get().first_name == "Ada"


def test_what_was_there_before_and_was_changed_by_the_import_is_not_taken_for_its_own(bringing):
    with bringing.open():
        make_position(email=ADA["email"], company=make_company(name=ADA["company_name"]))
    done = bringing.bring(ADA | {"job_title": "Présidente"})

    undone = bringing.undone(done)

    assert undone.report["undone"] == {"phones": 0, "positions": 0, "people": 0, "companies": 0}
    assert bringing.counts()[:3] == [1, 1, 1]


# Who refuses ------------------------------------------------------------------------------------


def test_an_import_is_not_taken_back_once_something_was_sent(bringing):
    done = bringing.bring(ADA, BOB)
    with bringing.open():
        send_to(Position.objects.get(email=ADA["email"]))
    before = bringing.everything()

    with pytest.raises(SomethingSent, match="can no longer be taken back"):
        bringing.undone(done)

    assert bringing.everything() == before
    assert bringing.fresh(done).status == "completed"


def test_a_mail_sent_to_others_does_not_matter(bringing):
    first = bringing.bring(ADA)
    with bringing.open():
        send_to(Position.objects.get())
    second = bringing.bring(CAROL, at=LATER)

    assert bringing.undone(second).status == "undone"
    with pytest.raises(SomethingSent):
        bringing.undone(first)


def test_a_mail_sent_between_the_wish_and_the_deed_is_never_forgotten(bringing):
    done = bringing.bring(ADA, BOB)
    with bringing.open():
        uploads.undo(done, at=LATER)
        send_to(Position.objects.get(email=ADA["email"]))

    perform_undo(bringing.organisation_id, done.pk, clock=lambda: LATER)

    with bringing.open():
        assert Message.objects.outbound().count() == 1
        assert Position.objects.filter(email=ADA["email"]).exists()
        assert Person.objects.filter(first_name="Ada").exists()


def test_an_import_on_which_a_later_one_stands_is_taken_back_after_it(bringing):
    first = bringing.bring(ADA, *others(2))
    second = bringing.imported(
        bringing.receive(path=bringing.file(ADA | {"job_title": "Présidente"}, name="newer.csv")),
        at=LATER,
    )

    with pytest.raises(OthersStandOnIt, match=r"newer\.csv found \d of these rows"):
        bringing.undone(first)

    assert bringing.counts()[:3] == [3, 3, 3]
    bringing.undone(second)
    bringing.undone(first)
    assert bringing.counts()[2] == 1  # the position that the newer file had changed


def test_an_import_that_met_nothing_of_another_stands_on_none(bringing):
    first, second = bringing.bring(ADA), bringing.bring(CAROL, at=LATER)

    assert bringing.fresh(second).stands_on == {}
    assert bringing.undone(first).status == "undone"


def test_a_dry_run_stands_on_nothing(bringing):
    first = bringing.bring(ADA)
    bringing.validated(bringing.receive(ADA, BOB), at=LATER)

    assert bringing.undone(first).status == "undone"


def test_a_file_that_was_not_imported_has_nothing_to_take_back(bringing):
    with pytest.raises(IllegalMove):
        bringing.undone(bringing.receive(ADA))


# In batches -------------------------------------------------------------------------------------


def test_a_worker_that_must_end_leaves_the_rest_to_the_next(bringing, monkeypatch):
    monkeypatch.setattr(undoing, "AT_ONCE", 2)
    done = bringing.bring(*others(5))
    asked = iter([False, False, False])

    halfway = bringing.undone(done, stopping=lambda: next(asked, True))

    assert halfway.status == "undoing"
    assert bringing.counts()[:3] == [5, 5, 1]
    perform_undo(bringing.organisation_id, done.pk, clock=lambda: LATER)
    undone = bringing.fresh(done)
    assert (undone.status, bringing.counts()) == ("undone", NOTHING)


def test_an_undo_in_pieces_says_the_same_as_one_that_was_left_alone(bringing, monkeypatch):
    monkeypatch.setattr(undoing, "AT_ONCE", 2)
    done = bringing.bring(*others(5))
    asked = iter([False, False])
    bringing.undone(done, stopping=lambda: next(asked, True))

    perform_undo(bringing.organisation_id, done.pk, clock=lambda: LATER)

    gone = {"phones": 0, "positions": 5, "people": 5, "companies": 5}
    assert bringing.fresh(done).report["undone"] == gone
    with bringing.open():
        assert AuditEvent.objects.filter(action="undone").count() == 1


def test_kept_rows_do_not_make_it_run_for_ever(bringing, monkeypatch):
    monkeypatch.setattr(undoing, "AT_ONCE", 1)
    done = bringing.bring(*others(3))
    with bringing.open():
        for position in Position.objects.order_by("id")[:2]:
            save_by_hand(position, ["job_title"], at=LATER)

    assert bringing.undone(done).status == "undone"
    assert bringing.counts()[:3] == [2, 2, 2]


def test_another_organisations_import_is_out_of_reach(bringing, tmp_path):
    done = bringing.bring(ADA)
    stranger = type(bringing)(tmp_path)
    mine = stranger.bring(ADA)

    perform_undo(stranger.organisation_id, done.pk, clock=lambda: LATER)
    stranger.undone(mine)

    assert bringing.counts()[:3] == [1, 1, 1]
    with stranger.open():
        assert not ImportUpload.objects.filter(pk=done.pk).exists()
