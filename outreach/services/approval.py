"""A person stands for exactly what will be sent; any change takes the approval away."""

from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction

from crm.models import Position
from iam.models import Organisation
from iam.services import record
from outreach.calendar import zone_named
from outreach.mail import content_hash, footer, to_html, wire_address
from outreach.mail.body import Source
from outreach.models import Draft, Enrollment, Mailbox, Task
from outreach.services.consents import may_track_opens
from outreach.services.drafting import found_problems
from outreach.services.planning import plan_next
from outreach.states import WAITING, DraftStatus, MessageStatus, TaskStatus
from outreach.tokens import token
from prospectflow.choices import move
from prospectflow.errors import DomainError

if TYPE_CHECKING:
    from iam.models import User

UNSUBSCRIBE, OPEN = "unsubscribe", "open"
RENDERED_FROM = ("task__campaign", "task__enrollment__mailbox", "task__enrollment__position")
"""The rows that `rendered` looks at besides the draft; who renders many joins them beforehand."""


class DraftNotReady(DomainError):
    """The gates found errors: mend the text before it is approved."""


class AlreadySent(DomainError):
    """This mail has left; its text can no longer be changed."""


class Rendered(NamedTuple):
    """Exactly what the recipient will see, its SHA-256, and the way out that it names."""

    sender: str
    recipient: str
    subject: str
    text: str
    html: str
    hash: str
    unsubscribe_url: str


def rendered(
    draft: Draft, *, identity: Organisation | None = None, tracks: bool | None = None
) -> Rendered:
    """The draft as it would leave now: body, signature, legal footer, pixel if consented to.

    Asks the database nothing where the draft came with RENDERED_FROM and both options are given:
    the organisation, and whether this mail may carry a pixel.
    Raises FooterRefused (outreach.mail.body) while the organisation's identity is incomplete.
    """
    mailbox = draft.task.enrollment.mailbox
    if mailbox is None:
        raise DraftNotReady(f"{draft.task.campaign} has no mailbox to send from.")
    body = f"{draft.body_text.strip()}\n\n{mailbox.signature.strip()}".strip()
    identity = identity or Organisation.objects.get(pk=draft.organisation_id)
    way_out = unsubscribe_url(draft)
    foot_text, foot_html = footer(identity, _source(draft, mailbox), way_out)
    tracks = may_track_opens(draft.task) if tracks is None else tracks
    sender = f"{mailbox.display_name} <{mailbox.address}>"
    text = f"{body}\n\n{foot_text}"
    html = f"{to_html(body)}\n{foot_html}{_pixel(draft) if tracks else ''}"
    mark = content_hash(
        sender=sender, recipient=draft.recipient, subject=draft.subject, text=text, html=html
    )
    return Rendered(sender, draft.recipient, draft.subject, text, html, mark, way_out)


@transaction.atomic
def approve(draft: Draft, *, at: datetime, user: "User | None" = None, rule: str = "") -> Draft:
    """A person, or a rule that is named, stands for this text; DraftNotReady when gates refuse.

    The mail goes to where the person is now. Raises AlreadySent once it has left.
    """
    draft = locked(draft)
    if draft.messages.exists():
        raise AlreadySent
    draft.recipient = draft.task.enrollment.position.email or ""
    wire_address(draft.recipient)
    draft.problems = found_problems(draft.task, draft.subject, draft.body_text)
    if errors := [each for each in draft.problems if each["level"] == "error"]:
        raise DraftNotReady(errors[0]["sentence"])
    if draft.status != DraftStatus.APPROVED:
        move(draft, "status", DraftStatus.APPROVED, Draft.MOVES)
    draft.approved_hash = rendered(draft).hash
    draft.approved_at, draft.approved_by, draft.approved_rule = at, user, rule
    draft.save()
    return draft


