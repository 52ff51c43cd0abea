"""Campaigns with several mailboxes: one company, one mailbox, and who was written to stays."""

from collections import Counter
from datetime import timedelta

import pytest

from outreach.models import CampaignMailbox, Draft, Enrollment, Mailbox, Task
from outreach.services import campaigns
from outreach.services.approval import RENDERED_FROM, rendered
from outreach.services.campaigns import CampaignNotReady, enroll, start
from outreach.services.drafting import compose
from outreach.services.sharing import discard_mailbox, set_shares, share_anew, shares_of
from outreach.tests.making import MORNING, draft_of, make_due, make_open_campaign, make_ready
from prospectflow.testing.factories import (
    make_company,
    make_mailbox,
    make_position,
    make_step,
)
from prospectflow.testing.rows import make_approved_draft, make_message

pytestmark = pytest.mark.usefixtures("inside")


def make_shared(*weights, **fields):
    """A campaign whose mailboxes have these weights; the first is the campaign's own."""
    own, *others = (make_mailbox() for _ in weights)
    campaign = make_open_campaign(own, **fields)
    make_step(campaign)
    for mailbox, weight in zip([own, *others], weights, strict=True):
        CampaignMailbox.objects.create(campaign=campaign, mailbox=mailbox, weight=weight)
    return campaign


def test_the_campaigns_own_mailbox_has_weight_one_unless_a_row_names_it():
    own, other = make_mailbox(), make_mailbox()
    campaign = make_open_campaign(own)
    CampaignMailbox.objects.create(campaign=campaign, mailbox=other, weight=3)
    assert shares_of(campaign) == {own.pk: 1, other.pk: 3}

    CampaignMailbox.objects.create(campaign=campaign, mailbox=own, weight=5)

    assert shares_of(campaign) == {own.pk: 5, other.pk: 3}


def test_people_are_shared_among_the_mailboxes_by_weight_and_their_tasks_know_it():
    campaign = make_shared(3, 1)

    enroll(campaign, [make_position() for _ in range(80)], at=MORNING)

    taken = Counter(Enrollment.objects.values_list("mailbox", flat=True))
    of_tasks = Counter(Task.objects.values_list("mailbox", flat=True))
    assert taken == of_tasks
    assert 40 <= taken[campaign.from_mailbox_id] < 80  # 60 expected
    assert sum(taken.values()) == 80


def test_people_of_one_company_hear_from_one_mailbox_however_they_come_in():
    campaign = make_shared(1, 1, 1)
    companies = [make_company() for _ in range(6)]
    for _ in range(3):
        enroll(campaign, [make_position(company=each) for each in companies], at=MORNING)

    for company in companies:
        theirs = Enrollment.objects.filter(position__company=company)
        assert theirs.count() == 3
        assert theirs.values("mailbox").distinct().count() == 1


def test_a_company_that_was_written_to_stays_with_the_mailbox_that_wrote():
    campaign = make_shared(1)
    company = make_company()
    [first] = enroll(campaign, [make_position(company=company)], at=MORNING)
    make_message(draft=make_approved_draft(task=first.tasks.get()))
    wrote = first.mailbox_id
    CampaignMailbox.objects.all().delete()
    campaign.from_mailbox = make_mailbox()
    campaign.save()

    [second] = enroll(campaign, [make_position(company=company)], at=MORNING)
    [stranger] = enroll(campaign, [make_position()], at=MORNING)

    assert second.mailbox_id == wrote
    assert stranger.mailbox_id == campaign.from_mailbox_id


def test_a_campaign_that_only_has_shared_mailboxes_starts_and_takes_people_in():
    campaign = make_open_campaign(from_mailbox=None, status="draft")
    make_step(campaign)
    with pytest.raises(CampaignNotReady, match="once it has a step and a mailbox"):
        enroll(campaign, [make_position()], at=MORNING)
    mailbox = make_mailbox()
    CampaignMailbox.objects.create(campaign=campaign, mailbox=mailbox)

    start(campaign, at=MORNING)
    [taken] = enroll(campaign, [make_position()], at=MORNING)

    assert taken.mailbox_id == mailbox.pk


def test_the_mail_speaks_as_the_mailbox_of_its_enrolment():
    campaign = make_open_campaign()
    theirs = make_mailbox(display_name="Zoé Petit", signature="Zoé, 06 00 00 00 00")
    make_step(campaign, body_template="Bonjour, {{ sender_name }} vous écrit.")
    task = make_due(campaign)
    Enrollment.objects.update(mailbox=theirs)
    task.enrollment.refresh_from_db()

    compose(task, at=MORNING)

    mail = rendered(draft_of(task))
    assert mail.sender == f"Zoé Petit <{theirs.address}>"
    assert "Zoé Petit vous écrit." in mail.text
    assert "06 00 00 00 00" in mail.text


def test_a_mail_is_rendered_without_asking_the_database_when_its_rows_are_there(
    inside, django_assert_num_queries
):
    make_ready()
    draft = Draft.objects.select_related(*RENDERED_FROM).get()

    with django_assert_num_queries(0):
        mail = rendered(draft, identity=inside, tracks=False)

    assert mail.hash == draft.approved_hash


