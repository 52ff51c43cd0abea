"""Founding organisations and changing who is in them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from iam.models import MEMBERSHIP_MOVES, AuditEntry, Membership, Organisation, Role, User
from prospectflow.choices import move
from prospectflow.errors import DomainError
from prospectflow.tenancy.context import tenant


class OrganisationUnknown(DomainError):
    """No organisation has this slug."""


def found_organisation(*, name: str, slug: str, owner: User, **fields: Any) -> Organisation:
    """A new organisation with its one owner, both or neither."""
    organisation_id = _new_id()
    with tenant(organisation_id, user_id=owner.pk):
        organisation = Organisation.objects.create(
            pk=organisation_id, name=name, slug=slug, **fields
        )
        Membership.objects.create(user=owner, role=Role.OWNER)
    return organisation


def organisation_by_slug(slug: str) -> Organisation:
    """The organisation of this slug; OrganisationUnknown names those there are."""
    try:
        return Organisation.objects.get(slug=slug)
    except Organisation.DoesNotExist as error:
        raise OrganisationUnknown(
            f'There is no organisation "{slug}": check the slug on its page in the console.'
        ) from error


def person_of(email: str) -> User:
    """The user of this address; a new one, who has no password yet, where there is none."""
    address = email.strip().lower()
    return User.objects.filter(email=address).first() or User.objects.create_user(address)


def move_membership(membership: Membership, to: str) -> None:
    """Activate or disable a membership; IllegalMove where the state does not allow it."""
    membership = Membership.objects.select_for_update().get(pk=membership.pk)
    move(membership, "status", to, MEMBERSHIP_MOVES)
    membership.save(update_fields=["status"])


def record(
    action: str, *, at: datetime, user: User | None = None, target: Any = None, text: str = ""
) -> AuditEntry:
    """Write down in the organisation's trail what was done to what, by whom."""
    return AuditEntry.objects.create(
        user=user,
        at=at,
        action=action,
        object_type=target._meta.label_lower if target is not None else "",
        object_id=str(target.pk) if target is not None else "",
        description=text or (str(target) if target is not None else ""),
    )


def _new_id() -> UUID:
    with connection.cursor() as cursor:
        cursor.execute("SELECT uuidv7()")
        return cursor.fetchone()[0]
