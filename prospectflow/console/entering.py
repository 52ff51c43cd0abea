"""Entering and leaving an organisation: the session says where, the audit trail that it was so."""

from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest

from iam.models import User
from iam.services import record
from prospectflow.errors import DomainError
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.memberships import Place, places_of
from prospectflow.tenancy.middleware import SESSION_KEY, is_shut_to


class NotAMember(DomainError):
    """You are not an active member of that organisation: ask its owner to let you in."""


class SignInAgain(DomainError):
    """Your access was ended here since you signed in: sign out, and in again."""


def enter(request: HttpRequest, organisation_id: UUID, *, at: datetime) -> Place:
    """Serve the person inside this organisation from the next request on.

    Raises NotAMember for any organisation of which the person is no active member, SignInAgain
    where an admin ended this session's access.
    """
    place = places_of(request.user.pk, at=at).of(organisation_id)
    if place is None:
        raise NotAMember
    if is_shut_to(request, place):
        raise SignInAgain
    request.session.cycle_key()
    request.session[SESSION_KEY] = str(place.organisation_id)
    # Scopes do not nest: the row is written once the organisation entered before is closed.
    transaction.on_commit(partial(_write_down, place, request.user, at))
    return place


def enter_only_place(request: HttpRequest, *, at: datetime) -> None:
    """Spare a person with exactly one membership, and no invitation, the choice."""
    places = places_of(request.user.pk, at=at)
    if len(places.open) == 1 and not places.offered and not is_shut_to(request, places.open[0]):
        enter(request, places.open[0].organisation_id, at=at)


def leave(request: HttpRequest, *, at: datetime) -> None:
    """Serve the person outside of any organisation from the next request on."""
    if request.membership is not None:
        record("left", at=at, user=request.user, text=request.membership.name)
    request.session.pop(SESSION_KEY, None)
    request.session.cycle_key()


def _write_down(place: Place, user: User, at: datetime) -> None:
    with tenant(place.organisation_id, user_id=user.pk):
        record("entered", at=at, user=user, text=place.name)
