"""The mailboxes of a campaign, and which of them writes to which company."""

from collections.abc import Collection, Mapping
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from outreach.models import Campaign, Enrollment, Message
from outreach.sharing import mailbox_of


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
    before = (
        Enrollment.objects.filter(campaign=campaign, position__company__in=companies)
        .annotate(written=Exists(Message.objects.outbound().filter(enrollment=OuterRef("pk"))))
        .filter(Q(written=True) | Q(mailbox__in=shares), mailbox__isnull=False)
        .order_by("written", "-id")  # the last one counts: the first who was written to
    )
    held = dict(before.values_list("position__company_id", "mailbox_id"))
    return {company: held.get(company) or mailbox_of(company, shares) for company in companies}
