"""Founding organisations, changing who is in them, and closing doors."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q

from iam.models import (
    LONGEST_VISIT,
    MEMBERSHIP_MOVES,
    SERVICE_ACCOUNT_MOVES,
    AuditEvent,
    Membership,
    MembershipStatus,
    OperatorEntry,
    Organisation,
    Role,
    ServiceAccount,
    ServiceAccountStatus,
    User,
)
from iam.sessions import end_sessions, end_sessions_in
from prospectflow.choices import move
from prospectflow.errors import DomainError
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.memberships import places_of

INVITATION_LIFE = timedelta(days=14)


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


def known_zone(name: str) -> str:
    """The zone's name in the IANA list; ValidationError for one that no clock knows."""
    if name.strip() not in available_timezones():
        raise ValidationError("Write a zone of the IANA list, such as Europe/Paris.", "unknown")
    return name.strip()


def change_organisation(organisation: Organisation, **fields: Any) -> None:
    """Give the organisation these values."""
    if "time_zone" in fields:
        fields["time_zone"] = known_zone(fields["time_zone"])
    _change(organisation, fields)


class NoAddress(DomainError):
    """Write an e-mail address, such as ada@example.com."""


class PersonUnknown(DomainError):
    """Nobody here has this address."""


def person_of(email: str) -> User:
    """The user of this address; a new one, who has no password yet, where there is none.

    Raises NoAddress.
    """
    address = _address(email)
    return User.objects.filter(email=address).first() or User.objects.create_user(address)


def known_person(email: str) -> User:
    """The user of this address; PersonUnknown where there is none."""
    user = User.objects.filter(email=_address(email)).first()
    if user is None:
        raise PersonUnknown(f"Nobody here has the address {email.strip()}.")
    return user


def _address(email: str) -> str:
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError as error:
        raise NoAddress(f'"{email}" is no e-mail address.') from error
    return address


class OwnerStays(DomainError):
    """The owner can be neither shut out nor given another role: name another owner first."""


class AlreadyThere(DomainError):
    """This address is a member already, or was shut out: look at the list of members."""


class NotInvited(DomainError):
    """No invitation to that organisation waits for you: ask its owner for one."""


class NotAccepted(DomainError):
    """Only the invited person accepts an invitation: wait, or withdraw it."""


class NotWaiting(DomainError):
    """Only an invitation can be taken back: shut a member out instead."""


def invite(email: str, role: str, *, at: datetime, by: User | None = None) -> Membership:
    """Offer the address a place in the entered organisation for 14 days.

    Inviting again renews the offer. Raises AlreadyThere for a member, OwnerStays for a second
    owner. Whether somebody already has the address is not told.
    """
    if role == Role.OWNER:
        raise OwnerStays("An organisation has exactly one owner: invite with another role.")
    user = person_of(email)
    membership = Membership.objects.select_for_update().filter(user=user).first()
    if membership is None:
        membership = Membership(user=user, status=MembershipStatus.INVITED)
    if membership.status != MembershipStatus.INVITED:
        raise AlreadyThere
    membership.role, membership.invited_by = role, by
    membership.expires_at, membership.invited_address = at + INVITATION_LIFE, user.email
    membership.save()
    return membership


def withdraw(invitation: Membership) -> None:
    """Take an invitation back; NotWaiting when it was accepted meanwhile."""
    invitation = Membership.objects.select_for_update().get(pk=invitation.pk)
    if invitation.status != MembershipStatus.INVITED:
        raise NotWaiting
    invitation.delete()


def accept(user: User, organisation_id: UUID, *, at: datetime) -> None:
    """Make the person's own open invitation a membership; NotInvited where there is none.

    An invitation is its address's: who has another one by now was not invited.
    Opens a scope of its own, so call it outside of one.
    """
    with tenant(organisation_id, user_id=user.pk):
        offered = Membership.objects.select_for_update(of=("self",)).filter(
            user=user,
            user__email=F("invited_address"),
            status=MembershipStatus.INVITED,
            expires_at__gt=at,
        )
        invited = offered.first()
        if invited is None:
            raise NotInvited
        move(invited, "status", MembershipStatus.ACTIVE, MEMBERSHIP_MOVES)
        invited.expires_at = None
        invited.save(update_fields=["status", "expires_at"])


def join_invited(user: User, *, at: datetime) -> int:
    """Accept every open invitation of a person who signs in for the first time; returns how many.

    Whoever is known already is asked: nobody puts a known person into an organisation unasked.
    """
    offered = places_of(user.pk, at=at).offered
    for place in offered:
        accept(user, place.organisation_id, at=at)
    return len(offered)


def move_membership(membership: Membership, to: str, *, at: datetime) -> None:
    """Activate or disable a membership; disabling also refuses older sessions and tokens.

    Raises IllegalMove where the state does not allow it, OwnerStays for the owner, NotAccepted
    while the person is only invited.
    """
    membership = Membership.objects.select_for_update().get(pk=membership.pk)
    if membership.role == Role.OWNER:
        raise OwnerStays
    if membership.status == MembershipStatus.INVITED:
        raise NotAccepted
    move(membership, "status", to, MEMBERSHIP_MOVES)
    if to == MembershipStatus.DISABLED:
        membership.access_after = at
    membership.save(update_fields=["status", "access_after"])


def change_role(membership: Membership, role: str) -> None:
    """Give a member or an invited person another role; OwnerStays when either is the owner's."""
    membership = Membership.objects.select_for_update().get(pk=membership.pk)
    if Role.OWNER in {membership.role, role} and membership.role != role:
        raise OwnerStays
    membership.role = role
    membership.save(update_fields=["role"])


