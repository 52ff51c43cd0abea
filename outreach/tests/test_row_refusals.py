"""Whom an import leaves out, warns of or enrols."""

from datetime import timedelta

import pytest

from crm.models import Company, Person, Position
from crm.services import save_by_hand
from iam.models import AuditEvent, Membership
from outreach.models import Enrollment, ImportProblem, Task
from outreach.services import enrolling_imported, row_refusals, uploads
from outreach.services.campaigns import archive
from outreach.services.suppressing import suppress_address, suppress_domain
from outreach.tests.bringing import ADA, AT, BOB, LATER, others
from outreach.tests.making import make_open_campaign
from prospectflow.testing.factories import (
    make_campaign,
    make_company,
    make_enrollment,
    make_position,
    make_step,
    make_task,
)
from prospectflow.testing.rows import make_approved_draft, make_message


def suppressed(bringing, *addresses, domains=()):
    with bringing.open():
        for address in addresses:
            suppress_address(address, reason="by_hand", source="test", at=AT)
        for domain in domains:
            suppress_domain(domain, reason="by_hand", source="test", at=AT)


def codes(bringing, upload, kind):
    return bringing.problems(upload, kind)


def sentence(bringing, upload, code, language="en"):
    with bringing.open():
        return ImportProblem.objects.get(upload=upload, code=code).said(language)


@pytest.fixture
def campaign(bringing):
    """A running campaign with a step, which takes people in."""
    with bringing.open():
        campaign = make_open_campaign(name="Spring")
        make_step(campaign)
    return campaign


def written_to(address, *, at, **fields):
    """Somebody at this address whom another campaign wrote to at that moment."""
    campaign = make_campaign(name="Winter")
    position = make_position(email=address, **fields)
    enrollment = make_enrollment(campaign=campaign, position=position)
    task = make_task(enrollment=enrollment, workflow_step=make_step(campaign))
    return make_message(
        draft=make_approved_draft(task=task), to_address=address, sent_at=at, status="sent"
    )


# Suppressed -------------------------------------------------------------------------------------


def test_a_suppressed_address_is_refused_and_shown(bringing):
    suppressed(bringing, ADA["email"])

    done = bringing.bring(ADA | {"email": " ADA@Bar.Example.com"}, BOB)

    assert codes(bringing, done, "refused") == [(2, "suppressed_address")]
    assert done.report["rows_refused"] == done.report["rows_imported"] == 1
    with bringing.open():
        assert Position.objects.get().email == BOB["email"]
        assert not Person.objects.filter(first_name="Ada").exists()


def test_everybody_at_a_suppressed_domain_is_refused(bringing):
    suppressed(bringing, domains=["bar.example.com"])
    outside = ADA | {"email": "ada@mybar.example.com", "company_name": "Other"}

    done = bringing.bring(ADA, BOB, outside)

    assert codes(bringing, done, "refused") == [(2, "suppressed_domain"), (3, "suppressed_domain")]
    assert "bar.example.com" in sentence_of_first(bringing, done)
    assert bringing.counts()[:3] == [1, 1, 1]


def sentence_of_first(bringing, upload):
    with bringing.open():
        return ImportProblem.objects.filter(upload=upload).first().said("en")


def test_who_is_suppressed_twice_over_is_refused_once(bringing):
    suppressed(bringing, ADA["email"], domains=["bar.example.com"])

    done = bringing.bring(ADA)

    assert codes(bringing, done, "refused") == [(2, "suppressed_domain")]


def test_all_of_many_suppressed_addresses_are_found(bringing, monkeypatch):
    monkeypatch.setattr(row_refusals, "AT_ONCE", 3)
    rows = others(10)
    suppressed(bringing, *(row["email"] for row in rows[1::2]))

    done = bringing.bring(*rows)

    refused = [row for row, _code in codes(bringing, done, "refused")]
    assert refused == [3, 5, 7, 9, 11]
    assert bringing.counts()[2] == 5


def test_what_another_organisation_suppressed_is_its_own_affair(bringing, tmp_path):
    other = type(bringing)(tmp_path)
    suppressed(other, ADA["email"])

    assert bringing.bring(ADA).report["rows_imported"] == 1


def test_validating_foretells_who_is_refused(bringing):
    suppressed(bringing, ADA["email"])

    checked = bringing.validated(bringing.receive(ADA, BOB))

    assert codes(bringing, checked, "refused") == [(2, "suppressed_address")]


