"""Sets of campaigns, enrolments, tasks, drafts and messages."""

from datetime import datetime
from typing import Any, Self

from django.apps import apps
from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce, JSONObject

from outreach.states import OPEN, WAITING

SENT = Q(direction="outbound", sent_at__isnull=False)
ANSWERED = Q(direction="inbound", verdict="reply")  # by a person, not by a machine


class CampaignQuerySet(models.QuerySet[Any]):
    """Campaigns."""

    def taking_in(self) -> Self:
        """Those that take people in, the newest first."""
        return self.exclude(status="archived").order_by("-created_at", "id")

    def with_numbers(self) -> Self:
        """Each with what `numbers` tells, asked for the campaigns on the page only."""
        enrollments = _rows("Enrollment").filter(campaign=OuterRef("pk"))
        # Whoever answered was reached, even by a mail whose sending ended in doubt.
        told = _rows("Message").filter(SENT | ANSWERED, enrollment__campaign=OuterRef("pk"))
        mails = JSONObject(
            sent=Count("pk", filter=SENT),
            reached=Count("enrollment", distinct=True),
            replied=Count("enrollment", distinct=True, filter=ANSWERED),
        )
        return self.annotate(
            enrolled=Coalesce(_one(enrollments, "campaign", Count("pk")), 0),
            mails=_one(told, "enrollment__campaign", mails),
        )

    def with_shares(self) -> Self:
        """Each with the mailboxes that share its load and their weights, the oldest share first."""
        rows = _rows("CampaignMailbox").filter(campaign=OuterRef("pk")).order_by("pk")
        share = JSONObject(mailbox="mailbox_id", weight="weight")
        return self.annotate(shares=ArraySubquery(rows.values(share=share)))


def _rows(model: str) -> models.QuerySet[Any]:
    """The rows of a model that is defined only after these querysets."""
    return apps.get_model("outreach", model)._default_manager.all()


def _one(rows: models.QuerySet[Any], group: str, aggregate: Any) -> Subquery:
    """One aggregate over the rows of the outer row."""
    return Subquery(rows.order_by().values(group).annotate(found=aggregate).values("found"))


class EnrollmentQuerySet(models.QuerySet[Any]):
    """Enrolments."""

    def going(self) -> Self:
        """Those that may still be sent something."""
        return self.filter(state__in=["active", "paused"])


class TaskQuerySet(models.QuerySet[Any]):
    """Tasks."""

    def due(self, now: datetime) -> Self:
        """The tasks whose hour has come, follow-ups before first mails, the oldest first."""
        return self.filter(status__in=WAITING, scheduled_for__lte=now).order_by(
            "-step_index", "scheduled_for", "id"
        )

    def open(self) -> Self:
        """The tasks that have not left yet and still could."""
        return self.filter(status__in=OPEN)


class DraftQuerySet(models.QuerySet[Any]):
    """Drafts."""

    def to_review(self) -> Self:
        """Those that wait for a person, the least skipped first."""
        return self.filter(status="pending").order_by("skip_count", "id")


class MessageQuerySet(models.QuerySet[Any]):
    """Messages."""

    def outbound(self) -> Self:
        """What was sent, or is about to be."""
        return self.filter(direction="outbound")

    def inbox(self) -> Self:
        """What came in, the newest first."""
        return self.filter(direction="inbound").order_by("-received_at", "-id")