class NotYetIn(DomainError):
    """Only an active member can become the owner: let them in first."""


@transaction.atomic
def hand_over(heir: Membership) -> Membership:
    """Make an active member the organisation's owner; who was it becomes an admin.

    Raises NotYetIn for anybody who is not inside.
    """
    held = Membership.objects.select_for_update().filter(Q(pk=heir.pk) | Q(role=Role.OWNER))
    members = list(held.order_by("id"))
    heir = next(member for member in members if member.pk == heir.pk)
    if heir.status != MembershipStatus.ACTIVE:
        raise NotYetIn
    with connection.cursor() as cursor:  # for a moment there is none
        cursor.execute("SET CONSTRAINTS iam.organisation_users_exactly_one_owner DEFERRED")
        for member in members:
            _be(member, Role.ADMIN if member.pk != heir.pk else member.role)
        _be(heir, Role.OWNER)
        cursor.execute("SET CONSTRAINTS iam.organisation_users_exactly_one_owner IMMEDIATE")
    return heir


def _be(member: Membership, role: str) -> None:
    member.role = role
    member.save(update_fields=["role"])


def end_access(membership: Membership, *, at: datetime) -> None:
    """End the member's sessions in this organisation, and refuse older tokens here.

    StoreUnreachable where the sessions cannot be reached.
    """
    Membership.objects.filter(pk=membership.pk).update(access_after=at)
    end_sessions_in(membership.user_id, membership.organisation_id)


def sign_out_everywhere(user: User, *, at: datetime) -> None:
    """End all of the person's sessions, and refuse older tokens in every organisation.

    StoreUnreachable where the sessions cannot be reached.
    """
    User.objects.filter(pk=user.pk).update(access_after=at)
    end_sessions(user.pk)


class ClientIdTaken(DomainError):
    """This client ID is tied to an account already: no program acts in two organisations."""


def register_service_account(name: str, client_id: str, role: str, **fields: Any) -> ServiceAccount:
    """Let the program that signs in with this client id act in the entered organisation.

    Raises ClientIdTaken where it acts already, here or in another one.
    """
    account = ServiceAccount(name=name, client_id=client_id, role=role, **fields)
    account.full_clean(exclude=["organisation"], validate_unique=False)
    try:
        with transaction.atomic():
            account.save()
    except IntegrityError as error:
        raise ClientIdTaken from error
    return account


def change_service_account(account: ServiceAccount, **fields: Any) -> None:
    """Give the program another name or role; which client it is stays."""
    if "role" in fields and fields["role"] == Role.OWNER:
        raise OwnerStays("A program owns no organisation: choose another role.")
    _change(account, fields)


def move_service_account(account: ServiceAccount, to: str, *, at: datetime) -> None:
    """Let a program in or shut it out; shutting out refuses the tokens it already has."""
    account = ServiceAccount.objects.select_for_update().get(pk=account.pk)
    move(account, "status", to, SERVICE_ACCOUNT_MOVES)
    if to == ServiceAccountStatus.DISABLED:
        account.access_after = at
    account.save(update_fields=["status", "access_after"])


class NotAnOperator(DomainError):
    """Only the platform's operators enter an organisation they do not belong to."""


class MemberAlready(DomainError):
    """You are a member of that organisation: enter it as one, without a visit."""


class ReasonMissing(DomainError):
    """Say in a sentence why you enter: it stands in the organisation's trail."""


def visit(
    user: User, organisation: Organisation, *, reason: str, length: timedelta, at: datetime
) -> OperatorEntry:
    """Open an organisation to an operator for at most eight hours.

    Opens a scope of its own. Raises NotAnOperator, ReasonMissing for a blank reason, and
    MemberAlready for whoever is inside as a member.
    """
    if not user.is_staff:
        raise NotAnOperator
    if not reason.strip():
        raise ReasonMissing
    with tenant(organisation.pk, user_id=user.pk):
        if Membership.objects.filter(user=user, status=MembershipStatus.ACTIVE).exists():
            raise MemberAlready
        return OperatorEntry.objects.create(
            user=user,
            reason=reason.strip(),
            entered_at=at,
            ends_at=at + min(length, LONGEST_VISIT),
        )


def end_visits(user: User, *, at: datetime) -> None:
    """End the operator's open visits of the entered organisation."""
    OperatorEntry.objects.filter(user=user, entered_at__lte=at, ends_at__gt=at).update(ends_at=at)


def grant_operator(user: User) -> None:
    """Make somebody an operator of the platform."""
    User.objects.filter(pk=user.pk).update(is_staff=True)


def revoke_operator(user: User, *, at: datetime) -> None:
    """Make an operator a plain person again, and end their visits of every organisation.

    Opens scopes of its own, so call it outside of one.
    """
    User.objects.filter(pk=user.pk).update(is_staff=False)  # first: from here on none begins
    for organisation_id in Organisation.objects.values_list("pk", flat=True):
        with tenant(organisation_id):
            end_visits(user, at=at)


def record(
    action: str, *, at: datetime, user: User | None = None, target: Any = None, text: str = ""
) -> AuditEvent:
    """Write down in the organisation's trail what was done to what, by whom."""
    return AuditEvent.objects.create(
        user=user,
        at=at,
        action=action,
        object_type=target._meta.label_lower if target is not None else "",
        object_id=str(target.pk) if target is not None else "",
        description=text or (str(target) if target is not None else ""),
    )


def _change(row: Any, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        setattr(row, name, value)
    if fields:
        row.save(update_fields=list(fields))
        row.refresh_from_db(fields=["updated_at"])


def _new_id() -> UUID:
    with connection.cursor() as cursor:
        cursor.execute("SELECT uuidv7()")
        return cursor.fetchone()[0]