def test_a_refused_first_row_makes_its_repetition_no_duplicate_of_what_is_not_there(bringing):
    suppressed(bringing, ADA["email"])

    done = bringing.bring(ADA, ADA, BOB)

    assert bringing.counts()[2] == 1
    assert done.report["rows_refused"] + done.report["rows_duplicate"] == 2


# The same campaign, another campaign ------------------------------------------------------------


def test_an_import_takes_its_people_into_its_campaign(bringing, campaign):
    done = bringing.bring(*others(3), campaign=campaign)

    assert (done.report["enrolled"], done.report["enrolling"]) == (3, "")
    with bringing.open():
        assert Enrollment.objects.filter(campaign=campaign).count() == 3
        assert Task.objects.count() == 3


def test_however_many_they_are(bringing, campaign, monkeypatch):
    monkeypatch.setattr(enrolling_imported, "AT_ONCE", 2)

    done = bringing.bring(*others(5), campaign=campaign)

    assert done.report["enrolled"] == 5


def test_an_import_without_a_campaign_enrols_nobody(bringing, campaign):
    done = bringing.bring(ADA)

    assert (done.report["enrolled"], done.report["enrolling"]) == (0, "")
    with bringing.open():
        assert not Enrollment.objects.exists()


def test_who_is_in_the_campaign_already_is_refused_with_the_day(bringing, campaign):
    bringing.bring(ADA, campaign=campaign)

    again = bringing.bring(ADA, BOB, at=LATER, campaign=campaign)

    assert codes(bringing, again, "refused") == [(2, "already_in_campaign")]
    told = sentence(bringing, again, "already_in_campaign")
    assert "Spring" in told
    assert "2026-11-23" in told
    assert again.report["enrolled"] == 1


def test_who_is_in_another_campaign_but_was_never_written_to_is_no_warning(bringing, campaign):
    with bringing.open():
        other = make_open_campaign()
        make_step(other)
    bringing.bring(ADA, campaign=other)

    done = bringing.bring(ADA, at=LATER, campaign=campaign)

    assert (done.report["rows_warned"], done.report["enrolled"]) == (0, 1)


@pytest.mark.parametrize(("days", "warned"), [(0, 1), (1, 1), (89, 1), (91, 0), (400, 0)])
def test_whom_another_campaign_wrote_to_within_90_days_is_a_warning(
    bringing, campaign, days, warned
):
    with bringing.open():
        written_to(ADA["email"], at=LATER - timedelta(days=days))

    done = bringing.bring(ADA, BOB, at=LATER, campaign=campaign)

    assert done.report["rows_warned"] == warned
    assert done.report["rows_imported"] == 2
    assert done.report["enrolled"] == 2 - warned
    assert codes(bringing, done, "warning") == [(2, "recently_contacted")] * warned
    if warned:
        told = sentence(bringing, done, "recently_contacted")
        assert "Winter" in told
        assert str(days) in told


def test_without_a_campaign_nobody_is_warned_of(bringing):
    with bringing.open():
        written_to(ADA["email"], at=LATER - timedelta(days=1))

    assert bringing.bring(ADA, at=LATER).report["rows_warned"] == 0


def test_somebody_may_let_them_in_and_that_is_written_down(bringing, campaign):
    with bringing.open():
        written_to(ADA["email"], at=LATER - timedelta(days=1))
        boss = Membership.objects.get(role="owner").user
    checked = bringing.validated(bringing.receive(ADA, campaign=campaign), at=LATER)
    assert checked.report["rows_warned"] == 1

    with bringing.open():
        uploads.allow_contacted(checked, at=LATER, user=boss)
    done = bringing.imported(checked, at=LATER)

    assert (done.report["rows_warned"], done.report["enrolled"]) == (1, 1)
    with bringing.open():
        told = AuditEvent.objects.get(action="contacted_allowed")
        assert (told.user, told.object_id, told.at) == (boss, str(done.pk), LATER)


@pytest.mark.parametrize(
    ("lacking", "sentence"),
    [("a step", "once it has a step and a mailbox"), ("life", "takes nobody in")],
)
def test_a_campaign_that_takes_nobody_in_is_told_in_the_report(bringing, lacking, sentence):
    with bringing.open():
        campaign = make_open_campaign()
        if lacking == "life":
            make_step(campaign)
            archive(campaign, at=AT)

    done = bringing.bring(ADA, campaign=campaign)

    assert (done.status, done.report["enrolled"]) == ("completed", 0)
    assert sentence in done.report["enrolling"]
    assert bringing.counts()[2] == 1