def test_taking_in_more_than_one_query_names_leaves_the_same_people_out(monkeypatch):
    monkeypatch.setattr(campaigns, "AT_ONCE", 2)
    campaign = make_shared(1, 1)
    same = [make_position(email="contact@shop.example") for _ in range(3)]
    others = [make_position() for _ in range(4)]

    taken, left_out = campaigns.take_in(campaign, [*same, *others], at=MORNING)

    assert len(taken) == 5
    assert left_out == {"same_address": 2}
    assert Task.objects.count() == 5
    assert Mailbox.objects.filter(enrollments__isnull=False).exists()


def make_mixed(campaign):
    """Ten people with a draft that waits, ten whose mail is approved, ten who were written to."""
    pending = [make_due(campaign) for _ in range(10)]
    approved, written = ([make_ready(campaign) for _ in range(10)] for _ in range(2))
    for task in pending:
        compose(task, at=MORNING)
    for task in written:
        make_message(draft=draft_of(task))
    return pending, approved, written


def mailboxes_of(tasks):
    found = Enrollment.objects.filter(tasks__in=tasks).values_list("mailbox", flat=True)
    return set(found)


def test_a_mailbox_that_is_added_takes_a_share_of_those_for_whom_nobody_stands_yet():
    campaign = make_open_campaign()
    make_step(campaign, body_template="{{ sender_name }} vous écrit.")
    pending, approved, written = make_mixed(campaign)
    newcomer = make_mailbox(display_name="Zoé Petit")
    set_shares(campaign, {newcomer.pk: 9})

    moved = share_anew(campaign, at=MORNING)

    theirs = Draft.objects.filter(task__mailbox=newcomer)
    assert theirs.count() == moved == theirs.filter(task__in=pending).count()
    assert 3 <= moved <= 10
    assert all(draft.body_text == "Zoé Petit vous écrit." for draft in theirs)
    assert mailboxes_of([*approved, *written]) == {campaign.from_mailbox_id}
    assert share_anew(campaign, at=MORNING) == 0


def test_a_mailbox_that_goes_leaves_nobody_behind_but_those_that_it_wrote_to():
    campaign = make_open_campaign()
    make_step(campaign, body_template="{{ sender_name }} vous écrit.")
    pending, approved, written = make_mixed(campaign)
    before, after = campaign.from_mailbox, make_mailbox(display_name="Zoé Petit")
    campaign.from_mailbox = after
    campaign.save()

    share_anew(campaign, at=MORNING)

    assert mailboxes_of(written) == {before.pk}
    assert mailboxes_of([*pending, *approved]) == {after.pk}


@pytest.mark.parametrize("status", ["transmitting", "sent", "unknown"])
def test_who_may_have_been_written_to_stays_even_if_nobody_remembers_the_mail(status):
    campaign = make_open_campaign()
    task, before, after = make_due(campaign), campaign.from_mailbox, make_mailbox()
    Task.objects.update(status=status)
    campaign.from_mailbox = after
    campaign.save()

    assert share_anew(campaign, at=MORNING) == 0

    assert mailboxes_of([task]) == {before.pk}


def test_an_approved_mail_of_a_mailbox_that_goes_is_read_again():
    own, other = make_mailbox(), make_mailbox()
    campaign = make_open_campaign(own)
    make_step(campaign, body_template="{{ sender_name }} vous écrit.")
    set_shares(campaign, {other.pk: 1})
    task = make_ready(campaign)
    Enrollment.objects.update(mailbox=other)
    set_shares(campaign, {})

    share_anew(campaign, at=MORNING)

    assert (draft_of(task).status, draft_of(task).approved_hash) == ("pending", None)
    assert mailboxes_of([task]) == {own.pk}


def test_the_people_of_a_mailbox_that_is_deleted_are_dealt_among_the_others():
    campaign = make_shared(1, 1)
    taken = enroll(campaign, [make_position() for _ in range(20)], at=MORNING)

    discard_mailbox(campaign.from_mailbox, at=MORNING)

    [left] = Mailbox.objects.all()
    assert set(Enrollment.objects.values_list("mailbox", flat=True)) == {left.pk}
    assert Enrollment.objects.count() == len(taken)


def test_an_hour_follows_the_campaigns_windows_and_the_recipients_clock():
    campaign = make_open_campaign(
        follows_recipient=True, windows={"tue": [["14:00", "15:00"]]}, from_mailbox=make_mailbox()
    )
    make_step(campaign)
    there = make_company(country="FR", department="974")  # La Réunion: UTC+4
    here = make_company(country="FR", department="75")
    positions = [make_position(company=there), make_position(company=here)]

    enroll(campaign, positions, at=MORNING - timedelta(hours=2))

    hours = dict(Task.objects.values_list("enrollment__position__company", "scheduled_for"))
    assert hours == {
        there.pk: MORNING.replace(hour=10),
        here.pk: MORNING.replace(hour=13),
    }
