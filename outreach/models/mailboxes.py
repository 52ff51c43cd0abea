"""Mailboxes mail leaves from, and addresses it must not go to."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from crm.models import lower_case
from outreach.calendar import default_windows
from outreach.states import (
    MAILBOX_MOVES,
    MailboxStatus,
    Provider,
    Security,
    SignIn,
    SuppressionReason,
)
from prospectflow.choices import known
from prospectflow.tenancy.constraints import Audited
from prospectflow.tenancy.models import TenantModel


class Mailbox(TenantModel):
    """A mailbox of the customer: its servers, its hours, its pace and its health."""

    Status = MailboxStatus
    Provider = Provider
    Security = Security
    SignIn = SignIn
    MOVES = MAILBOX_MOVES

    address = models.CharField(max_length=254)
    display_name = models.TextField(blank=True, default="", db_default="")
    signature = models.TextField(blank=True, default="", db_default="")
    status = models.TextField(
        choices=MailboxStatus, default=MailboxStatus.ACTIVE, db_default=MailboxStatus.ACTIVE
    )
    status_reason = models.TextField(blank=True, default="", db_default="")
    provider = models.TextField(choices=Provider, default=Provider.OTHER, db_default=Provider.OTHER)
    sign_in = models.TextField(
        "sign-in", choices=SignIn, default=SignIn.PASSWORD, db_default=SignIn.PASSWORD
    )
    oauth_token_url = models.URLField("OAuth token URL", blank=True, default="", db_default="")
    oauth_client_id = models.TextField("OAuth client ID", blank=True, default="", db_default="")
    sealed_oauth = models.TextField(  # client secret and refresh token
        blank=True, default="", db_default="", editable=False
    )
    smtp_host = models.TextField("SMTP host")
    smtp_port = models.PositiveIntegerField("SMTP port", default=587, db_default=587)
    smtp_security = models.TextField(
        "SMTP security", choices=Security, default=Security.STARTTLS, db_default=Security.STARTTLS
    )
    imap_host = models.TextField("IMAP host")
    imap_port = models.PositiveIntegerField("IMAP port", default=993, db_default=993)
    imap_security = models.TextField(
        "IMAP security", choices=Security, default=Security.TLS, db_default=Security.TLS
    )
    username = models.TextField()
    sealed_password = models.TextField(blank=True, default="", db_default="", editable=False)
    daily_limit = models.PositiveIntegerField(
        default=40, db_default=40, validators=[MinValueValidator(1), MaxValueValidator(10_000)]
    )
    ramp_start = models.PositiveIntegerField(
        "mails on the first day",
        null=True,
        blank=True,
        help_text="A new mailbox begins with so many a day; empty for none of this.",
    )
    ramp_step = models.PositiveIntegerField(
        "more with each day of sending", default=2, db_default=2
    )
    domain_limit = models.PositiveIntegerField(
        "mails a day to one domain",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="To one company's domain, and to one free-mail provider; empty for no limit.",
    )
    pace_min_seconds = models.PositiveIntegerField(
        "shortest pause in seconds", default=60, db_default=60
    )
    pace_max_seconds = models.PositiveIntegerField(
        "longest pause in seconds", default=90, db_default=90
    )
    time_zone = models.TextField(default="Europe/Paris", db_default="Europe/Paris")
    country = models.CharField(max_length=2, default="FR", db_default="FR")
    subdivision = models.CharField(max_length=8, blank=True, default="", db_default="")
    windows = models.JSONField(default=default_windows, db_default=default_windows())
    blackout_dates = models.JSONField(default=list, db_default=[], blank=True)
    dkim_domain = models.CharField(
        "DKIM domain", max_length=253, blank=True, default="", db_default=""
    )
    dkim_selector = models.CharField(
        "DKIM selector", max_length=63, blank=True, default="", db_default=""
    )
    sealed_dkim_key = models.TextField(blank=True, default="", db_default="", editable=False)
    domain_report = models.JSONField(
        default=dict, db_default={}, blank=True, editable=False, help_text="SPF, DKIM, DMARC, MX."
    )
    domain_checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    next_send_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_synced_at = models.DateTimeField("inbox read at", null=True, blank=True, editable=False)
    folder_states = models.JSONField(default=dict, db_default={}, blank=True, editable=False)

    class Meta(TenantModel.Meta):
        db_table = "mailboxes"
        verbose_name_plural = "mailboxes"
        constraints = [
            *TenantModel.Meta.constraints,
            Audited(
                name="mailboxes_audited",
                without=["next_send_at", "last_synced_at", "folder_states"]
                + ["domain_report", "domain_checked_at"],
                secret=["sealed_password", "sealed_oauth", "sealed_dkim_key"],
            ),
            known("provider", Provider, name="mailboxes_provider_known"),
            known("sign_in", SignIn, name="mailboxes_sign_in_known"),
            lower_case("dkim_domain", name="mailboxes_dkim_domain_lower_case"),
            known("status", MailboxStatus, name="mailboxes_status_known"),
            known("smtp_security", Security, name="mailboxes_smtp_security_known"),
            known("imap_security", Security, name="mailboxes_imap_security_known"),
            lower_case("address", name="mailboxes_address_lower_case"),
            models.CheckConstraint(
                condition=Q(daily_limit__gte=1), name="mailboxes_daily_limit_positive"
            ),
            models.CheckConstraint(
                condition=Q(pace_max_seconds__gte=F("pace_min_seconds")),
                name="mailboxes_pace_in_order",
            ),
            models.UniqueConstraint(fields=["organisation", "address"], name="mailboxes_once"),
        ]

    def __str__(self) -> str:
        return self.address


class Suppression(TenantModel):
    """An address or a domain that the organisation must not write to, ever.

    The address is kept only as a keyed hash, so the list can outlive the person's data.
    """

    Reason = SuppressionReason

    address_hash = models.CharField(max_length=64, null=True, blank=True)
    key_mark = models.CharField(
        max_length=8, null=True, blank=True, help_text="Which key the address was hashed with."
    )
    domain = models.CharField(max_length=253, null=True, blank=True)
    reason = models.TextField(choices=SuppressionReason)
    source = models.TextField(
        blank=True, default="", db_default="", help_text="What it was learnt from."
    )
    at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        db_table = "suppressions"
        constraints = [
            *TenantModel.Meta.constraints,
            Audited(name="suppressions_audited"),
            known("reason", SuppressionReason, name="suppressions_reason_known"),
            lower_case("domain", name="suppressions_domain_lower_case"),
            models.CheckConstraint(
                condition=Q(address_hash__isnull=False) ^ Q(domain__isnull=False),
                name="suppressions_address_or_domain",
            ),
            models.CheckConstraint(
                condition=Q(address_hash__isnull=False, key_mark__isnull=False)
                | Q(address_hash__isnull=True, key_mark__isnull=True),
                name="suppressions_hash_names_its_key",
            ),
            models.UniqueConstraint(
                fields=["organisation", "address_hash", "domain"],
                nulls_distinct=False,
                name="suppressions_once",
            ),
        ]
        indexes = [models.Index(fields=["organisation", "key_mark"], name="suppressions_key_mark")]

    def __str__(self) -> str:
        return self.domain or f"{(self.address_hash or '')[:12]}…"