@transaction.atomic
def edit(draft: Draft, *, subject: str, body_text: str, at: datetime, user: "User | None") -> Draft:
    """Change the text, keep what it was, and take any approval away.

    A mail that the server refused for now is withdrawn. Raises AlreadySent once it has left.
    """
    draft = locked(draft)
    _refuse_sent(draft)
    subject = " ".join(subject.split())
    if (subject, body_text) == (draft.subject, draft.body_text):
        return draft
    _withdraw(draft)
    before = {"subject": draft.subject, "body_text": draft.body_text}
    by = str(user.pk) if user else ""
    draft.edits = [*draft.edits, {"at": at.isoformat(), "by": by, "before": before}]
    draft.subject, draft.body_text = subject, body_text
    draft.problems = found_problems(draft.task, subject, body_text)
    unapprove(draft)
    record("saved", at=at, user=user, target=draft)
    return draft


def unapprove(draft: Draft) -> None:
    """Nobody stands for this text any more."""
    if draft.status != DraftStatus.PENDING:
        move(draft, "status", DraftStatus.PENDING, Draft.MOVES)
    draft.approved_hash = draft.approved_at = draft.approved_by = None
    draft.approved_rule = ""
    draft.save()


@transaction.atomic
def skip(draft: Draft, *, at: datetime, user: "User | None") -> Draft:
    """Put the draft at the end of the queue; it stays to be reviewed."""
    draft = locked(draft)
    draft.skip_count += 1
    draft.save(update_fields=["skip_count"])
    record("skipped", at=at, user=user, target=draft)
    return draft


@transaction.atomic
def reject(draft: Draft, *, at: datetime, user: "User | None") -> Draft:
    """This mail is not to be sent at all: the sequence goes on without it, or ends.

    A mail that the server refused for now is withdrawn. Raises AlreadySent once it has left.
    """
    draft = locked(draft)
    _refuse_sent(draft)
    _withdraw(draft)
    draft.approved_hash = draft.approved_at = draft.approved_by = None
    move(draft, "status", DraftStatus.SKIPPED, Draft.MOVES)
    draft.save()
    if draft.task.status in WAITING:
        move(draft.task, "status", TaskStatus.SKIPPED, Task.MOVES)
        plan_next(draft.task, now=at)
        draft.task.save(update_fields=["status", "last_error"])
    return draft


def _refuse_sent(draft: Draft) -> None:
    """A message of a task that is scheduled has not left: it waits for another try."""
    if draft.task.status not in WAITING and draft.messages.exists():
        raise AlreadySent


def _withdraw(draft: Draft) -> None:
    """Forget a mail that only ever was refused."""
    draft.messages.filter(status=MessageStatus.QUEUED).delete()


def unsubscribe_url(draft: Draft) -> str:
    """The recipient's one-click way out, good for ever."""
    return f"{settings.PUBLIC_URL}/u/{token(UNSUBSCRIBE, draft.task_id)}"


def pixel_url(task_id: UUID) -> str:
    """The picture whose loading says that the mail of this task was opened."""
    return f"{settings.PUBLIC_URL}/t/{token(OPEN, task_id)}.gif"


def _pixel(draft: Draft) -> str:
    return f'\n<img src="{pixel_url(draft.task_id)}" width="1" height="1" alt="">'


def _source(draft: Draft, mailbox: Mailbox) -> Source:
    """Where the address came from and when, as the law wants it said (GDPR, article 14)."""
    position = draft.task.enrollment.position
    fact = position.source_of("email") or {}
    day = fact.get("at")
    return Source(
        name=_NAMES.get(fact.get("source", ""), fact.get("source") or "notre fichier"),
        collected_on=date.fromisoformat(day[:10]) if day else _day_made(position, mailbox),
    )


def _day_made(position: Position, mailbox: Mailbox) -> date:
    """The day on which the address came to us, where the mailbox is."""
    return position.created_at.astimezone(zone_named(mailbox.time_zone)).date()


_A_FILE = "un fichier professionnel"
_NAMES = {
    "pharow": "Pharow",
    **dict.fromkeys(("file", "generic", "items"), _A_FILE),
    "hand": "notre carnet d’adresses",
}


def locked(draft: Draft) -> Draft:
    """The draft, locked after its enrolment and its task as everywhere."""
    enrollments = Enrollment.objects.select_for_update(no_key=True, of=["self"])
    enrollments.filter(tasks=draft.task_id).first()
    task = Task.objects.select_for_update(no_key=True).get(pk=draft.task_id)
    draft = Draft.objects.select_for_update().get(pk=draft.pk)
    draft.task = task
    return draft
