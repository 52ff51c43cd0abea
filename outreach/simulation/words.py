"""What a simulation found, in sentences and as plain values."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from outreach.simulation.outcome import Hold, Outcome
from outreach.simulation.state import Options

HELD_BY = {
    "pace": "the pause between two mails",
    "daily_limit": "its daily limit",
    "domain_limit": "its limit to one domain",
    "outside_window": "its sending hours",
    "outside_campaign_window": "the campaign's hours",
    "contacted_recently": "another campaign that wrote within 90 days",
    "away": "the absence of the person",
}
ASSUMED = (
    "Counted as approved: what nobody has approved yet. Counted as read: every inbox."
    " Not foreseen: bounces, absences and whoever says no."
)


def sentences(outcome: Outcome, options: Options) -> Iterator[str]:
    """How much leaves and until when, what holds it back, and who is left out."""
    yield from in_short(outcome, options)
    yield from map(held, outcome.binding())
    yield from left_out(outcome)
    yield ASSUMED


def in_short(outcome: Outcome, options: Options) -> Iterator[str]:
    """How many mails leave to how many people, from when to when, and how many answer."""
    if not outcome.people:
        yield "Nobody in this campaign waits for a mail."
        return
    written = len({mail.position_id for mail in outcome.mails})
    left = _count(len(outcome.mails), "mail", "mails")
    yield f"{left} would leave to {written:,} of {_count(outcome.people, 'person', 'people')}."
    if outcome.mails:
        yield _from_when_to_when(outcome)
    if options.reply_rate:
        drawn = _count(outcome.replies, "answer is", "answers are")
        yield f"{drawn} drawn, at {options.reply_rate:.1%} of the mails."
    else:
        yield "Nobody is taken to answer."


def held(hold: Hold) -> str:
    """How one reason held a mailbox back."""
    return (
        f"{hold.mailbox} held {_count(hold.mails, 'mail', 'mails')} back by {reason(hold)},"
        f" for {hold.hours:,.0f} h on {_count(len(hold.days), 'day', 'days')}."
    )


def reason(hold: Hold) -> str:
    """What held mails back, in a few words."""
    return HELD_BY.get(hold.code, hold.sentence)


def _from_when_to_when(outcome: Outcome) -> str:
    days = outcome.by_day()
    busiest = max(days.values())
    spread = f"on {_count(len(days), 'day', 'days')}, at most {busiest:,} on one"
    first, last = (_told(outcome, outcome.mails[place].at) for place in (0, -1))
    if outcome.waiting:
        waits = _count(outcome.waiting, "person waits", "people wait")
        return f"From {first}, {spread}; when the time is up, {waits} for a mail still."
    return f"From {first} to {last}, {spread}."


def left_out(outcome: Outcome) -> Iterator[str]:
    """Who never hears from us, and who is not taken in, by reason."""
    never = outcome.never_written()
    reasons = Counter(each.sentence for each in never)
    for sentence, number in reasons.most_common():
        yield f"{_count(number, 'person', 'people')} would never be written to: {sentence}"
    for reason, number in outcome.left_out.items():
        yield f"{_count(number, 'person is', 'people are')} not taken in: {reason}."


def as_values(outcome: Outcome, options: Options, *, mails: bool = False) -> dict[str, Any]:
    """The outcome as programs take it; each mail only where that is asked for."""
    told: dict[str, Any] = {
        "began_at": outcome.began_at,
        "until": outcome.until,
        "ends_at": outcome.ends_at,
        "time_zone": str(outcome.zone),
        "days": options.days,
        "reply_rate": options.reply_rate,
        "seed": options.seed,
        "people": outcome.people,
        "mails": len(outcome.mails),
        "waiting": outcome.waiting,
        "replies": outcome.replies,
        "by_day": {str(day): number for day, number in outcome.by_day().items()},
        "by_mailbox": dict(outcome.by_mailbox()),
        "by_step": {str(index + 1): number for index, number in outcome.by_step().items()},
        "of_others": {str(day): number for day, number in sorted(outcome.others.items())},
        "held_back": [_hold(hold) for hold in outcome.binding()],
        "never_written": [
            {
                "position": each.position_id,
                "address": each.address,
                "code": each.code,
                "sentence": each.sentence,
            }
            for each in outcome.never_written()
        ],
        "left_out": dict(outcome.left_out),
    }
    if mails:
        told["each_mail"] = [
            {
                "at": each.at,
                "mailbox": each.mailbox,
                "step_index": each.step_index,
                "position": each.position_id,
                "address": each.address,
            }
            for each in outcome.mails
        ]
    return told


def _hold(hold: Hold) -> dict[str, Any]:
    return {
        "mailbox": hold.mailbox,
        "code": hold.code,
        "mails": hold.mails,
        "hours": round(hold.hours, 1),
        "days": len(hold.days),
    }


def _told(outcome: Outcome, instant: datetime) -> str:
    return f"{instant.astimezone(outcome.zone):%a %-d %b %Y, %H:%M}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
