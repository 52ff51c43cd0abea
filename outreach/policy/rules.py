"""Why a mail may not leave now, and when at the earliest it may: one small function a rule."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crm.querysets import SENDABLE
from outreach.calendar import NeverOpen, Schedule, is_open, next_opening
from outreach.policy.facts import Case, Ledger, domain_of
from outreach.states import (
    WAITING,
    CampaignStatus,
    DraftStatus,
    EnrollmentState,
    MailboxStatus,
)

QUIET_PERIOD = timedelta(days=90)
INBOX_FRESH_FOR = timedelta(minutes=15)
TRIES = 32  # every reason but the numbers of a day lifts once, so that a few are enough


@dataclass(frozen=True)
class Reason:
    """Something that holds a mail back; `until` is when it may lift by itself, UTC, if it may."""

    code: str
    sentence: str
    until: datetime | None = None


type Rule = Callable[[Case, datetime], Reason | None]


def reasons(case: Case, *, now: datetime) -> Iterator[Reason]:
    """The reasons one by one, so that a sender may stop asking after the first."""
    yield from (Reason(code, sentence) for code, sentence in case.switches)
    yield from _found(RULES, case, now)


def earliest(case: Case, *, now: datetime) -> datetime | None:
    """The next instant at or after `now` at which this mail may leave as things stand, in UTC.

    It is inside every window, on no closed day and within every limit. None while something
    holds the mail back that time alone does not lift, or where no window ever opens. A follow-up
    that waits only for its hour counts on its inbox being read by then.
    """
    held = list(reasons(case, now=now))
    instant = now.astimezone(UTC)
    for _ in range(TRIES):
        if not held:
            return instant
        lifting = [reason.until for reason in held if reason.until is not None]
        if len(lifting) < len(held):
            return None
        try:
            instant = _opening(case.hours, max(lifting))
        except NeverOpen:
            return None
        held = list(_found(OF_TIME, case, instant))
    return None


def _found(rules: Sequence[Rule], case: Case, now: datetime) -> Iterator[Reason]:
    return (reason for rule in rules if (reason := rule(case, now)) is not None)


def _opening(hours: Schedule | None, instant: datetime) -> datetime:
    return next_opening(hours, instant) if hours else instant.astimezone(UTC)


def _not_waiting(case: Case, now: datetime) -> Reason | None:
    if case.status in WAITING:
        return None
    return Reason("not_waiting", f"The task is {case.status}, not waiting.")


def _too_early(case: Case, now: datetime) -> Reason | None:
    if case.scheduled_for <= now:
        return None
    return Reason("too_early", "The step is not due yet.", case.scheduled_for)


def _campaign(case: Case, now: datetime) -> Reason | None:
    if case.campaign_status == CampaignStatus.RUNNING:
        return None
    return Reason("campaign_not_running", f"The campaign is {case.campaign_status}.")


def _step(case: Case, now: datetime) -> Reason | None:
    if case.step_is_active:
        return None
    return Reason("step_inactive", "The step was taken out of the campaign.")


def _enrollment(case: Case, now: datetime) -> Reason | None:
    state = case.enrollment_state
    if state == EnrollmentState.ACTIVE:
        return None
    return Reason(f"enrollment_{state}", f"The enrolment is {state}.")


def _away(case: Case, now: datetime) -> Reason | None:
    until = case.paused_until
    if until is None or until <= now:
        return None
    return Reason("away", "The person is away, or somebody paused the enrolment.", until)


def _unusable(case: Case, now: datetime) -> Reason | None:
    if not case.address or case.email_status not in SENDABLE:
        return Reason("address_unusable", f"The address is {case.email_status}.")
    if case.is_opposed:
        return Reason("company_opposed", "The company opposes prospecting (Sirene).")
    return None


def _suppressed(case: Case, now: datetime) -> Reason | None:
    if case.suppressions_fault:
        return Reason("suppressions_unreadable", case.suppressions_fault)
    if not case.suppression:
        return None
    return Reason("suppressed", f"The address is suppressed: {case.suppression}.")


def _answered(case: Case, now: datetime) -> Reason | None:
    """One voice from a company is enough: nobody there is written to any more."""
    return Reason("company_answered", "A colleague answered.") if case.company_answered else None


def _recently(case: Case, now: datetime) -> Reason | None:
    """No address is written to by two campaigns within 90 days."""
    if case.last_contact is None or case.last_contact <= now - QUIET_PERIOD:
        return None
    until = case.last_contact + QUIET_PERIOD
    return Reason("contacted_recently", "Another campaign wrote within 90 days.", until)


def _mailbox(case: Case, now: datetime) -> Reason | None:
    if case.ledger is not None:
        status, why = case.ledger.status, case.ledger.status_reason
        if status == MailboxStatus.ACTIVE:
            return None
        told = f"The mailbox is {status}: {why}" if why else f"The mailbox is {status}"
        return Reason("mailbox_stopped", f"{told.rstrip('.')}.")
    if case.has_written:
        return Reason("mailbox_gone", "The mailbox that wrote to this person was deleted.")
    return Reason("no_mailbox", "The campaign has no mailbox.")


def _health(case: Case, now: datetime) -> Reason | None:
    if case.ledger is None or not case.ledger.health:
        return None
    return Reason("mailbox_unhealthy", case.ledger.health)


def _inbox(case: Case, now: datetime) -> Reason | None:
    """A follow-up leaves only while we know that no answer has come, wherever it would."""
    if case.ledger is None or case.step_index == 0:
        return None
    oldest = now - INBOX_FRESH_FOR
    asked = (case.ledger.read_at, *case.other_inboxes)
    if all(read_at is not None and oldest <= read_at <= now for read_at in asked):
        return None
    return Reason("inbox_stale", "The inbox has not been read for 15 minutes.")


def _quota(case: Case, now: datetime) -> Reason | None:
    ledger = case.ledger
    if ledger is None or ledger.sent_at(now) < (limit := ledger.limit_at(now)):
        return None
    return Reason(
        "daily_limit", f"The mailbox sent its {limit} today.", _tomorrow(case, ledger, now)
    )


def _domain_quota(case: Case, now: datetime) -> Reason | None:
    ledger = case.ledger
    if ledger is None or ledger.domain_limit is None:
        return None
    domain = domain_of(case.address)
    if ledger.sent_to(domain, now) < ledger.domain_limit:
        return None
    sentence = f"The mailbox sent its {ledger.domain_limit} to {domain} today."
    return Reason("domain_limit", sentence, _tomorrow(case, ledger, now))


def _tomorrow(case: Case, ledger: Ledger, now: datetime) -> datetime:
    midnight = ledger.next_day(now)
    try:
        return _opening(case.hours, midnight)
    except NeverOpen:
        return midnight


def _pace(case: Case, now: datetime) -> Reason | None:
    if case.ledger is None or (until := case.ledger.pauses_until(now)) is None:
        return None
    if trouble := case.ledger.status_reason:
        return Reason("pace", f"The mailbox leaves its server alone for now. {trouble}", until)
    return Reason("pace", "The mailbox keeps a human pace.", until)


def _window(case: Case, now: datetime) -> Reason | None:
    if case.ledger is None:
        return None
    hours = case.mailbox_hours
    if hours is None:
        return Reason("no_window", case.ledger.schedule_fault)
    return _closed(hours, now, "outside_window", "It is outside office hours.")


def _campaign_window(case: Case, now: datetime) -> Reason | None:
    if case.windows_fault:
        return Reason("no_window", case.windows_fault)
    hours, both = case.campaign_hours, case.hours
    if hours is None or both is None:
        return None
    if not any(both.windows):
        return Reason(
            "no_window", "The campaign's windows and its mailbox's have no hour in common."
        )
    return _closed(hours, now, "outside_campaign_window", "It is outside the campaign's hours.")


def _closed(hours: Schedule, now: datetime, code: str, sentence: str) -> Reason | None:
    if is_open(hours, now):
        return None
    try:
        return Reason(code, sentence, next_opening(hours, now))
    except NeverOpen as error:
        return Reason("no_window", str(error))


def _unapproved(case: Case, now: datetime) -> Reason | None:
    if case.draft_status is None:
        return Reason("no_draft", "The mail is not written yet.")
    if case.draft_status != DraftStatus.APPROVED:
        return Reason("not_approved", "Nobody has approved the mail.")
    return None


def _changed(case: Case, now: datetime) -> Reason | None:
    if case.draft_status != DraftStatus.APPROVED or not case.changed:
        return None
    return Reason("changed_since_approval", case.changed)


OF_TIME: tuple[Rule, ...] = (
    _too_early,
    _away,
    _recently,
    _quota,
    _domain_quota,
    _pace,
    _window,
    _campaign_window,
)
"""The rules whose answer changes as time passes and nothing else happens."""

RULES: tuple[Rule, ...] = (
    _not_waiting,
    _too_early,
    _campaign,
    _step,
    _enrollment,
    _away,
    _unusable,
    _suppressed,
    _answered,
    _recently,
    _mailbox,
    _health,
    _inbox,
    _quota,
    _domain_quota,
    _pace,
    _window,
    _campaign_window,
    _unapproved,
    _changed,
)
