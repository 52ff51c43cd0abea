"""Saved choices of people to write to."""

from django.db import models

from prospectflow.tenancy.models import TenantModel


class Segment(TenantModel):
    """Positions chosen by what is known of them; it is read anew each time it is used."""

    name = models.CharField(max_length=100)
    filters = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="Filter → its value."
    )

    class Meta(TenantModel.Meta):
        db_table = "segments"
        constraints = [
            *TenantModel.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "name"], name="segments_once_by_name"),
        ]

    def __str__(self) -> str:
        return self.name
