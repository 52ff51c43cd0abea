"""What every tenant's table has in common."""

from collections.abc import Collection

from django.db import models
from django.db.models.functions import UUID7, Now

from prospectflow.tenancy.constraints import TenantIsolation
from prospectflow.tenancy.fields import OrganisationField


class Timestamped(models.Model):
    """A row that knows when it was made and last changed; a trigger keeps the second."""

    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True


class TenantModel(Timestamped):
    """A row of one organisation. Django's key is `id`; the table's is (organisation_id, id)."""

    organisation = OrganisationField()
    id = models.UUIDField(primary_key=True, db_default=UUID7(), editable=False)

    class Meta:
        abstract = True
        constraints = [TenantIsolation(name="%(class)s_isolation")]

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Nobody edits the organisation, yet every natural key begins with it."""
        super().validate_constraints(exclude=set(exclude or ()) - {"organisation"})
