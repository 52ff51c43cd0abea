"""A mailbox's day and one case, in memory: limits, ramps, pauses, and the earliest instant."""

import inspect
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from django.conf import settings

from outreach.calendar import DEFAULT_WINDOWS, Schedule, week_of
from outreach.places import place_of
from outreach.policy import rules
from outreach.policy.facts import Ramp, domain_of
from outreach.policy.rules import earliest, reasons
from outreach.services import switches
from outreach.states import EnrollmentState
from outreach.tests.supposing import OFFICE, suppose_case, suppose_ledger

TUESDAY = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)  # ten o'clock in Paris
WEDNESDAY = datetime(2026, 11, 25, 7, 30, tzinfo=UTC)  # half past eight, when the office opens
SECOND = timedelta(seconds=1)
PAGE = "docs/sending-rules.md"


def held(case, at=TUESDAY):
    return {reason.code: reason.until for reason in reasons(case, now=at)}


def leave(ledger, count=1, *, to="eve@shop.example", at=TUESDAY):
    for number in range(count):
        ledger.note_sent(to, at=at, seed=str(number))
    ledger.next_send_at = None


def test_a_mail_that_leaves_counts_and_makes_its_mailbox_pause():
    ledger = suppose_ledger()

    ledger.note_sent("Eve@Shop.example", at=TUESDAY, seed="a")

    assert (ledger.sent_at(TUESDAY), ledger.sent_to("shop.example", TUESDAY)) == (1, 1)
    assert timedelta(seconds=60) <= ledger.next_send_at - TUESDAY <= timedelta(seconds=90)
    assert held(suppose_case(TUESDAY, ledger=ledger)) == {"pace": ledger.next_send_at}


@pytest.mark.parametrize("longest", [timedelta(days=1), timedelta(days=3)])
def test_a_pause_that_nothing_can_have_made_is_none(longest):
    """The clock was ahead for a moment when it was written."""
    paces = {"pace_max": longest.total_seconds(), "next_send_at": TUESDAY + longest}
    case = suppose_case(TUESDAY - SECOND, ledger=suppose_ledger(**paces))

    assert held(case) == {"pace": TUESDAY + longest}
    assert held(case, TUESDAY - SECOND) == {}


def test_the_same_seed_gives_the_same_pause_and_another_another():
    pauses = []
    for seed in ("a", "a", "b"):
        ledger = suppose_ledger()
        ledger.note_sent("eve@shop.example", at=TUESDAY, seed=seed)
        pauses.append(ledger.next_send_at)

    assert pauses[0] == pauses[1] != pauses[2]


def test_the_seed_of_a_mail_is_known_before_any_row_of_it():
    case = suppose_case(TUESDAY, number=7, step_index=2)

    assert case.seed == f"{case.campaign_id}:{case.position_id}:2"


def test_the_numbers_begin_anew_at_the_mailboxs_midnight_and_not_before():
    ledger = suppose_ledger(most_a_day=1)
    midnight = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
    leave(ledger)

    assert ledger.next_day(TUESDAY) == midnight
    assert ledger.sent_at(midnight - SECOND) == 1
    assert ledger.sent_at(midnight) == ledger.sent_to("shop.example", midnight) == 0
    assert held(suppose_case(TUESDAY, ledger=ledger)) == {"daily_limit": WEDNESDAY}

    leave(ledger, at=midnight)

    assert (ledger.day, ledger.sent_today) == (date(2026, 11, 25), 1)


def test_a_clock_that_is_set_back_over_midnight_begins_no_new_day():
    ledger = suppose_ledger(most_a_day=1)
    leave(ledger, at=WEDNESDAY)

    assert "daily_limit" in held(suppose_case(TUESDAY, ledger=ledger))


@pytest.mark.parametrize(
    ("days", "limit"), [(0, 10), (1, 12), (5, 20), (14, 38), (15, 40), (90, 40)]
)
def test_a_mailbox_that_warms_up_may_send_more_each_day_up_to_its_limit(days, limit):
    ledger = suppose_ledger(most_a_day=40, ramp=Ramp(10, 2))
    assert ledger.limit_at(TUESDAY) == 10

    leave(ledger)

    assert ledger.limit_at(TUESDAY + timedelta(days=days)) == limit


