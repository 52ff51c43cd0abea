"""How mailboxes look to programs."""

from copy import copy
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from outreach.models import Mailbox
from outreach.services.mailboxes import faults_of, set_password
from prospectflow.api.serializers import StrictModelSerializer, StrictSerializer


class ListedMailboxSerializer(StrictModelSerializer):
    """A mailbox in a list: what it is and how it fares."""

    class Meta:
        model = Mailbox
        fields = ["id", "address", "display_name", "status", "status_reason", "daily_limit"]
        fields += ["time_zone", "next_send_at", "last_synced_at", "created_at", "updated_at"]
        read_only_fields = fields


class MailboxSerializer(StrictModelSerializer):
    """A mailbox. Its password goes in, and never comes out again."""

    address = serializers.EmailField(max_length=254)
    password = serializers.CharField(
        write_only=True, required=False, trim_whitespace=False, max_length=1000
    )
    has_password = serializers.BooleanField(source="sealed_password", read_only=True)
    blackout_dates = serializers.ListField(
        child=serializers.CharField(max_length=10), required=False, max_length=1000
    )

    class Meta:
        model = Mailbox
        fields = ["id", "address", "display_name", "signature", "status", "status_reason"]
        fields += ["username", "password", "has_password"]
        fields += ["smtp_host", "smtp_port", "smtp_security"]
        fields += ["imap_host", "imap_port", "imap_security"]
        fields += ["daily_limit", "pace_min_seconds", "pace_max_seconds", "time_zone", "country"]
        fields += ["subdivision", "windows", "blackout_dates", "next_send_at", "last_synced_at"]
        fields += ["created_at", "updated_at"]
        read_only_fields = ["status", "status_reason", "next_send_at", "last_synced_at"]
        extra_kwargs = dict.fromkeys(["smtp_host", "imap_host"], {"max_length": 253})

    def validate_address(self, address: str) -> str:
        return address.lower()

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        wanted = copy(self.instance) if self.instance else Mailbox()
        for name, value in given.items():
            setattr(wanted, name, value)
        faults = faults_of(wanted, password=given.get("password", ""), before=self.instance)
        if faults:
            raise ValidationError({name: [sentence] for name, sentence in faults.items()})
        return given

    def create(self, given: dict[str, Any]) -> Mailbox:
        return self.update(Mailbox(), given)

    def update(self, mailbox: Mailbox, given: dict[str, Any]) -> Mailbox:
        if password := given.pop("password", ""):
            set_password(mailbox, password)
        for name, value in given.items():
            setattr(mailbox, name, value)
        mailbox.save()
        mailbox.refresh_from_db()
        return mailbox


class CheckSerializer(StrictSerializer):
    """What signing in at both servers led to."""

    works = serializers.BooleanField(read_only=True)
    folders = serializers.ListField(child=serializers.CharField(), read_only=True)
    code = serializers.CharField(read_only=True, help_text="What is wrong; empty if nothing.")
    detail = serializers.CharField(read_only=True)
