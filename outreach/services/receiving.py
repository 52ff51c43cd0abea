"""Hearing the answers: fetched, matched, understood, and obeyed before anything else is sent."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from outreach.calendar import add_working_days
from outreach.inbox import classifying
from outreach.inbox.bounces import Bounce
from outreach.inbox.imap import Fetched, fetch_new
from outreach.inbox.matching import Candidates, Trace, references
from outreach.inbox.reading import addresses, header, storable
from outreach.inbox.replies import new_text
from outreach.models import Mailbox, Message
from outreach.services.mailboxes import imap_account, move_mailbox, schedule_of
from outreach.services.stopping import opt_out, pause_until, stop, stop_company
from outreach.services.suppressing import suppress_address
from outreach.states import (
    Direction,
    EnrollmentState,
    MailboxStatus,
    MessageStatus,
    SuppressionReason,
    Verdict,
)
from prospectflow.choices import move
from prospectflow.tenancy.context import tenant

AWAY_BY_DEFAULT, AWAY_AT_MOST = timedelta(days=7), timedelta(days=60)
THREAD_LIFE = timedelta(days=90)


def read_mailbox(organisation_id: UUID, mailbox_id: UUID, *, now: datetime) -> list[UUID]:
    """Fetch what is new, write it down and act on it; returns the ids of the new messages.

    Raises ImapError (outreach.inbox.imap) when the mailbox cannot be read; the mailbox then
    counts as unread, and no follow-up leaves. Call it outside of a tenant scope.
    """
    with tenant(organisation_id):
        mailbox = Mailbox.objects.get(pk=mailbox_id)
        account, state = imap_account(mailbox), mailbox.folder_states
    fetched = list(fetch_new(account, state=state))
    with tenant(organisation_id):
        mailbox = Mailbox.objects.select_for_update().get(pk=mailbox_id)
        received = _receive_all(mailbox, fetched, now)
        mailbox.folder_states, mailbox.last_synced_at = state, now
        mailbox.save(update_fields=["folder_states", "last_synced_at"])
    return received


def _receive_all(mailbox: Mailbox, fetched: Iterable[Fetched], now: datetime) -> list[UUID]:
    return [
        message.pk for each in fetched if (message := receive(mailbox, each, now=now)) is not None
    ]


@transaction.atomic
def receive(mailbox: Mailbox, fetched: Fetched, *, now: datetime) -> Message | None:
    """Write one incoming mail down and act on it; None when it is known or our own."""
    mail = fetched.message
    if mail is None:
        return _unparsed(mailbox, fetched, now)
    identifier = header(mail, "Message-ID").strip() or None
    sender = next(iter(addresses(mail, "From")), "").lower()
    known = Message.objects.filter(
        direction=Direction.INBOUND, mailbox=mailbox, rfc822_message_id=identifier
    )
    if (identifier and known.exists()) or Mailbox.objects.filter(address=sender).exists():
        return None
    verdict = classifying.classify(mail, at=now)
    answered = match(mailbox, references(mail), now=now)
    message = Message.objects.create(
        direction=Direction.INBOUND,
        status=MessageStatus.RECEIVED,
        provider="imap",
        mailbox=mailbox,
        rfc822_message_id=identifier,
        in_reply_to=header(mail, "In-Reply-To").strip() or None,
        from_address=storable(sender)[:254],
        to_address=mailbox.address,
        subject=storable(header(mail, "Subject")),
        body_text=storable(new_text(mail)),
        raw=fetched.raw,
        verdict=verdict.kind.value,
        evidence=storable(verdict.evidence)[:500],
        received_at=now,
        **_belongs_to(answered),
    )
    if answered is not None:
        _obey(verdict, answered, message, now)
    return message


def _unparsed(mailbox: Mailbox, fetched: Fetched, now: datetime) -> Message:
    return Message.objects.create(
        direction=Direction.INBOUND,
        status=MessageStatus.RECEIVED,
        provider="imap",
        mailbox=mailbox,
        subject="(unreadable)",
        raw=fetched.raw,
        verdict=Verdict.AUTO_OTHER,
        evidence=fetched.problem,
        received_at=now,
    )


def _belongs_to(answered: Message | None) -> dict[str, object]:
    if answered is None:
        return {}
    return {
        "position_id": answered.position_id,
        "enrollment_id": answered.enrollment_id,
        "step_experiment_id": answered.step_experiment_id,
        "variant_id": answered.variant_id,
        "task_id": answered.task_id,
    }


def match(mailbox: Mailbox, traces: Candidates, *, now: datetime) -> Message | None:
    """The mail of ours that this one answers: by its ids, its tag, else by who wrote it."""
    sent = Message.objects.outbound().select_related("enrollment__position__company")
    for identifier in traces.message_ids:
        if found := sent.filter(rfc822_message_id=identifier).first():
            return found
    for tag in traces.of(Trace.ORIGINAL_TAG):
        if (key := _uuid(tag)) and (found := sent.filter(pk=key).first()):
            return found
    recent = sent.filter(mailbox=mailbox, sent_at__gte=now - THREAD_LIFE)
    return recent.filter(to_address__in=traces.of(Trace.SENDER)).order_by("-sent_at", "-id").first()


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _obey(verdict: classifying.Verdict, answered: Message, message: Message, now: datetime) -> None:
    if answered.enrollment is not None:
        ACTIONS.get(Verdict(verdict.kind.value), _nothing)(verdict, answered, message, now)


def _nothing(
    verdict: classifying.Verdict, answered: Message, message: Message, now: datetime
) -> None:
    """It is shown to people, and stops nothing."""


def _reply(
    verdict: classifying.Verdict, answered: Message, message: Message, now: datetime
) -> None:
    stop(answered.enrollment, EnrollmentState.REPLIED, reason="replied", at=now)
    stop_company(answered.enrollment, reason="a colleague replied", at=now)


def _away(verdict: classifying.Verdict, answered: Message, message: Message, now: datetime) -> None:
    """Back on the given day and one working day more; a week when no day is given."""
    schedule = schedule_of(answered.mailbox or message.mailbox)
    back = now + AWAY_BY_DEFAULT
    if verdict.returns_on is not None:
        morning = datetime.combine(verdict.returns_on, datetime.min.time(), schedule.zone)
        back = min(max(morning, now), now + AWAY_AT_MOST)
    pause_until(answered.enrollment, add_working_days(schedule, back, 1), at=now)


def _bounced(
    verdict: classifying.Verdict, answered: Message, message: Message, now: datetime
) -> None:
    kind = _kind_for(verdict.bounce, answered.to_address)
    if kind == "hard":
        _hard(answered, message, now)
    elif kind in {"block", "config"} and message.mailbox is not None:
        move_mailbox(message.mailbox, MailboxStatus.PAUSED, reason=message.evidence)


def _kind_for(bounce: Bounce | None, address: str) -> str:
    """What a report says of this address; of others it proves nothing, whoever sent it."""
    if bounce is None:
        return ""
    kinds = {each.address.lower(): each.kind for each in bounce.recipients}
    return kinds.get(address, "") if kinds else bounce.kind


def _hard(answered: Message, message: Message, now: datetime) -> None:
    if MessageStatus.BOUNCED in Message.MOVES[answered.status]:
        move(answered, "status", MessageStatus.BOUNCED, Message.MOVES)
        answered.save(update_fields=["status"])
    reason = f"bounced: {message.evidence}"
    stop(answered.enrollment, EnrollmentState.BOUNCED, reason=reason, at=now)
    _suppress(answered, SuppressionReason.BOUNCED, message, now)


def _suppress(
    answered: Message, reason: SuppressionReason, message: Message, now: datetime
) -> None:
    suppress_address(answered.to_address, reason=reason, source=f"mail {message.pk}", at=now)


def _complained(
    verdict: classifying.Verdict, answered: Message, message: Message, now: datetime
) -> None:
    if verdict.complaint is not None and verdict.complaint.counts:
        _opted_out(SuppressionReason.COMPLAINT, answered, message, now)


def _objected(
    verdict: classifying.Verdict, answered: Message, message: Message, now: datetime
) -> None:
    """A clear no counts for good and for the company; an unclear one waits for a person."""
    if verdict.doubtful:
        stop(answered.enrollment, EnrollmentState.REPLIED, reason="objects, perhaps", at=now)
    else:
        _opted_out(SuppressionReason.OBJECTION, answered, message, now)
    stop_company(answered.enrollment, reason="a colleague objected", at=now)


def _opted_out(
    reason: SuppressionReason, answered: Message, message: Message, now: datetime
) -> None:
    opt_out(answered.to_address, reason=reason, source=f"mail {message.pk}", at=now)
    if message.from_address and message.from_address != answered.to_address:
        opt_out(message.from_address, reason=reason, source=f"mail {message.pk}", at=now)


def _left(verdict: classifying.Verdict, answered: Message, message: Message, now: datetime) -> None:
    stop(answered.enrollment, EnrollmentState.FINISHED, reason="left the company", at=now)
    _suppress(answered, SuppressionReason.LEFT_COMPANY, message, now)


type Action = Callable[[classifying.Verdict, Message, Message, datetime], None]
ACTIONS: dict[Verdict, Action] = {
    Verdict.REPLY: _reply,
    Verdict.OUT_OF_OFFICE: _away,
    Verdict.BOUNCE: _bounced,
    Verdict.COMPLAINT: _complained,
    Verdict.OBJECTION: _objected,
    Verdict.LEFT_COMPANY: _left,
}
