"""Hearing the answers: fetched, matched, understood, and obeyed before anything else is sent."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from socket import create_connection
from typing import Any
from uuid import UUID

from django.db import transaction

from outreach.calendar import add_working_days
from outreach.inbox import classifying
from outreach.inbox.bounces import Bounce
from outreach.inbox.fetching import Fetched
from outreach.inbox.imap import fetch_new
from outreach.inbox.matching import Candidates, Trace, references
from outreach.inbox.reading import addresses, header, storable
from outreach.inbox.replies import new_text
from outreach.models import Mailbox, Message
from outreach.services.mailboxes import imap_account, move_mailbox, schedule_of
from outreach.services.stopping import (
    hold_company,
    opt_out,
    opt_out_recipient,
    pause_until,
    stop,
    stop_company,
)
from outreach.services.suppressing import suppress_address
from outreach.services.webhooks import announce_enrollment
from outreach.states import (
    Direction,
    EnrollmentState,
    MailboxStatus,
    MessageKind,
    MessageStatus,
    SuppressionReason,
    WebhookEvent,
)
from prospectflow.choices import move
from prospectflow.deadlines import Dial
from prospectflow.tenancy.among import Words
from prospectflow.tenancy.context import tenant

AWAY_BY_DEFAULT, AWAY_AT_MOST = timedelta(days=7), timedelta(days=60)
THREAD_LIFE = timedelta(days=90)
LONGEST_ID = 998  # bytes of a line (RFC 5322, 2.1.1); an index takes little more


def read_mailbox(
    organisation_id: UUID, mailbox_id: UUID, *, now: datetime, dial: Dial = create_connection
) -> list[UUID]:
    """Fetch what is new, write it down and act on it; returns the ids of the new messages.

    Each mail is kept and obeyed before the next is fetched. Raises ImapError
    (outreach.inbox.imap) when the mailbox cannot be read to the end; it then counts as unread,
    and no follow-up leaves. Call it outside of a tenant scope.
    """
    with tenant(organisation_id):
        mailbox = Mailbox.objects.get(pk=mailbox_id)
        account, state = replace(imap_account(mailbox), dial=dial), mailbox.folder_states
    received = []
    for fetched in fetch_new(account, state=state, since=(now - THREAD_LIFE).date()):
        with tenant(organisation_id):
            message = receive(_advance(mailbox_id, folder_states=state), fetched, now=now)
        if message is not None:
            received.append(message.pk)
    with tenant(organisation_id):
        _advance(mailbox_id, folder_states=state, last_synced_at=now)
    return received


def _advance(mailbox_id: UUID, **fields: Any) -> Mailbox:
    """The mailbox with how far it has been read, locked against another reader."""
    mailbox = Mailbox.objects.select_for_update().get(pk=mailbox_id)
    for name, value in fields.items():
        setattr(mailbox, name, value)
    mailbox.save(update_fields=list(fields))
    return mailbox


@transaction.atomic
def receive(mailbox: Mailbox, fetched: Fetched, *, now: datetime) -> Message | None:
    """Write one incoming mail down and act on it; None when it is known or our own."""
    mail = fetched.message
    marks = _marks(mailbox, fetched)
    if Message.objects.filter(direction=Direction.INBOUND, mailbox=mailbox, **marks).exists():
        return None
    if mail is None:
        return _unparsed(mailbox, fetched, marks, now)
    sender = next(iter(addresses(mail, "From")), "").lower()
    if Mailbox.objects.filter(address=sender).exists():
        return None
    verdict = classifying.classify(mail, at=now)
    answered = match(mailbox, references(mail), now=now) or _reported(mailbox, verdict, now)
    message = Message.objects.create(
        direction=Direction.INBOUND,
        status=MessageStatus.RECEIVED,
        provider="imap",
        mailbox=mailbox,
        in_reply_to=header(mail, "In-Reply-To").strip() or None,
        from_address=storable(sender)[:254],
        to_address=mailbox.address,
        subject=storable(header(mail, "Subject")),
        body_text=storable(new_text(mail)),
        raw=fetched.raw,
        verdict=verdict.kind,
        evidence=storable(f"{verdict.evidence} {fetched.problem}").strip()[:500],
        received_at=now,
        **marks,
        **_belongs_to(answered),
    )
    _obey(verdict, answered, message, now)
    return message


def _marks(mailbox: Mailbox, fetched: Fetched) -> dict[str, str]:
    """By what a mail is known again: its Message-ID, or its bytes where that cannot serve."""
    identifier = header(fetched.message, "Message-ID").strip() if fetched.message else ""
    if 0 < len(identifier.encode()) <= LONGEST_ID:
        return {"rfc822_message_id": identifier}
    return {"provider_message_id": f"{mailbox.pk}:{sha256(fetched.raw).hexdigest()}"}


def _unparsed(mailbox: Mailbox, fetched: Fetched, marks: dict[str, str], now: datetime) -> Message:
    return Message.objects.create(
        direction=Direction.INBOUND,
        status=MessageStatus.RECEIVED,
        provider="imap",
        mailbox=mailbox,
        subject="(unreadable)",
        raw=fetched.raw,
        verdict=MessageKind.AUTO_OTHER,
        evidence=fetched.problem,
        received_at=now,
        **marks,
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
    return _newest_to(traces.of(Trace.SENDER), mailbox, now)


def _reported(mailbox: Mailbox, verdict: classifying.Verdict, now: datetime) -> Message | None:
    """The mail of ours that a report means which names an address, and no mail at all."""
    if report := verdict.bounce or verdict.complaint:
        if report.original_message_ids or report.original_tags:
            return None  # it means another mail, which somebody sent in our name
        named = [each if isinstance(each, str) else each.address for each in report.recipients]
        return _newest_to(named, mailbox, now)
    return None


def _newest_to(named: list[str], mailbox: Mailbox, now: datetime) -> Message | None:
    sent = Message.objects.outbound().select_related("enrollment__position__company")
    recent = sent.filter(mailbox=mailbox, sent_at__gte=now - THREAD_LIFE)
    return recent.filter(to_address__among=Words(named)).order_by("-sent_at", "-id").first()


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _obey(
    verdict: classifying.Verdict, answered: Message | None, message: Message, now: datetime
) -> None:
    kind = verdict.kind
    if answered is not None and answered.enrollment is not None:
        hold_company(answered.enrollment)
        ACTIONS.get(kind, _nothing)(verdict, answered, message, now)
    elif answered is not None and kind in OF_AN_ADDRESS:
        ACTIONS[kind](verdict, answered, message, now)
    elif kind == MessageKind.OBJECTION and not verdict.doubtful:
        _say_no(answered, message, now)


def _nothing(
    verdict: classifying.Verdict, answered: Message, message: Message, now: datetime
) -> None:
    """It is shown to people, and stops nothing."""


def _reply(
    verdict: classifying.Verdict, answered: Message, message: Message, now: datetime
) -> None:
    """A reply ends the sequence, and the company's, unless the step says to go on after one."""
    if answered.task is not None and not answered.task.workflow_step.exit_on_reply:
        announce_enrollment(WebhookEvent.REPLIED, answered.enrollment, at=now)
        return
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
    if answered.enrollment is not None:
        stop(answered.enrollment, EnrollmentState.BOUNCED, reason=reason, at=now)
    _suppress(answered, SuppressionReason.BOUNCED, message, now)


