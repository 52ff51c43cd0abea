"""What the rules look at is read for many tasks at once, and is what is stored."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import Company, Consent, Position
from outreach.calendar import next_opening
from outreach.models import Campaign, Draft, Enrollment, Mailbox, Message, Task
from outreach.policy.rules import earliest
from outreach.presets import PRESETS
from outreach.services.hours import sending_hours
from outreach.services.ledgers import ledgers_of
from outreach.services.policy import gather, may_send, may_send_each
from outreach.services.suppressing import suppress_address, suppress_domain
from outreach.services.switches import stop_organisation, stop_platform
from outreach.tests.holding import MINUTE, held
from outreach.tests.making import MORNING, draft_of, fresh, make_open_campaign, make_ready
from prospectflow.testing.factories import (
    make_company,
    make_enrollment,
    make_mailbox,
    make_position,
    make_step,
)

pytestmark = pytest.mark.usefixtures("inside")
TOMORROW = datetime(2026, 11, 25, 7, 30, tzinfo=UTC)  # half past eight in Paris


def sent(
    mailbox, count=1, *, to="eve@gmail.com", at=MORNING, enrollment=None, status="sent"
) -> list[Message]:
    """So many mails of one approved text left this mailbox for this address."""
    draft = draft_of(make_ready(make_open_campaign(mailbox)))
    return Message.objects.bulk_create(
        Message(
            direction="outbound",
            status=status,
            mailbox=mailbox,
            position=enrollment.position if enrollment else make_position(),
            enrollment=enrollment,
            draft=draft,
            content_hash=draft.approved_hash,
            to_address=to,
            rfc822_message_id=f"<{draft.pk}.{number}@acme.example>",
            sent_at=at,
        )
        for number in range(count)
    )


def test_fifty_tasks_cost_as_many_queries_as_one():
    def cost(tasks) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert set(map(len, may_send_each(tasks, now=MORNING).values())) == {0}
        return len(queries)

    def make(mailbox):
        campaign = make_open_campaign(mailbox, track_opens=True)
        step = make_step(campaign)
        return [make_ready(campaign, workflow_step=step) for _ in range(10)]

    mailboxes = [make_mailbox(ramp_start=9, domain_limit=20) for _ in range(5)]
    tasks = [task for mailbox in mailboxes for task in make(mailbox)]

    one, fifty = cost(tasks[:1]), cost(tasks)

    assert one == fifty
    assert fifty < 30


def test_many_tasks_are_each_judged_as_they_would_be_alone():
    campaign, other = make_open_campaign(), make_open_campaign()
    company = make_company()
    tasks = [
        make_ready(campaign),
        make_ready(campaign, position=make_position(email="bad@shop.example")),
        make_ready(campaign, position=make_position(email="no@opposed.example")),
        make_ready(campaign, position=make_position(company=company)),
        make_ready(other, position=make_position(company=company)),
        make_ready(other),
        make_ready(other, scheduled_for=MORNING + MINUTE),
    ]
    suppress_address("bad@shop.example", reason="bounced", source="", at=MORNING)
    suppress_domain("opposed.example", reason="objection", source="", at=MORNING)
    answered = make_enrollment(campaign=campaign, position=make_position(company=company))
    Enrollment.objects.filter(pk=answered.pk).update(state="replied")
    Draft.objects.filter(task=tasks[5]).update(body_text="Bonjour Eve,")
    tasks = [fresh(task) for task in tasks]

    each = may_send_each(tasks, now=MORNING)

    assert each == {task.pk: may_send(fresh(task), now=MORNING) for task in tasks}
    assert [[reason.code for reason in each[task.pk]] for task in tasks] == [
        [],
        ["suppressed"],
        ["suppressed"],
        ["company_answered"],
        [],
        ["not_approved"],
        ["too_early"],
    ]
    assert each[tasks[1].pk][0].sentence == "The address is suppressed: bounced."


def test_no_task_costs_nothing():
    with CaptureQueriesContext(connection) as queries:
        assert may_send_each([], now=MORNING) == {}

    assert len(queries) == 0


def test_cases_of_one_mailbox_share_its_ledger():
    campaign, other = make_open_campaign(), make_open_campaign()
    tasks = [make_ready(campaign), make_ready(campaign), make_ready(other)]

    first, second, third = (case.ledger for case in gather(tasks, now=MORNING))

    assert first is second
    assert first is not third


def test_whoever_holds_the_lease_sees_a_task_that_waits_and_nobody_else_does():
    task = make_ready()
    Task.objects.update(status="leased", leased_until=MORNING)

    (mine,) = gather([fresh(task)], now=MORNING, leased=True)
    (theirs,) = gather([fresh(task)], now=MORNING)

    assert (mine.status, theirs.status) == ("scheduled", "leased")


def test_a_task_in_flight_is_not_waiting_even_for_whoever_leased_it():
    task = make_ready()
    Task.objects.update(status="transmitting", leased_until=MORNING)

    (case,) = gather([fresh(task)], now=MORNING, leased=True)

    assert case.status == "transmitting"


def test_a_mail_that_nobody_renders_does_not_count_as_changed():
    task = make_ready()
    Mailbox.objects.update(signature="Camille")

    (case,) = gather([task], now=MORNING, texts=False)

    assert (case.draft_status, case.changed) == ("approved", "")
    assert held(task) == {"changed_since_approval": None}


def test_consent_withdrawn_after_approval_changes_the_mail():
    task = make_ready(make_open_campaign(track_opens=True))
    assert held(task) == {}

    person = task.enrollment.position.person_id
    Consent.objects.create(person_id=person, state="given", at=MORNING, source="form")

    assert held(task) == {"changed_since_approval": None}


@pytest.mark.parametrize(
    ("stop", "code"),
    [(stop_organisation, "organisation_stopped"), (stop_platform, "platform_stopped")],
)
def test_a_closed_switch_holds_every_mail_back(stop, code):
    task = make_ready()

    stop(reason="A wrong price stands in the mails", at=MORNING)

    assert held(task) == {code: None}


def test_mails_to_one_domain_are_counted_by_mailbox_and_day():
    mailbox, other = make_mailbox(domain_limit=2), make_mailbox(domain_limit=2)
    task = make_ready(make_open_campaign(mailbox), position=make_position(email="ada@gmail.com"))
    sent(mailbox, at=MORNING - timedelta(days=1))
    sent(mailbox, to="eve@shop.example")
    sent(other, 3)
    sent(mailbox)
    assert held(task) == {}

    sent(mailbox, to="bob@gmail.com")

    assert held(task) == {"domain_limit": TOMORROW}
    assert held(task, TOMORROW) == {}


def test_mails_are_told_apart_by_domain_only_where_there_is_a_limit():
    """A mailbox may write to thousands of domains a day, and is asked about before each group."""
    limited, free = make_mailbox(domain_limit=2), make_mailbox()
    for mailbox in (limited, free):
        sent(mailbox, 2, to="eve@shop.example")
        sent(mailbox, to="bob@gmail.com")

    ledgers = ledgers_of([limited.pk, free.pk], now=MORNING)

    assert ledgers[limited.pk].to_domain == {"shop.example": 2, "gmail.com": 1}
    assert ledgers[free.pk].to_domain == {"": 3}
    assert [ledger.sent_today for ledger in ledgers.values()] == [3, 3]


def test_a_mail_that_is_only_written_down_counts_neither_as_sent_nor_as_contact():
    mailbox = make_mailbox(daily_limit=1)
    task = make_ready(make_open_campaign(mailbox), position=make_position(email="ada@gmail.com"))

    sent(mailbox, to="ada@gmail.com", at=None, status="queued")

    assert held(task) == {}


def test_a_mailbox_that_warms_up_is_held_by_its_day_since_the_first_mail():
    mailbox = make_mailbox(ramp_start=2, ramp_step=1)
    task = make_ready(make_open_campaign(mailbox))
    assert ledgers_of([mailbox.pk], now=MORNING)[mailbox.pk].limit == 2

    sent(mailbox, at=MORNING - timedelta(days=1))
    sent(mailbox, 2, to="eve@shop.example")
    assert ledgers_of([mailbox.pk], now=MORNING)[mailbox.pk].limit == 3
    assert held(task) == {}

    sent(mailbox, to="bob@shop.example")

    assert held(task) == {"daily_limit": TOMORROW}


def test_a_mailbox_sends_no_more_than_its_provider_takes():
    mailbox = make_mailbox(provider="google", daily_limit=9_000)

    ledger = ledgers_of([mailbox.pk], now=MORNING)[mailbox.pk]

    assert ledger.limit == PRESETS["google"].daily_ceiling < 9_000


def test_pauses_are_no_shorter_than_the_provider_asks_for():
    mailbox = make_mailbox(provider="microsoft", pace_min_seconds=0, pace_max_seconds=0)

    ledger = ledgers_of([mailbox.pk], now=MORNING)[mailbox.pk]

    assert ledger.pace_min == ledger.pace_max == PRESETS["microsoft"].shortest_pause > 0


def test_a_mailbox_whose_mails_bounce_sends_nothing_and_says_how_many():
    mailbox = make_mailbox(daily_limit=500)
    task = make_ready(make_open_campaign(mailbox))
    yesterday = MORNING - timedelta(days=1)
    messages = sent(mailbox, 300, to="eve@shop.example", at=yesterday)
    assert held(task) == {}

    gone = [message.pk for message in messages[:15]]
    Message.objects.filter(pk__in=gone).update(status="bounced")

    (reason,) = may_send(fresh(task), now=MORNING)
    assert reason.code == "mailbox_unhealthy"
    assert "5.0%" in reason.sentence


def test_a_campaigns_own_windows_narrow_those_of_its_mailbox():
    campaign = make_open_campaign(windows={"tue": [["10:30", "20:00"]]})
    task = make_ready(campaign)
    opening = MORNING + timedelta(minutes=30)

    assert held(task) == {"outside_campaign_window": opening}
    assert held(task, opening) == {}
    evening = datetime(2026, 11, 24, 17, tzinfo=UTC)
    assert held(task, evening) == {"outside_window": TOMORROW}


def test_windows_of_a_campaign_that_cannot_be_read_send_nothing_and_say_so():
    task = make_ready()
    Campaign.objects.update(windows={"someday": []})

    (reason,) = may_send(fresh(task), now=MORNING)

    assert reason.code == "no_window"
    assert reason.sentence.startswith('The campaign\'s windows cannot be read: "someday"')


def test_a_campaign_that_follows_its_recipients_writes_in_their_office_hours():
    campaign = make_open_campaign(follows_recipient=True)
    companies = [
        make_company(department="972"),
        make_company(department="75"),
        make_company(country="JP"),
        make_company(),
    ]
    tasks = [make_ready(campaign, position=make_position(company=each)) for each in companies]

    assert [held(task) for task in tasks] == [
        {"outside_window": datetime(2026, 11, 24, 12, 30, tzinfo=UTC)},
        {},
        {"outside_window": datetime(2026, 11, 24, 23, 30, tzinfo=UTC)},
        {},
    ]
    Campaign.objects.update(follows_recipient=False)
    assert [held(task) for task in tasks] == [{}, {}, {}, {}]


def test_the_hours_of_planning_are_the_hours_of_sending():
    campaign = make_open_campaign(follows_recipient=True, windows={"tue": [["08:00", "10:00"]]})
    company = make_company(department="972")
    task = make_ready(campaign, position=make_position(company=company))

    (case,) = gather([task], now=MORNING)
    hours = sending_hours(Mailbox.objects.get(), campaign, Company.objects.get(pk=company.pk))

    assert case.hours == hours
    assert earliest(case, now=MORNING) == next_opening(hours, MORNING)


def test_a_follow_up_leaves_from_the_mailbox_that_wrote_first_whatever_the_campaign_has_now():
    campaign, first = make_open_campaign(), Mailbox.objects.get()
    task = make_ready(campaign)
    sent(first, enrollment=task.enrollment)

    Campaign.objects.update(from_mailbox=make_mailbox(status="broken"))

    (case,) = gather([fresh(task)], now=MORNING)
    assert case.ledger.mailbox_id == first.pk
    assert held(task) == {}


def test_when_the_mailbox_that_wrote_first_is_deleted_nothing_follows_from_another():
    task = make_ready()
    mailbox = Mailbox.objects.get()
    sent(mailbox, enrollment=task.enrollment)

    mailbox.delete()
    Campaign.objects.update(from_mailbox=make_mailbox())

    assert "mailbox_gone" in held(task)
    assert "no_mailbox" not in held(task)


def test_a_colleague_who_only_was_written_to_by_another_campaign_is_no_contact():
    task = make_ready(position=make_position(email="ada@shop.example"))

    sent(Mailbox.objects.get(), to="eve@shop.example", at=MORNING - timedelta(days=1))

    assert held(task) == {}


def test_an_address_that_changed_since_is_not_what_was_approved():
    task = make_ready()

    Position.objects.update(email="new@elsewhere.example")

    assert held(task) == {"changed_since_approval": None}
    assert draft_of(task).status == "approved"
