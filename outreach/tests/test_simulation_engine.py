"""A campaign over virtual time, in memory: inside every window and limit, and it always ends."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.calendar import (
    Place,
    Schedule,
    default_windows,
    hours_of,
    is_open,
    next_opening,
    week_of,
)
from outreach.policy.facts import Case, Ledger, Ramp
from outreach.simulation.engine import play
from outreach.simulation.outcome import Outcome
from outreach.simulation.replies import DELAYS, answer_after, delay_of
from outreach.simulation.state import Intention, Options, Person, State, Step

PARIS = ZoneInfo("Europe/Paris")
MORNING = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)  # a Tuesday, ten o'clock in Paris
OFFICE = Schedule.from_json(default_windows())
CAMPAIGN, OTHER = UUID(int=1), UUID(int=2)
THREE_STEPS = (Step(0, 0), Step(1, 4), Step(2, 5))


def ledger(number: int = 1, **fields: Any) -> Ledger:
    """A mailbox of Paris, with office hours."""
    own = {"address": f"box{number}@acme.example", "schedule": OFFICE}
    return Ledger(mailbox_id=UUID(int=100 + number), **(own | fields))


def waiting(
    number: int,
    box: Ledger,
    *,
    now: datetime = MORNING,
    campaign: UUID = CAMPAIGN,
    step: Step = THREE_STEPS[0],
    company: int | None = None,
    domain: str | None = None,
    **facts: Any,
) -> Intention:
    """The first mail to one person, who works alone at a company unless told otherwise."""
    key, works_at = UUID(int=1_000 + number), UUID(int=10_000 + (company or number))
    address = f"person{number}@{domain or f'company{number}.example'}"
    case = Case(
        task_id=key,
        enrollment_id=key,
        campaign_id=campaign,
        position_id=key,
        company_id=works_at,
        address=address,
        scheduled_for=now,
        ledger=box,
        **facts,
    )
    hour = next_opening(case.hours, now) if case.hours else now
    person = Person(key, campaign, key, works_at, address)
    return Intention(person, case, step, hour, hour, number)


def state(
    intentions: Sequence[Intention], steps: Sequence[Step] = THREE_STEPS, **fields: Any
) -> State:
    """All that waits, of one campaign unless told otherwise."""
    boxes = {each.case.ledger.mailbox_id: each.case.ledger for each in intentions}
    told = {"steps": {CAMPAIGN: steps, OTHER: steps}, "left_out": {}}
    return State(CAMPAIGN, PARIS, boxes, waiting=intentions, **(told | fields))


def played(intentions: Sequence[Intention], *, now: datetime = MORNING, **options: Any) -> Outcome:
    """The outcome over 90 days, unless told otherwise."""
    steps = options.pop("steps", THREE_STEPS)
    return play(state(intentions, steps), Options(**options), now=now)


def test_everybody_gets_every_step_once_and_in_its_order():
    box = ledger()

    outcome = played([waiting(number, box) for number in range(30)])

    steps = defaultdict(list)
    for mail in outcome.mails:
        steps[mail.address].append(mail.step_index)
    assert len(steps) == 30
    assert set(map(tuple, steps.values())) == {(0, 1, 2)}
    assert (outcome.people, outcome.waiting, outcome.ends_at) == (30, 0, outcome.mails[-1].at)


def test_no_mail_leaves_outside_the_windows_above_the_limit_or_faster_than_the_pace():
    box = ledger(most_a_day=17)

    outcome = played([waiting(number, box) for number in range(60)])

    assert all(is_open(OFFICE, mail.at) for mail in outcome.mails)
    assert max(outcome.by_day().values()) == 17
    pauses = [(after.at - mail.at).total_seconds() for mail, after in pairwise(outcome.mails)]
    assert min(pauses) >= 60
    assert outcome.binding()[0].code == "daily_limit"


def test_a_follow_up_comes_so_many_working_days_later_and_before_first_mails():
    box = ledger(most_a_day=2)

    outcome = played([waiting(number, box) for number in range(6)], steps=[Step(0, 0), Step(1, 1)])

    # On Wednesday the follow-ups are not due before ten; on Thursday they are, and go first.
    days = [f"{mail.at:%a} {mail.step_index}" for mail in outcome.mails]
    assert days[:4] == ["Tue 0", "Tue 0", "Wed 0", "Wed 0"]
    assert days[4:8] == ["Thu 1", "Thu 1", "Fri 1", "Fri 1"]


def test_the_same_seed_gives_the_same_mails_and_another_seed_other_answers():
    def outcome(seed: int) -> Outcome:
        box = ledger()
        return played([waiting(n, box) for n in range(60)], reply_rate=0.2, seed=seed)

    assert outcome(1).mails == outcome(1).mails
    assert outcome(1).mails != outcome(2).mails


def test_whoever_answers_gets_no_further_mail_nor_do_the_colleagues():
    box = ledger()
    people = [waiting(number, box, company=number // 2) for number in range(40)]

    outcome = played(people, reply_rate=1.0)

    assert {mail.step_index for mail in outcome.mails} == {0}
    ended = {each.code for each in outcome.ended}
    assert ended == {"enrollment_replied", "company_answered"}
    assert len(outcome.ended) == 40


def test_an_answer_to_a_step_that_does_not_stop_leaves_the_others():
    box = ledger()
    steps = [Step(0, 0, ends_on_reply=False), Step(1, 4)]

    people = [waiting(number, box, step=steps[0]) for number in range(10)]
    outcome = played(people, reply_rate=1.0, steps=steps)

    assert outcome.by_step() == {0: 10, 1: 10}
    assert outcome.replies == 20


def test_about_the_told_share_of_the_mails_is_answered():
    drawn = [answer_after(f"seed:{number}", 0.25) for number in range(4_000)]

    answers = [delay for delay in drawn if delay is not None]
    assert 0.22 < len(answers) / len(drawn) < 0.28
    assert sum(delay <= timedelta(hours=5) for delay in answers) / len(answers) > 0.45
    assert [delay_of(share) for share, _ in DELAYS] == [delay for _, delay in DELAYS]


def test_whoever_may_never_be_written_to_is_told_with_the_reason():
    box = ledger()
    people = [waiting(1, box)]
    people += [waiting(2, box, suppression="objection"), waiting(3, box, is_opposed=True)]

    outcome = played(people)

    told = {each.address: each.code for each in outcome.never_written()}
    assert told == {
        "person2@company2.example": "suppressed",
        "person3@company3.example": "company_opposed",
    }
    assert len(outcome.mails) == 3


def test_a_stopped_mailbox_sends_nothing_and_says_so_for_everybody():
    box = ledger(status="paused")

    outcome = played([waiting(number, box) for number in range(5)])

    assert outcome.mails == []
    assert Counter(each.code for each in outcome.ended) == {"mailbox_stopped": 5}


def test_other_campaigns_of_the_mailbox_use_up_its_limit():
    box = ledger(most_a_day=10)
    others = [waiting(number, box, campaign=OTHER) for number in range(30)]
    ours = [waiting(100 + number, box) for number in range(10)]

    outcome = played([*others, *ours], steps=[Step(0, 0)])

    assert outcome.others.total() == 30
    assert [f"{day:%a %d}" for day in outcome.by_day()] == ["Fri 27"]


def test_one_address_is_written_to_by_one_of_two_campaigns_within_90_days():
    box = ledger()
    ours = waiting(1, box, domain="company.example")
    other = waiting(1, box, domain="company.example", campaign=OTHER)
    other.person.key, other.order = UUID(int=77), -1

    outcome = played([ours, other], days=120, steps=[Step(0, 0)])

    (mail,) = outcome.mails
    assert mail.at >= MORNING + timedelta(days=90)
    assert outcome.binding()[0].code == "contacted_recently"


def test_a_ramp_lets_more_leave_each_day():
    box = ledger(ramp=Ramp(2, 2), most_a_day=8)

    outcome = played([waiting(number, box) for number in range(30)], steps=[Step(0, 0)])

    # Tuesday to Friday, and on Monday the limit itself
    assert list(outcome.by_day().values()) == [2, 4, 6, 8, 8, 2]


def test_a_domain_gets_no_more_a_day_than_its_limit_and_others_do_not_wait_for_it():
    box = ledger(domain_limit=3)
    people = [waiting(number, box, domain="big.example") for number in range(9)]
    people += [waiting(100 + number, box) for number in range(5)]

    outcome = played(people, steps=[Step(0, 0)])

    to_big = Counter(
        outcome.day_of(mail.at) for mail in outcome.mails if mail.address.endswith("@big.example")
    )
    assert list(to_big.values()) == [3, 3, 3]
    assert list(outcome.by_day().values()) == [8, 3, 3]
    (hold,) = [each for each in outcome.binding() if each.code == "domain_limit"]
    assert (hold.mails, len(hold.days)) == (6, 2)


def test_people_elsewhere_are_written_to_in_their_own_hours():
    box, tokyo = ledger(), Place("Asia/Tokyo", "JP")
    here = [waiting(number, box) for number in range(5)]
    there = [waiting(50 + number, box, place=tokyo) for number in range(5)]

    outcome = played([*there, *here], steps=[Step(0, 0)])

    hours = hours_of(OFFICE, place=tokyo)
    in_tokyo = {each.person.address for each in there}
    assert all(is_open(hours, mail.at) == (mail.address in in_tokyo) for mail in outcome.mails)
    assert outcome.by_day() == {MORNING.date(): 5, MORNING.date() + timedelta(days=1): 5}


def test_a_full_domain_opens_for_each_recipient_in_their_own_hours():
    box, guadeloupe = ledger(domain_limit=1), Place("America/Guadeloupe", "FR", "971")
    places = [None, guadeloupe, None]
    people = [waiting(n, box, domain="big.example", place=place) for n, place in enumerate(places)]

    outcome = played(people, steps=[Step(0, 0)])

    # On Wednesday Paris opens first, though Guadeloupe stood first in the line.
    assert [mail.address[:7] for mail in outcome.mails] == ["person0", "person2", "person1"]
    assert [f"{mail.at:%a %H:%M}" for mail in outcome.mails[1:]] == ["Wed 07:30", "Thu 12:30"]


def test_a_campaign_with_hours_of_its_own_keeps_to_both():
    box, narrow = ledger(), week_of({"wed": [["16:00", "18:00"]]})

    outcome = played([waiting(n, box, windows=narrow) for n in range(60)], steps=[Step(0, 0)])

    local = {(f"{at:%a}", at.hour) for at in (m.at.astimezone(PARIS) for m in outcome.mails)}
    assert local == {("Wed", 16)}
    assert len(outcome.mails) == 60


def test_when_the_time_is_up_what_is_left_waits():
    box = ledger(most_a_day=5)

    outcome = played([waiting(number, box) for number in range(100)], days=10)

    assert outcome.ends_at is None
    assert outcome.waiting + len({mail.address for mail in outcome.mails}) >= 100
    assert max(mail.at for mail in outcome.mails) < outcome.until


def test_a_mailbox_whose_hours_never_open_ends_everything_with_the_reason():
    box = ledger()
    intentions = [waiting(number, box) for number in range(3)]
    box.schedule = Schedule.from_json({})

    outcome = played(intentions)

    assert Counter(each.code for each in outcome.ended) == {"no_window": 3}


@settings(max_examples=40, deadline=None)
@given(
    people=st.integers(1, 25),
    limit=st.integers(1, 9),
    domain_limit=st.none() | st.integers(1, 3),
    pace=st.sampled_from([(0, 0), (60, 90), (7_000, 9_000)]),
    rate=st.sampled_from([0.0, 0.3]),
    places=st.lists(
        st.sampled_from([None, Place("Asia/Tokyo", "JP"), Place("America/Guadeloupe", "FR")]),
        min_size=1,
        max_size=3,
    ),
    start=st.datetimes(datetime(2026, 3, 20), datetime(2026, 12, 28)),
)
def test_whatever_the_mailbox_the_rules_hold_for_every_mail(
    people, limit, domain_limit, pace, rate, places, start
):
    now = start.replace(tzinfo=UTC)
    box = ledger(most_a_day=limit, domain_limit=domain_limit, pace_min=pace[0], pace_max=pace[1])
    intentions = [
        waiting(n, box, now=now, domain=f"d{n % 3}.example", place=places[n % len(places)])
        for n in range(people)
    ]
    hours = {each.person.address: each.case.hours for each in intentions}

    outcome = played(intentions, now=now, days=40, reply_rate=rate)

    assert all(is_open(hours[mail.address], mail.at) for mail in outcome.mails)
    assert all(number <= limit for number in outcome.by_day().values())
    steps = [(mail.address, mail.step_index) for mail in outcome.mails]
    assert len(steps) == len(set(steps))
    assert all(
        after.at - mail.at >= timedelta(seconds=pace[0]) for mail, after in pairwise(outcome.mails)
    )
