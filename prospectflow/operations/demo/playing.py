"""Fifteen working days in well under a minute: the workers' own jobs over virtual time."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import count
from uuid import UUID

from crm.models import Position
from outreach.calendar import Schedule, add_working_days, is_open, next_opening
from outreach.models import Campaign, Draft, Enrollment, Mailbox, Message
from outreach.services.approval import approve
from outreach.services.campaigns import enroll, start
from outreach.services.mailboxes import schedule_of
from prospectflow import jobs
from prospectflow.operations.demo.recipients import Recipients
from prospectflow.tenancy.context import tenant

DAYS = 15
READ_EVERY = timedelta(minutes=15)
RULE = "demo: every text without an error of the gates"
LAST_READ = time(18, 0)
DRAFTS_A_DAY = 44  # a few more than may leave, since some people stop in the meantime
LEFT = 20


@dataclass
class Play:
    """The state of the play: whose campaign, when the inbox was read, what was heard."""

    organisation_id: UUID
    mailbox_id: UUID
    schedule: Schedule
    recipients: Recipients
    read_at: datetime | None = None
    heard: dict[str, datetime] = field(default_factory=dict)
    approved: int = 0
    sent: int = 0

    def day(self, opening: datetime) -> None:
        """One working day: approve in the morning, send at a human pace, read until evening."""
        self._prepare(opening)
        now, limit_reached = opening, False
        while is_open(self.schedule, now) and not limit_reached:
            self._read(now)
            sent = self._send(now)
            self.sent += len(sent)
            limit_reached = not sent
            now = self._next_send(now)
        self._read(_evening(self.schedule, opening), due=True)
        jobs.count(self.organisation_id, now=now)

    def _prepare(self, now: datetime) -> None:
        self._read(now, due=True)
        jobs.write_due_drafts(
            self.organisation_id, now=now, ahead=timedelta(hours=12), limit=DRAFTS_A_DAY
        )
        with tenant(self.organisation_id):
            for draft in Draft.objects.to_review().select_related("task__enrollment"):
                if not any(each["level"] == "error" for each in draft.problems):
                    approve(draft, at=now, rule=RULE)
                    self.approved += 1

    def _send(self, now: datetime) -> list[Message]:
        return jobs.send_due(self.organisation_id, clock=lambda: now, worker="demo")

    def _read(self, now: datetime, *, due: bool = False) -> None:
        """Let the recipients live until now, then hear what they said; every quarter of an hour."""
        if not due and self.read_at is not None and now - self.read_at < READ_EVERY:
            return
        self.recipients.live(now)
        jobs.read_inboxes(self.organisation_id, now=now)
        self.read_at = now
        self._note_stops(now)

    def _note_stops(self, now: datetime) -> None:
        with tenant(self.organisation_id):
            stopped = Enrollment.objects.filter(
                state__in=["replied", "bounced", "unsubscribed"]
            ).values_list("position__email", flat=True)
            for address in filter(None, stopped):
                self.heard.setdefault(
                    address, min(now, self.recipients.opted_out.get(address, now))
                )

    def _next_send(self, now: datetime) -> datetime:
        with tenant(self.organisation_id):
            planned = Mailbox.objects.get(pk=self.mailbox_id).next_send_at
        return max(planned or now, now + timedelta(seconds=1))


def first_morning(schedule: Schedule, today: date) -> datetime:
    """The opening from which fifteen working days end before today."""
    midnight = datetime.combine(today, time.min, schedule.zone)
    back = (next_opening(schedule, midnight - timedelta(days=days)) for days in count(1))
    return next(
        morning for morning in back if add_working_days(schedule, morning, DAYS - 1) < midnight
    )


def open_campaign(campaign: Campaign, *, at: datetime) -> int:
    """Take in every position that may be written to, and start; returns how many."""
    enrollments = enroll(campaign, Position.objects.sendable(), at=at)
    start(campaign, at=at)
    return len(enrollments)


def perform(play: Play, morning: datetime) -> datetime:
    """Play all fifteen working days; returns the evening of the last."""
    opening = morning
    for day in range(DAYS):
        opening = add_working_days(play.schedule, morning, day) if day else morning
        play.day(opening)
    evening = _evening(play.schedule, opening)
    leave_work(play, evening)
    return evening


def leave_work(play: Play, now: datetime) -> None:
    """Some drafts nobody has approved yet, for whoever opens the console afterwards."""
    jobs.write_due_drafts(play.organisation_id, now=now, ahead=timedelta(days=4), limit=LEFT)


def make_play(organisation_id: UUID, recipients: Recipients) -> Play:
    """A play for the one campaign of this organisation."""
    with tenant(organisation_id):
        mailbox = Mailbox.objects.get()
        return Play(organisation_id, mailbox.pk, schedule_of(mailbox), recipients)


def _evening(schedule: Schedule, instant: datetime) -> datetime:
    local = instant.astimezone(schedule.zone)
    return datetime.combine(local.date(), LAST_READ, schedule.zone)
