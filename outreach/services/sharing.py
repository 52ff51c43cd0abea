"""The mailboxes of a campaign, and which of them writes to which company."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from itertools import batched
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from iam.services import record
from outreach.models import Campaign, CampaignMailbox, Draft, Enrollment, Mailbox, Message, Task
from outreach.services.rewriting import send_to_review, write_anew
from outreach.sharing import mailbox_of
from outreach.states import OPEN, TaskStatus

if TYPE_CHECKING:
    from iam.models import User

AT_ONCE = 5_000
LEFT = (TaskStatus.TRANSMITTING, TaskStatus.SENT, TaskStatus.UNKNOWN)
WRITTEN = Exists(Message.objects.outbound().filter(enrollment=OuterRef("pk"))) | Exists(
    Task.objects.filter(enrollment=OuterRef("pk"), status__in=LEFT)  # a restore forgets the mail
)
APPROVED = Exists(Task.objects.filter(enrollment=OuterRef("pk"), is_approved=True, status__in=OPEN))


def shares_of(campaign: Campaign) -> dict[UUID, int]:
    """Mailbox -> weight: the campaign's own, of weight 1 unless a row names it, and the others."""
    own = {campaign.from_mailbox_id: 1} if campaign.from_mailbox_id else {}
    return own | dict(campaign.mailboxes.values_list("mailbox_id", "weight"))


def mailboxes_for(
    campaign: Campaign, companies: Collection[UUID], shares: Mapping[UUID, int]
) -> dict[UUID, UUID]:
    """Company -> the one mailbox that writes to it in this campaign, in one query for all.

    A company that was written to stays with the mailbox that wrote, whatever the shares are by
    now; one with people in the campaign stays with theirs while that is among the shares.
    """
    return _dealt(campaign, companies, shares, staying=Q(mailbox__in=shares))


@transaction.atomic
def set_shares(campaign: Campaign, weights: Mapping[UUID, int]) -> None:
    """These mailboxes share the campaign's load from now on, and no others but its own."""
    rows = CampaignMailbox.objects.filter(campaign=campaign)
    rows.exclude(mailbox__in=weights).delete()
    for mailbox, weight in weights.items():
        rows.update_or_create(campaign=campaign, mailbox_id=mailbox, defaults={"weight": weight})


@transaction.atomic
def share_anew(campaign: Campaign, *, at: datetime, user: "User | None" = None) -> int:
    """Deal those not yet written to among the mailboxes as they are by now; returns who moved.

    What is approved stays with its mailbox while that is among them. The other mails of whoever
    moves are written anew, as they name their sender, and are nobody's word any more.
    """
    Campaign.objects.select_for_update(no_key=True, of=["self"]).get(pk=campaign.pk)
    shares = shares_of(campaign)
    going = Enrollment.objects.going().filter(campaign=campaign).exclude(WRITTEN).order_by("id")
    ids = list(going.values_list("pk", flat=True)) if shares else []
    moved = sum(_shared_anew(campaign, some, shares) for some in batched(ids, AT_ONCE))
    if moved:
        text = f"{campaign}: {moved} not yet written to hear from another mailbox."
        record("changed", at=at, user=user, target=campaign, text=text)
    return moved


def _shared_anew(campaign: Campaign, ids: Collection[UUID], shares: Mapping[UUID, int]) -> int:
    held = Enrollment.objects.filter(pk__in=ids).select_for_update(no_key=True).order_by("id")
    theirs = dict(held.values_list("pk", "mailbox_id"))
    companies = dict(Enrollment.objects.filter(pk__in=ids).values_list("pk", "position__company"))
    staying = Q(APPROVED, mailbox__in=shares)
    wanted = _dealt(campaign, set(companies.values()), shares, staying=staying)
    moving: dict[UUID, list[UUID]] = defaultdict(list)
    for enrollment, company in companies.items():
        if theirs[enrollment] != wanted[company]:
            moving[wanted[company]].append(enrollment)
    for mailbox, enrollments in moving.items():
        _move(Enrollment.objects.filter(pk__in=enrollments), mailbox)
    return sum(map(len, moving.values()))


def _move(enrollments: QuerySet[Enrollment], mailbox: UUID) -> None:
    enrollments.update(mailbox=mailbox)
    drafts = Draft.objects.filter(task__enrollment__in=enrollments, task__status__in=OPEN)
    send_to_review(drafts)
    write_anew(drafts)


def _dealt(
    campaign: Campaign, companies: Collection[UUID], shares: Mapping[UUID, int], *, staying: Q
) -> dict[UUID, UUID]:
    before = (
        Enrollment.objects.filter(campaign=campaign, position__company__in=companies)
        .annotate(written=WRITTEN)
        .filter(Q(written=True) | staying, mailbox__isnull=False)
        .order_by("written", "-id")  # the last one counts: the first who was written to
    )
    held = dict(before.values_list("position__company_id", "mailbox_id"))
    return {company: held.get(company) or mailbox_of(company, shares) for company in companies}


@transaction.atomic
def discard_mailbox(mailbox: Mailbox, *, at: datetime, user: "User | None" = None) -> None:
    """Delete the mailbox; those it had not yet written to are dealt among the others."""
    campaigns = Campaign.objects.filter(Q(mailboxes__mailbox=mailbox) | Q(from_mailbox=mailbox))
    sharing = list(campaigns.distinct())
    mailbox.delete()
    for campaign in sharing:
        campaign.refresh_from_db(fields=["from_mailbox"])
        share_anew(campaign, at=at, user=user)