@pytest.mark.parametrize(("ramp", "limit"), [(Ramp(0, 0), 1), (Ramp(90, 2), 40), (None, 40)])
def test_a_ramp_lets_one_mail_leave_at_least_and_never_more_than_the_limit(ramp, limit):
    assert suppose_ledger(most_a_day=40, ramp=ramp).limit_at(TUESDAY) == limit


def test_a_ramp_holds_mails_back_until_the_next_day():
    ledger = suppose_ledger(ramp=Ramp(2, 2))
    leave(ledger, 2)

    assert held(suppose_case(TUESDAY, ledger=ledger)) == {"daily_limit": WEDNESDAY}
    assert earliest(suppose_case(TUESDAY, ledger=ledger), now=TUESDAY) == WEDNESDAY


def test_one_domain_that_had_its_number_waits_a_day_and_others_do_not():
    ledger = suppose_ledger(domain_limit=2)
    leave(ledger, 2, to="eve@gmail.com")
    case, other = (
        suppose_case(TUESDAY, ledger=ledger, address=each)
        for each in ("ada@gmail.com", "ada@shop.example")
    )

    assert held(case) == {"domain_limit": WEDNESDAY}
    assert held(case, WEDNESDAY) == {}
    assert held(other) == {}


def test_a_domain_is_told_without_case():
    assert domain_of("Ada@Shop.Example") == "shop.example"


AFTERNOON = week_of({"tue": [["14:00", "17:00"]], "wed": [["16:00", "20:00"]]})


def test_a_mail_waits_for_its_campaigns_hours_as_well_as_for_the_mailboxs():
    case = suppose_case(TUESDAY, windows=AFTERNOON)
    opening = datetime(2026, 11, 24, 13, tzinfo=UTC)
    evening = datetime(2026, 11, 25, 17, tzinfo=UTC)  # six o'clock: the campaign's hours alone

    assert held(case) == {"outside_campaign_window": opening}
    assert held(case, opening) == {}
    assert held(case, evening).keys() == {"outside_window"}
    assert earliest(case, now=TUESDAY) == opening
    assert earliest(case, now=evening) == datetime(2026, 12, 1, 13, tzinfo=UTC)


def test_hours_that_have_nothing_in_common_are_named_and_never_come():
    case = suppose_case(TUESDAY, windows=week_of({"sat": [["09:00", "12:00"]]}))

    assert "no_window" in held(case)
    assert earliest(case, now=TUESDAY) is None


def test_windows_that_cannot_be_read_hold_the_mail_back():
    case = suppose_case(TUESDAY, windows_fault="The campaign's windows cannot be read: …")

    assert held(case) == {"no_window": None}
    assert earliest(case, now=TUESDAY) is None


def test_a_mailbox_without_hours_holds_the_mail_back():
    case = suppose_case(TUESDAY, ledger=suppose_ledger(schedule=None, schedule_fault="No zone."))

    assert held(case) == {"no_window": None}


def test_a_mail_to_an_island_leaves_in_the_islands_hours():
    case = suppose_case(TUESDAY, place=place_of("FR", "972"))  # five in the morning there
    there = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)

    assert held(case) == {"outside_window": there}
    assert earliest(case, now=TUESDAY) == there


