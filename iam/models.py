"""Who: organisations, their people and programs, and what they did."""

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import UUID7, Lower

from prospectflow.choices import Moves, known
from prospectflow.tenancy.constraints import Audited, Trigger
from prospectflow.tenancy.fields import (
    CurrentRequest,
    CurrentServiceAccount,
    TenantForeignKey,
    UserReference,
)
from prospectflow.tenancy.models import TenantModel, Timestamped

LONGEST_VISIT = timedelta(hours=8)


class Role(models.TextChoices):
    """What a member may do, from everything to reading."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


class MembershipStatus(models.TextChoices):
    """Whether a membership opens the door."""

    INVITED = "invited"
    ACTIVE = "active"
    DISABLED = "disabled"


MEMBERSHIP_MOVES: Moves = {
    MembershipStatus.INVITED: frozenset({MembershipStatus.ACTIVE, MembershipStatus.DISABLED}),
    MembershipStatus.ACTIVE: frozenset({MembershipStatus.DISABLED}),
    MembershipStatus.DISABLED: frozenset({MembershipStatus.ACTIVE}),
}


class ServiceAccountStatus(models.TextChoices):
    """Whether a program is let in."""

    ACTIVE = "active"
    DISABLED = "disabled"


SERVICE_ACCOUNT_MOVES: Moves = {
    ServiceAccountStatus.ACTIVE: frozenset({ServiceAccountStatus.DISABLED}),
    ServiceAccountStatus.DISABLED: frozenset({ServiceAccountStatus.ACTIVE}),
}


class Organisation(Timestamped):
    """A tenant: the customer whose people, prospects and mails are kept apart."""

    id = models.UUIDField(primary_key=True, db_default=UUID7(), editable=False)
    name = models.TextField()
    slug = models.SlugField(max_length=63, unique=True)
    country = models.CharField(
        max_length=2, default="FR", db_default="FR", help_text="ISO 3166, for holidays."
    )
    time_zone = models.TextField(
        default="Europe/Paris",
        db_default="Europe/Paris",
        help_text="IANA name of the sending zone.",
    )
    legal_name = models.TextField(blank=True, default="", db_default="")
    legal_form = models.TextField(
        blank=True, default="", db_default="", help_text="SAS, SARL, EI …"
    )
    siren = models.CharField("SIREN", max_length=9, blank=True, default="", db_default="")
    legal_address = models.TextField(blank=True, default="", db_default="")
    sending_stopped_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="While set, no mail leaves."
    )
    sending_stopped_reason = models.TextField(blank=True, default="", db_default="", editable=False)

    class Meta:
        db_table = "organisations"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(slug__regex=r"^[a-z0-9][a-z0-9-]*$"),
                name="organisations_slug_shape",
            ),
            models.CheckConstraint(
                condition=models.Q(siren="") | models.Q(siren__regex=r"^[0-9]{9}$"),
                name="organisations_siren_shape",
            ),
            Trigger(
                name="organisations_exactly_one_owner",
                when="AFTER INSERT",
                function="iam.require_one_owner",
                deferred=True,
            ),
            Audited(name="organisations_audited", when="AFTER UPDATE"),
        ]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Makes users by their e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)  # None makes it unusable
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


class User(Timestamped, AbstractBaseUser, PermissionsMixin):
    """A person. What they may do where is said by their memberships alone."""

    id = models.UUIDField(primary_key=True, db_default=UUID7(), editable=False)
    email = models.EmailField("e-mail address", unique=True, max_length=254)
    cognito_sub = models.CharField(
        "Cognito subject", max_length=255, null=True, blank=True, unique=True
    )
    first_name = models.TextField(blank=True, default="", db_default="")
    last_name = models.TextField(blank=True, default="", db_default="")
    is_active = models.BooleanField("active", default=True, db_default=True)
    is_staff = models.BooleanField(
        "operator",
        default=False,
        db_default=False,
        help_text="Operators of the platform may enter an organisation with a reason.",
    )
    access_after = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Sessions and tokens from before this moment are refused everywhere.",
    )

    USERNAME_FIELD = "email"
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        db_table = "users"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="users_email_lower_case"
            )
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.email

    def get_full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def get_short_name(self) -> str:
        return self.first_name or self.email


class Membership(TenantModel):
    """A user's place in an organisation. Exactly one of an organisation's members owns it."""

    Role = Role
    Status = MembershipStatus
    MOVES = MEMBERSHIP_MOVES

    user = UserReference(related_name="memberships")
    role = models.TextField(choices=Role, default=Role.MEMBER, db_default=Role.MEMBER)
    status = models.TextField(
        choices=MembershipStatus,
        default=MembershipStatus.ACTIVE,
        db_default=MembershipStatus.ACTIVE,
    )
    invited_by = UserReference(null=True, blank=True, related_name="+")
    invited_address = models.CharField(
        max_length=254,
        null=True,
        blank=True,
        editable=False,
        help_text="The address the invitation went to: it opens for nobody of another.",
    )
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="Until when the invitation can be accepted."
    )
    access_after = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Sessions and tokens from before this moment are refused here.",
    )

    class Meta(TenantModel.Meta):
        db_table = "organisation_users"
        verbose_name = "member"
        constraints = [
            *TenantModel.Meta.constraints,
            known("role", Role, name="organisation_users_role_known"),
            known("status", MembershipStatus, name="organisation_users_status_known"),
            models.UniqueConstraint(
                fields=["organisation", "user"], name="organisation_users_once"
            ),
            models.UniqueConstraint(
                fields=["organisation"],
                condition=models.Q(role="owner"),
                name="organisation_users_at_most_one_owner",
            ),
            # The index above keeps out a second owner; this keeps the first from leaving.
            Trigger(
                name="organisation_users_exactly_one_owner",
                when="AFTER INSERT OR UPDATE OR DELETE",
                function="iam.require_one_owner",
                deferred=True,
            ),
            models.CheckConstraint(
                condition=~Q(status="invited")
                | Q(expires_at__isnull=False, invited_address__isnull=False),
                name="organisation_users_invitations_expire",
            ),
            Audited(name="organisation_users_audited", without=["user_id"]),
        ]
        indexes = [models.Index(fields=["user"], name="organisation_users_user")]

    def __str__(self) -> str:
        return f"{self.shown_name} ({self.role})"

    @property
    def shown_name(self) -> str:
        """The person's name; only the address they were added by while they are not inside."""
        return str(self.user) if self.status == MembershipStatus.ACTIVE else self.address

    @property
    def address(self) -> str:
        """The person's address, as far as the organisation may know it."""
        inside = self.status == MembershipStatus.ACTIVE
        return self.user.email if inside else self.invited_address or self.user.email


