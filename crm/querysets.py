"""Sets of prospects."""

from datetime import datetime
from typing import Self

from django.db import models


class PositionQuerySet(models.QuerySet):
    """Positions, the people who may be written to."""

    def sendable(self) -> Self:
        """Positions with an address that may be used, in companies that did not oppose it."""
        return self.filter(
            email__isnull=False,
            email_status__in=["valid", "catch_all_likely", "unknown", "generic"],
            company__diffusion="O",
        )

    def consenting(self, purpose: str, *, at: datetime) -> Self:
        """Positions whose person's newest word on this purpose, at that instant, is yes."""
        consents = self.model._meta.get_field("person").related_model.consents.rel.related_model
        newest = consents.objects.filter(
            person=models.OuterRef("person"), purpose=purpose, at__lte=at
        ).order_by("-at")
        return self.annotate(word=models.Subquery(newest.values("state")[:1])).filter(word="given")
