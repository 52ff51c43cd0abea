"""Sealing every stored secret anew, so that an older key can be retired."""

from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db.models import Model, QuerySet

from iam.models import Organisation
from outreach.credentials import CredentialUnreadable, reseal, unseal
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.models import TenantModel

SEALED = "sealed_"
PAGE = 200
FIRST = UUID(int=0)


@dataclass
class Rotation:
    """How many secrets were sealed anew, how many were already, and which no key opens."""

    sealed: int = 0
    newest: int = 0
    unreadable: list[str] = field(default_factory=list)


def sealed_columns() -> list[tuple[type[Model], str]]:
    """Every column that keeps a secret, whichever table it stands in."""
    return [
        (model, column.name)
        for model in apps.get_models()
        if issubclass(model, TenantModel)
        for column in model._meta.concrete_fields
        if column.name.startswith(SEALED)
    ]


def rotate() -> Rotation:
    """Seal all of them by the newest key, a page at a time; call it outside of a scope.

    Run again, or killed and run again, it ends in the same state.
    """
    done = Rotation()
    for organisation_id in list(Organisation.objects.order_by("id").values_list("pk", flat=True)):
        for model, column in sealed_columns():
            after: UUID | None = FIRST
            while after is not None:
                with tenant(organisation_id):
                    after = _page(model._default_manager.order_by("id"), column, after, done)
    return done


def _page(rows: QuerySet[Model], column: str, after: UUID, done: Rotation) -> UUID | None:
    """Rotate some rows; the id of the last of them, none when there are no more."""
    page = list(rows.filter(pk__gt=after).exclude(**{column: ""}).values_list("pk", column)[:PAGE])
    for pk, sealed in page:
        renewed = _renewed(sealed)
        if renewed is None:
            done.unreadable.append(f"{rows.model._meta.label} {pk} ({column})")
        elif renewed == sealed:
            done.newest += 1
        else:
            # Whoever entered another meanwhile sealed it by the newest key already.
            done.sealed += rows.filter(**{"pk": pk, column: sealed}).update(**{column: renewed})
    return page[-1][0] if page else None


def _renewed(sealed: str) -> str | None:
    """The same where the newest key sealed it, else sealed anew; None where no key opens it."""
    with suppress(CredentialUnreadable):
        unseal(sealed, settings.CREDENTIAL_KEYS[:1])
        return sealed
    with suppress(CredentialUnreadable):
        return reseal(sealed)
    return None
