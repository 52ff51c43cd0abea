"""A person decides on a mail: what is approved is what was seen, and nothing else moves."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from outreach.models import Draft
from outreach.services import approval
from outreach.services.approval import Rendered
from outreach.states import DraftStatus
from prospectflow.errors import DomainError

if TYPE_CHECKING:
    from iam.models import User


class ChangedMeanwhile(DomainError):
    """This mail is not the one you were looking at any more: read it again, then decide."""


class DraftUnknown(DomainError):
    """There is no such draft."""


@dataclass(frozen=True)
class Typed:
    """The text that a person typed over the mail that they saw, which its hash names."""

    seen: str
    subject: str
    body_text: str


def preview(draft: Draft) -> tuple[Rendered | None, str]:
    """The exact mail, or the sentence that says why there is none yet.

    One that nobody approved yet would go to where the person is now.
    """
    seen = copy(draft)
    if draft.status != DraftStatus.APPROVED:
        seen.recipient = draft.task.enrollment.position.email or ""
    try:
        return approval.rendered(seen), ""
    except DomainError as refusal:
        return None, str(refusal)


@transaction.atomic
def approve(draft: Draft, *, seen: str, at: datetime, user: "User | None") -> Draft:
    """Stand for the mail whose hash was seen; ChangedMeanwhile when it is another by now."""
    approved = approval.approve(draft, at=at, user=user)
    if approved.approved_hash != seen:
        raise ChangedMeanwhile
    return approved


@transaction.atomic
def save(draft: Draft, typed: Typed, *, at: datetime, user: "User | None") -> Draft:
    """Keep the text as it was typed; ChangedMeanwhile when another mail stands there by now."""
    _same(draft, typed.seen)
    return approval.edit(draft, subject=typed.subject, body_text=typed.body_text, at=at, user=user)


@transaction.atomic
def approve_as_typed(draft: Draft, typed: Typed, *, at: datetime, user: "User | None") -> Draft:
    """Stand for the text as it was typed, sent to where the mail that was seen would have gone."""
    mail = _same(draft, typed.seen)
    draft = save(draft, typed, at=at, user=user)
    approved = approval.approve(draft, at=at, user=user)
    if mail and approved.recipient != mail.recipient:
        raise ChangedMeanwhile
    return approved


def decide_each(
    decision: str, seen: Mapping[UUID, str], *, at: datetime, user: "User | None"
) -> dict[UUID, DomainError | None]:
    """Approve, skip or reject each draft by itself; what refused it, or nothing, for each.

    `seen` names the drafts and, for approving, the hash of the mail that was seen.
    """
    outcomes: dict[UUID, DomainError | None] = dict.fromkeys(seen, DraftUnknown())
    drafts = Draft.objects.filter(pk__in=seen).select_related(*approval.RENDERED_FROM)
    for draft in drafts.order_by("task__enrollment_id"):  # as whoever locks several enrolments
        outcomes[draft.pk] = None
        try:
            _decide(draft, decision, seen[draft.pk], at, user)
        except DomainError as refusal:
            outcomes[draft.pk] = refusal
    return outcomes


def _decide(draft: Draft, decision: str, seen: str, at: datetime, user: "User | None") -> None:
    if decision == "approve":
        approve(draft, seen=seen, at=at, user=user)
    elif decision == "skip":
        approval.skip(draft, at=at, user=user)
    else:
        approval.reject(draft, at=at, user=user)


def _same(draft: Draft, seen: str) -> Rendered | None:
    mail, _refusal = preview(approval.locked(draft))
    if mail and mail.hash != seen:
        raise ChangedMeanwhile
    return mail