def test_who_may_not_be_written_to_is_imported_and_not_enrolled(bringing, campaign):
    opposed = {"address": "[ND] 13001 MARSEILLE"}
    lost = BOB | {"email_status": "invalid", "company_name": "Other"}

    done = bringing.bring(ADA | opposed, lost, campaign=campaign)

    assert bringing.counts()[2] == 2
    assert done.report["enrolled"] == 0


# What somebody knows better ---------------------------------------------------------------------


def test_a_field_edited_by_hand_stays_and_that_is_told(bringing):
    bringing.bring(ADA | {"job_title": "Gérante", "city": "Aix"})
    with bringing.open():
        position, company = Position.objects.get(), Company.objects.get()
        position.job_title, company.city = "Présidente", "Arles"
        save_by_hand(position, ["job_title"], at=AT)
        save_by_hand(company, ["city"], at=AT)

    done = bringing.bring(ADA | {"job_title": "Serveuse", "city": "Nice"}, at=LATER)

    with bringing.open():
        position = Position.objects.get()
        assert (position.job_title, position.company.city) == ("Présidente", "Arles")
        kept = ImportProblem.objects.filter(upload=done, code="hand_edited_kept")
        assert set(kept.values_list("row", "column", "value")) == {
            (2, "job_title", "Serveuse"),
            (2, "city", "Nice"),
        }
    assert done.report["rows_imported"] == 1


def test_a_field_emptied_by_hand_stays_empty(bringing):
    bringing.bring(ADA | {"job_title": "Gérante"})
    with bringing.open():
        position = Position.objects.get()
        position.job_title = None
        save_by_hand(position, ["job_title"], at=AT)

    bringing.bring(ADA | {"job_title": "Gérante"}, at=LATER)

    with bringing.open():
        assert Position.objects.get().job_title is None


def test_what_the_hand_wrote_the_same_needs_no_word(bringing):
    bringing.bring(ADA)
    with bringing.open():
        position = Position.objects.get()
        position.job_title = "Présidente"
        save_by_hand(position, ["job_title"], at=AT)

    done = bringing.bring(ADA | {"job_title": "Présidente"}, at=LATER)

    assert bringing.problems(done) == []


def test_a_page_given_by_hand_stays_the_mark_of_its_person(bringing):
    bringing.bring(ADA)
    page = "https://www.linkedin.com/in/"
    with bringing.open():
        person = Person.objects.get()
        person.linkedin_url = f"{page}ada"
        save_by_hand(person, ["linkedin_url"], at=AT)

    bringing.bring(ADA | {"linkedin": f"{page}another"}, at=LATER)
    last = bringing.bring(ADA | {"linkedin": f"{page}ada"}, at=LATER)

    assert last.status == "completed"
    with bringing.open():
        person = Person.objects.get()
        assert (person.linkedin_url, person.identity_key) == (f"{page}ada", "linkedin:in/ada")


def test_the_newest_value_wins_with_its_source_and_date_and_nothing_empties_a_field(bringing):
    bringing.bring(ADA | {"job_title": "Gérante", "list_name": "Bars"})

    bringing.bring(ADA | {"job_title": "Présidente", "list_name": ""}, at=LATER)

    with bringing.open():
        position = Position.objects.get()
        assert (position.job_title, position.list_name) == ("Présidente", "Bars")
        assert position.source_of("job_title") == {"source": "generic", "at": LATER.isoformat()}
        assert position.source_of("list_name") == {"source": "generic", "at": AT.isoformat()}


@pytest.mark.parametrize("status", ["invalid", "do_not_contact"])
def test_a_lost_address_is_not_found_again_by_a_file(bringing, status):
    bringing.bring(ADA | {"email_status": "valid"})
    with bringing.open():
        Position.objects.update(email_status=status)

    done = bringing.bring(ADA | {"email_status": "valid"}, at=LATER)

    with bringing.open():
        assert Position.objects.get().email_status == status
    assert done.report["positions"] == {"created": 0, "updated": 0, "unchanged": 1}


def test_a_company_that_opposed_is_not_talked_round_by_a_file(bringing):
    with bringing.open():
        make_company(name=ADA["company_name"], siren="732829320", diffusion="P")

    bringing.bring(ADA | {"siren": "732829320", "diffusion": "O"}, at=LATER)

    with bringing.open():
        assert Company.objects.get().diffusion == "P"
