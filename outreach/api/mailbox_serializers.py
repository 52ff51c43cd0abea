"""How mailboxes look to programs."""

from copy import copy
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from outreach.models import Mailbox
from outreach.services.health import measured
from outreach.services.mailbox_secrets import Entered, dkim_record, keep, signs
from outreach.services.mailboxes import faults_of, fill_in
from prospectflow.api.serializers import StrictModelSerializer, StrictSerializer
from prospectflow.errors import DomainError

SECRETS = {
    "password": 1000,
    "oauth_client_secret": 4000,
    "oauth_refresh_token": 8000,
    "dkim_key": 16_000,
}
FILLED = ["smtp_host", "smtp_port", "smtp_security", "imap_host", "imap_port", "imap_security"]
FILLED += ["oauth_token_url", "dkim_domain"]


def _secret(length: int) -> serializers.CharField:
    """Goes in, and never comes out again."""
    return serializers.CharField(
        write_only=True, required=False, trim_whitespace=False, max_length=length
    )


class ListedMailboxSerializer(StrictModelSerializer):
    """A mailbox in a list: what it is and how it fares."""

    class Meta:
        model = Mailbox
        fields = ["id", "address", "display_name", "status", "status_reason", "daily_limit"]
        fields += ["provider", "time_zone", "next_send_at", "last_synced_at"]
        fields += ["created_at", "updated_at"]
        read_only_fields = fields


class RecordSerializer(StrictSerializer):
    """A TXT record to publish in the domain's DNS."""

    name = serializers.CharField(read_only=True)
    value = serializers.CharField(read_only=True)


class HealthSerializer(StrictSerializer):
    """What became of the mails of the last 30 days; the shares count from 300 mails on."""

    level = serializers.ChoiceField(choices=["ok", "warn", "stop"], read_only=True)
    sentence = serializers.CharField(read_only=True, help_text="What is wrong, if anything.")
    sent = serializers.IntegerField(read_only=True)
    bounced = serializers.IntegerField(read_only=True, help_text="For good.")
    complaints = serializers.IntegerField(read_only=True)


class DomainFindingSerializer(StrictSerializer):
    """What was found of one thing that a sending domain publishes."""

    state = serializers.ChoiceField(choices=["ok", "warn", "fail", "unknown"], read_only=True)
    sentence = serializers.CharField(read_only=True)


class DomainReportSerializer(StrictSerializer):
    """What the address's domain publishes; null what was not looked at yet."""

    spf = DomainFindingSerializer(read_only=True, allow_null=True)
    dkim = DomainFindingSerializer(read_only=True, allow_null=True)
    dmarc = DomainFindingSerializer(read_only=True, allow_null=True)
    mx = DomainFindingSerializer(read_only=True, allow_null=True)


class MailboxSerializer(StrictModelSerializer):
    """A mailbox. Its secrets go in, and never come out again.

    Server fields that are left out are those of its provider, where that is known.
    """

    address = serializers.EmailField(max_length=254)
    password = _secret(SECRETS["password"])
    oauth_client_secret = _secret(SECRETS["oauth_client_secret"])
    oauth_refresh_token = _secret(SECRETS["oauth_refresh_token"])
    dkim_key = _secret(SECRETS["dkim_key"])
    has_password = serializers.BooleanField(source="sealed_password", read_only=True)
    has_oauth = serializers.BooleanField(source="sealed_oauth", read_only=True)
    has_dkim_key = serializers.BooleanField(source="sealed_dkim_key", read_only=True)
    signs = serializers.SerializerMethodField(help_text="Whether mails bear its own signature.")
    dkim_record = serializers.SerializerMethodField()
    domain_report = DomainReportSerializer(read_only=True)
    health = serializers.SerializerMethodField()
    blackout_dates = serializers.ListField(
        child=serializers.CharField(max_length=10), required=False, max_length=1000
    )

    class Meta:
        model = Mailbox
        fields = ["id", "address", "display_name", "signature", "status", "status_reason"]
        fields += ["provider", "sign_in", "username", "password", "has_password"]
        fields += ["oauth_token_url", "oauth_client_id", "oauth_client_secret"]
        fields += ["oauth_refresh_token", "has_oauth"]
        fields += ["smtp_host", "smtp_port", "smtp_security"]
        fields += ["imap_host", "imap_port", "imap_security"]
        fields += ["daily_limit", "ramp_start", "ramp_step", "domain_limit"]
        fields += ["pace_min_seconds", "pace_max_seconds", "time_zone", "country"]
        fields += ["subdivision", "windows", "blackout_dates", "next_send_at", "last_synced_at"]
        fields += ["dkim_domain", "dkim_selector", "dkim_key", "has_dkim_key", "signs"]
        fields += ["dkim_record", "domain_report", "domain_checked_at", "health"]
        fields += ["created_at", "updated_at"]
        read_only_fields = ["status", "status_reason", "next_send_at", "last_synced_at"]
        read_only_fields += ["domain_checked_at"]
        extra_kwargs = dict.fromkeys(
            ["smtp_host", "imap_host"], {"max_length": 253, "required": False, "allow_blank": True}
        )

    def get_signs(self, mailbox: Mailbox) -> bool:
        return signs(mailbox)

    @extend_schema_field(RecordSerializer(allow_null=True))
    def get_dkim_record(self, mailbox: Mailbox) -> dict[str, str] | None:
        """What is to be published for the mailbox's own key."""
        try:
            record = dkim_record(mailbox)
        except DomainError:  # no key opens it: the connection test says so
            return None
        return record._asdict() if record else None

    @extend_schema_field(HealthSerializer)
    def get_health(self, mailbox: Mailbox) -> Any:
        now = timezone.now()
        return HealthSerializer(measured([mailbox.pk], now=now)[mailbox.pk]).data

    def validate_address(self, address: str) -> str:
        return address.lower()

    def validate_dkim_domain(self, domain: str) -> str:
        return domain.lower()

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        wanted = copy(self.instance) if self.instance else Mailbox()
        for name, value in given.items():
            setattr(wanted, name, value)
        entered = _entered(given)
        fill_in(wanted, entered)
        faults = faults_of(wanted, entered, before=self.instance)
        if faults:
            raise ValidationError({name: [sentence] for name, sentence in faults.items()})
        return given | {name: getattr(wanted, name) for name in FILLED}

    def create(self, given: dict[str, Any]) -> Mailbox:
        return self._saved(Mailbox(), given, before=None)

    def update(self, mailbox: Mailbox, given: dict[str, Any]) -> Mailbox:
        return self._saved(mailbox, given, before=copy(mailbox))

    def _saved(self, mailbox: Mailbox, given: dict[str, Any], before: Mailbox | None) -> Mailbox:
        for name, value in given.items():
            if name not in SECRETS:
                setattr(mailbox, name, value)
        keep(mailbox, _entered(given), before=before)
        mailbox.save()
        mailbox.refresh_from_db()
        return mailbox


def _entered(given: dict[str, Any]) -> Entered:
    return Entered(**{name: given[name] for name in SECRETS if name in given})


class CheckSerializer(StrictSerializer):
    """What signing in at both servers led to."""

    works = serializers.BooleanField(read_only=True)
    server = serializers.ChoiceField(
        choices=["smtp", "imap", ""], read_only=True, help_text="Where it failed; empty if nowhere."
    )
    folders = serializers.ListField(child=serializers.CharField(), read_only=True)
    code = serializers.CharField(read_only=True, help_text="What is wrong; empty if nothing.")
    detail = serializers.CharField(read_only=True)
