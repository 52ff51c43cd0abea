"""Fields that say to whom a row belongs."""

from typing import Any

from django.db import models
from django.db.models.lookups import Exact
from django.db.models.sql.where import AND, WhereNode


class CurrentOrganisation(models.Func):
    """The organisation PostgreSQL was told to serve; it raises when told none."""

    function = "iam.current_organisation_id"
    output_field = models.UUIDField()
    arity = 0


class CurrentServiceAccount(models.Func):
    """The program that acts, or NULL when a person or the platform itself does."""

    function = "iam.current_service_account_id"
    output_field = models.UUIDField()
    arity = 0


class CurrentRequest(models.Func):
    """The id of the request that is being answered; empty outside of one."""

    function = "iam.current_request_id"
    output_field = models.TextField()
    arity = 0


class OrganisationField(models.ForeignKey[Any, Any]):
    """The owner of a row. PostgreSQL fills it in; nobody edits it."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs |= {
            "to": "iam.Organisation",
            "on_delete": models.DB_CASCADE,
            "related_name": "+",
            "db_default": CurrentOrganisation(),
            "db_index": False,
            "editable": False,
        }
        super().__init__(**kwargs)

    def deconstruct(self) -> Any:
        name, path, _args, _kwargs = super().deconstruct()
        return name, path, [], {}


class TenantForeignKey(models.ForeignKey[Any, Any]):
    """A reference that cannot leave the organisation."""

    def get_extra_restriction(self, alias: str | None, related_alias: str | None) -> Any:
        """Both sides of every join belong to one organisation."""
        if alias is None or related_alias is None:
            return None  # the outer table was trimmed away; the policy still holds
        sides: list[Any] = [
            model._meta.get_field("organisation") for model in (self.remote_field.model, self.model)
        ]
        pair: Any = Exact(sides[0].get_col(alias), sides[1].get_col(related_alias))
        return WhereNode([pair], connector=AND)


class UserReference(models.ForeignKey[Any, Any]):
    """A person of the platform, who is no tenant's row.

    Django's own tables hang on users with Python rules, so the database's rule is laid down
    by the backend: CASCADE where the reference is required, SET NULL where it is not.
    """

    def __init__(self, **kwargs: Any) -> None:
        kwargs |= {"to": "iam.User", "on_delete": models.DO_NOTHING, "db_index": False}
        super().__init__(**kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        for known in ("to", "on_delete", "db_index"):
            kwargs.pop(known, None)
        return name, path, args, kwargs