class ServiceAccount(TenantModel):
    """A program's place in one organisation: who signs in with this client id acts in this role."""

    Status = ServiceAccountStatus
    MOVES = SERVICE_ACCOUNT_MOVES

    name = models.TextField()
    client_id = models.CharField("client ID", max_length=255, unique=True)
    role = models.TextField(
        choices=[(role.value, role.label) for role in Role if role != Role.OWNER],
        default=Role.MEMBER,
        db_default=Role.MEMBER,
    )
    status = models.TextField(
        choices=ServiceAccountStatus,
        default=ServiceAccountStatus.ACTIVE,
        db_default=ServiceAccountStatus.ACTIVE,
    )
    access_after = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Tokens from before this moment are refused.",
    )

    class Meta(TenantModel.Meta):
        db_table = "service_accounts"
        constraints = [
            *TenantModel.Meta.constraints,
            models.CheckConstraint(
                condition=Q(role__in=["admin", "member", "viewer"]),
                name="service_accounts_role_known",
            ),
            known("status", ServiceAccountStatus, name="service_accounts_status_known"),
            models.CheckConstraint(
                condition=Q(name__regex=r"\S"), name="service_accounts_name_not_blank"
            ),
            models.CheckConstraint(
                condition=Q(client_id__regex=r"^\S+$"), name="service_accounts_client_id_shape"
            ),
            Audited(name="service_accounts_audited"),
        ]

    def __str__(self) -> str:
        return self.name


class OperatorEntry(TenantModel):
    """A visit of the platform's operator, for a reason and for a limited time."""

    user = UserReference(related_name="+")
    reason = models.TextField()
    entered_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        db_table = "operator_entries"
        verbose_name_plural = "operator entries"
        constraints = [
            *TenantModel.Meta.constraints,
            models.CheckConstraint(
                condition=Q(reason__regex=r"\S"), name="operator_entries_reason_not_blank"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gte=F("entered_at"))
                & Q(ends_at__lte=F("entered_at") + LONGEST_VISIT),
                name="operator_entries_limited",
            ),
            Audited(name="operator_entries_audited"),
        ]
        indexes = [models.Index(fields=["user", "ends_at"], name="operator_entries_user")]

    def __str__(self) -> str:
        return self.reason


class Receipt(TenantModel):
    """The answer to a request that bore an Idempotency-Key, kept to be given again."""

    actor = models.TextField(help_text="Who asked: a user's or a service account's id.")
    key = models.CharField(max_length=255)
    request_digest = models.CharField(max_length=64, help_text="SHA-256 of method, path and body.")
    status = models.IntegerField()
    body = models.TextField()
    at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        db_table = "receipts"
        constraints = [
            *TenantModel.Meta.constraints,
            models.UniqueConstraint(fields=["organisation", "actor", "key"], name="receipts_once"),
        ]
        indexes = [models.Index(fields=["organisation", "at"], name="receipts_at")]

    def __str__(self) -> str:
        return self.key


class AuditEvent(TenantModel):
    """What somebody did in the organisation. It is written once and never changed."""

    user = UserReference(null=True, related_name="+")
    service_account = TenantForeignKey(
        ServiceAccount,
        models.DB_SET_NULL,
        null=True,
        related_name="+",
        db_default=CurrentServiceAccount(),
    )
    at = models.DateTimeField()
    action = models.TextField()
    object_type = models.TextField(blank=True, default="", db_default="")
    object_id = models.TextField("object ID", blank=True, default="", db_default="")
    description = models.TextField(blank=True, default="", db_default="")
    changes = models.JSONField(
        default=dict, db_default={}, help_text="For each column: what stood there, what stands now."
    )
    request_id = models.TextField("request ID", db_default=CurrentRequest())

    class Meta(TenantModel.Meta):
        db_table = "audit_events"
        constraints = [*TenantModel.Meta.constraints]
        indexes = [
            models.Index(fields=["organisation", "-at", "id"], name="audit_events_newest"),
            models.Index(
                fields=["organisation", "object_type", "object_id"], name="audit_events_object"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.description}"