def _suppress(
    answered: Message, reason: SuppressionReason, message: Message, now: datetime
) -> None:
    suppress_address(answered.to_address, reason=reason, source=f"mail {message.pk}", at=now)


def _complained(
    verdict: classifying.Verdict, answered: Message, message: Message, now: datetime
) -> None:
    """Whoever calls a mail abuse has objected (RFC 5965); the report's sender is a provider."""
    source = f"mail {message.pk}"
    opt_out_recipient(answered, reason=SuppressionReason.COMPLAINT, source=source, at=now)
    if answered.enrollment is not None:
        stop_company(answered.enrollment, reason="a colleague complained", at=now)


def _objected(
    verdict: classifying.Verdict, answered: Message, message: Message, now: datetime
) -> None:
    """A clear no counts for good and for the company; an unclear one waits for a person."""
    if verdict.doubtful:
        stop(answered.enrollment, EnrollmentState.REPLIED, reason="objects, perhaps", at=now)
    else:
        _say_no(answered, message, now)
    stop_company(answered.enrollment, reason="a colleague objected", at=now)


def _say_no(answered: Message | None, message: Message, now: datetime) -> None:
    """A no counts for whom we wrote to and for who says it, known to us or not (GDPR, 21)."""
    reason, source = SuppressionReason.OBJECTION, f"mail {message.pk}"
    if answered is not None:
        opt_out_recipient(answered, reason=reason, source=source, at=now)
    if message.from_address:
        opt_out(message.from_address, reason=reason, source=source, at=now)


def _left(verdict: classifying.Verdict, answered: Message, message: Message, now: datetime) -> None:
    if answered.enrollment is not None:
        stop(answered.enrollment, EnrollmentState.FINISHED, reason="left the company", at=now)
    _suppress(answered, SuppressionReason.LEFT_COMPANY, message, now)


type Action = Callable[[classifying.Verdict, Message, Message, datetime], None]
ACTIONS: dict[MessageKind, Action] = {
    MessageKind.REPLY: _reply,
    MessageKind.OUT_OF_OFFICE: _away,
    MessageKind.BOUNCE: _bounced,
    MessageKind.COMPLAINT: _complained,
    MessageKind.OBJECTION: _objected,
    MessageKind.LEFT_COMPANY: _left,
}
OF_AN_ADDRESS = frozenset({MessageKind.BOUNCE, MessageKind.COMPLAINT, MessageKind.LEFT_COMPANY})
"""What counts also where the mail's enrolment was deleted, or forgotten in a restore."""