def test_a_recipient_in_moselle_gets_nothing_on_good_friday_and_one_in_paris_does():
    good_friday = datetime(2027, 3, 26, 9, tzinfo=UTC)
    moselle, paris = (suppose_case(TUESDAY, place=place_of("FR", each)) for each in ("57", "75"))

    assert held(moselle, good_friday).keys() == {"outside_window"}
    assert held(paris, good_friday) == {}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"switches": (("platform_stopped", "All sending is stopped."),)}, "platform_stopped"),
        ({"campaign_status": "paused"}, "campaign_not_running"),
        ({"draft_status": None}, "no_draft"),
        ({"suppression": "objection"}, "suppressed"),
        ({"changed": "What would be sent is not what was approved."}, "changed_since_approval"),
        ({"ledger": suppose_ledger(health="5 % of its mails bounced.")}, "mailbox_unhealthy"),
        ({"ledger": suppose_ledger(status="paused")}, "mailbox_stopped"),
        ({"step_index": 1}, "inbox_stale"),
    ],
)
def test_what_time_alone_does_not_lift_has_no_earliest_instant(fields, code):
    case = suppose_case(TUESDAY, **fields)

    assert held(case) == {code: None}
    assert earliest(case, now=TUESDAY) is None


@pytest.mark.parametrize(("has_written", "code"), [(True, "mailbox_gone"), (False, "no_mailbox")])
def test_without_its_mailbox_nothing_leaves(has_written, code):
    case = replace(suppose_case(TUESDAY), ledger=None, has_written=has_written)

    assert held(case) == {code: None}


def test_a_mailbox_that_is_stopped_says_why_where_that_is_known():
    told = [
        next(reasons(suppose_case(TUESDAY, ledger=suppose_ledger(**fields)), now=TUESDAY)).sentence
        for fields in (
            {"status": "broken", "status_reason": "The server refuses the password."},
            {"status": "paused", "status_reason": "by hand"},
            {"status": "paused"},
        )
    ]

    assert told == [
        "The mailbox is broken: The server refuses the password.",
        "The mailbox is paused: by hand.",
        "The mailbox is paused.",
    ]


def test_the_earliest_instant_lies_after_every_wait():
    back = datetime(2026, 12, 24, 18, tzinfo=UTC)
    case = suppose_case(TUESDAY + timedelta(days=3), paused_until=back)

    assert earliest(case, now=TUESDAY) == datetime(2026, 12, 28, 7, 30, tzinfo=UTC)


def test_the_earliest_instant_of_a_mail_that_nothing_holds_back_is_now():
    assert earliest(suppose_case(TUESDAY), now=TUESDAY) == TUESDAY


def test_a_follow_up_counts_on_its_inbox_being_read_when_its_hour_comes():
    ledger = suppose_ledger(read_at=TUESDAY)
    case = suppose_case(WEDNESDAY, ledger=ledger, step_index=1)

    assert held(case) == {"too_early": WEDNESDAY}
    assert earliest(case, now=TUESDAY) == WEDNESDAY
    assert held(case, WEDNESDAY) == {"inbox_stale": None}


def test_a_schedule_that_never_opens_again_has_no_earliest_instant():
    days = [date(2026, 11, 24) + timedelta(days=n) for n in range(900)]
    never = Schedule.from_json(DEFAULT_WINDOWS, blackout=days)
    case = suppose_case(TUESDAY, ledger=suppose_ledger(schedule=never))

    assert held(case) == {"no_window": None}
    assert earliest(case, now=TUESDAY) is None


def test_the_limit_that_is_reached_is_named_with_its_number():
    ledger = suppose_ledger(schedule=OFFICE, most_a_day=2)
    leave(ledger, 2)

    (reason,) = reasons(suppose_case(TUESDAY, ledger=ledger), now=TUESDAY)

    assert reason.sentence == "The mailbox sent its 2 today."


def test_the_documentation_names_every_reason_there_is():
    rows = re.findall(r"^\| (`[^|]+) \|", (settings.BASE_DIR / PAGE).read_text(), re.MULTILINE)
    documented = set(re.findall(r"`(\w+)`", " ".join(rows)))
    source = "".join(map(inspect.getsource, (rules, switches)))
    said = set(re.findall(r"(?:Reason|Switch)\(\s*\"(\w+)\"", source))
    closed = set(re.findall(r"_closed\(hours, now, \"(\w+)\"", source))
    states = {f"enrollment_{state}" for state in EnrollmentState if state != "active"}

    assert documented == said | closed | states
