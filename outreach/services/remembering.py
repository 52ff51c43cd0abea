"""Writing down mails that left although this database has forgotten it."""

from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

from django.db import transaction

from outreach.inbox.fetching import Fetched
from outreach.inbox.reading import addresses, header, storable
from outreach.inbox.sent_folder import Head
from outreach.mail import content_hash
from outreach.models import Draft, Message, Task
from outreach.services.approval import UNSUBSCRIBE
from outreach.services.sending import freeze
from outreach.states import Direction, DraftStatus
from outreach.tokens import digest, token
from prospectflow.choices import move
from prospectflow.errors import DomainError

FOUND_RULE = "found among the sent mails"


class ChangedSince(DomainError):
    """The mail is not any more what was approved."""


def remember_as_approved(task: Task, *, at: datetime) -> Message | None:
    """The mail of this task as it was approved, `queued`; None where it cannot be known."""
    draft = Draft.objects.filter(task=task, status=DraftStatus.APPROVED).first()
    if draft is None:
        return None
    try:
        with transaction.atomic():
            message = freeze(task, now=at)
            if message.content_hash != draft.approved_hash:
                raise ChangedSince
    except DomainError:
        return None
    return Message.objects.get(pk=message.pk)


def remember(task: Task, fetched: Fetched, *, now: datetime) -> Message:
    """The mail that was found, written down as the mail of this task, `queued`.

    Its answers find it, and its link to unsubscribe works.
    """
    mail = fetched.message
    assert isinstance(mail, EmailMessage), "only a mail that was understood is found"  # noqa: S101
    text, html = _body(mail, "plain"), _body(mail, "html")
    subject = storable(header(mail, "Subject"))
    recipient = next(iter(addresses(mail, "To")), "").lower()
    said = content_hash(
        sender=header(mail, "From"), recipient=recipient, subject=subject, text=text, html=html
    )
    return Message.objects.create(
        direction=Direction.OUTBOUND,
        task=task,
        draft=_draft_of(task, recipient, subject, text, said, now),
        enrollment_id=task.enrollment_id,
        position_id=task.enrollment.position_id,
        mailbox_id=task.mailbox_id,
        rfc822_message_id=header(mail, "Message-ID").strip().lower(),
        in_reply_to=header(mail, "In-Reply-To").strip() or None,
        references=header(mail, "References").split(),
        content_hash=said,
        unsubscribe_digest=digest(token(UNSUBSCRIBE, task.pk)),
        from_address=next(iter(addresses(mail, "From")), "").lower(),
        to_address=recipient,
        subject=subject,
        body_text=text,
        body_html=html,
        raw=fetched.raw,
        sent_at=date_of(fetched) or now,
    )


def date_of(fetched: Fetched | Head) -> datetime | None:
    """When the mail says that it was made, else when the server put it there; UTC."""
    try:
        said = parsedate_to_datetime(header(fetched.message, "Date")) if fetched.message else None
    except ValueError:
        said = None
    if said is None or said.tzinfo is None:
        return fetched.received_at
    return said.astimezone(UTC)


def _draft_of(  # noqa: PLR0913
    task: Task, recipient: str, subject: str, text: str, said: str, now: datetime
) -> Draft:
    """Its draft, as somebody must have approved it: a message never stands without one."""
    draft = Draft.objects.filter(task=task).first()
    draft = draft or Draft(task=task, recipient=recipient, subject=subject, body_text=text)
    if draft.status != DraftStatus.APPROVED:
        move(draft, "status", DraftStatus.APPROVED, Draft.MOVES)
        draft.approved_by, draft.approved_rule = None, FOUND_RULE
    draft.approved_hash, draft.approved_at = said, now
    draft.save()
    return draft


def _body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return storable(part.get_content()).replace("\r\n", "\n") if part else ""
