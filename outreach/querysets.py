"""Sets of campaigns, enrolments, tasks, drafts and messages."""

from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import Count, Q


class CampaignQuerySet(models.QuerySet[Any]):
    """Campaigns."""

    def taking_in(self) -> Self:
        """Those that take people in, the newest first."""
        return self.exclude(status="archived").order_by("-created_at", "id")

    def with_progress(self) -> Self:
        """Each with the numbers of its enrolments: in all, active, replied."""
        return self.annotate(
            enrolled=Count("enrollments"),
            active=Count("enrollments", filter=Q(enrollments__state="active")),
            replied=Count("enrollments", filter=Q(enrollments__state="replied")),
        )


class EnrollmentQuerySet(models.QuerySet[Any]):
    """Enrolments."""

    def going(self) -> Self:
        """Those that may still be sent something."""
        return self.filter(state__in=["active", "paused"])


class TaskQuerySet(models.QuerySet[Any]):
    """Tasks."""

    def due(self, now: datetime) -> Self:
        """The tasks whose hour has come, follow-ups before first mails, the oldest first."""
        return self.filter(status="scheduled", scheduled_for__lte=now).order_by(
            "-workflow_step__step_index", "scheduled_for", "id"
        )

    def open(self) -> Self:
        """The tasks that have not left yet and still could."""
        return self.filter(status="scheduled")


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
