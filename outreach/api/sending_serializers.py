"""How drafts, tasks, messages and suppressions look to programs."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from outreach.models import Draft, Message, Suppression, Task
from outreach.services.suppressing import address_or_domain
from outreach.states import SuppressionReason
from prospectflow.api.serializers import StrictModelSerializer, StrictSerializer
from prospectflow.errors import DomainError

HEADER_LENGTH = 998  # characters on a line of a mail (RFC 5322, 2.1.1)
BATCH, ASKED_AT_ONCE = 200, 1000
HASH = r"^[0-9a-f]{64}$"


class FindingSerializer(StrictSerializer):
    """What a gate found: an error forbids approval, a warning asks for a second look."""

    code = serializers.CharField(read_only=True)
    level = serializers.ChoiceField(choices=["error", "warning"], read_only=True)
    sentence = serializers.CharField(read_only=True)


class MailSerializer(StrictSerializer):
    """Exactly what would leave, and the hash by which it is approved."""

    sender = serializers.CharField(read_only=True)
    recipient = serializers.CharField(read_only=True)
    subject = serializers.CharField(read_only=True)
    text = serializers.CharField(read_only=True)
    html = serializers.CharField(read_only=True)
    hash = serializers.CharField(read_only=True)


class ListedDraftSerializer(StrictModelSerializer):
    """A draft in a list: whose it is and where it stands."""

    campaign = serializers.UUIDField(source="task.campaign_id", read_only=True)
    enrollment = serializers.UUIDField(source="task.enrollment_id", read_only=True)

    class Meta:
        model = Draft
        fields = ["id", "task", "campaign", "enrollment", "recipient", "subject", "status"]
        fields += ["skip_count", "approved_at", "approved_by", "approved_rule"]
        fields += ["created_at", "updated_at"]
        read_only_fields = fields


class DraftSerializer(ListedDraftSerializer):
    """A draft with the mail as it would leave, or the sentence that says why there is none."""

    problems = FindingSerializer(many=True, read_only=True)
    mail = MailSerializer(read_only=True, allow_null=True)
    refusal = serializers.CharField(read_only=True, help_text="Why there is no mail yet.")

    class Meta(ListedDraftSerializer.Meta):
        fields = [*ListedDraftSerializer.Meta.fields, "variant", "prompt", "body_text", "hooks"]
        fields += ["problems", "edits", "approved_hash", "mail", "refusal"]
        read_only_fields = [name for name in fields if name not in ("subject", "body_text")]
        extra_kwargs = {
            "subject": {"max_length": HEADER_LENGTH},
            "body_text": {"trim_whitespace": False},
        }


class SeenSerializer(StrictSerializer):
    """The hash of the mail that the person saw: `mail.hash` of the draft."""

    seen = serializers.RegexField(HASH)


class DecisionSerializer(StrictSerializer):
    """One draft of a batch; approving it needs the hash of the mail that was seen."""

    id = serializers.UUIDField()
    seen = serializers.RegexField(HASH, required=False)


class BatchSerializer(StrictSerializer):
    """One decision on many drafts."""

    action = serializers.ChoiceField(choices=["approve", "skip", "reject"])
    items = serializers.ListField(child=DecisionSerializer(), allow_empty=False, max_length=BATCH)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        ids = [item["id"] for item in given["items"]]
        if len(set(ids)) < len(ids):
            raise ValidationError({"items": [ErrorDetail("Name each draft once.", "twice")]})
        blind = [n for n, item in enumerate(given["items"]) if "seen" not in item]
        if given["action"] == "approve" and blind:
            sentence = "Send the hash of the mail that was seen."
            raise ValidationError({f"items.{n}.seen": [sentence] for n in blind}, "required")
        return given


class DecidedSerializer(StrictSerializer):
    """What became of one draft; the others do not depend on it."""

    id = serializers.UUIDField(read_only=True)
    done = serializers.BooleanField(read_only=True)
    code = serializers.CharField(read_only=True, help_text="Why not; empty when it was done.")
    detail = serializers.CharField(read_only=True)


class BatchResultSerializer(StrictSerializer):
    """Each draft's outcome, in the order in which they were sent."""

    results = DecidedSerializer(many=True, read_only=True)


class TaskSerializer(StrictModelSerializer):
    """The intention to send one step to one enrolment."""

    class Meta:
        model = Task
        fields = ["id", "campaign", "enrollment", "workflow_step", "step_index", "mailbox"]
        fields += ["scheduled_for", "status", "is_approved", "attempts", "leased_until"]
        fields += ["last_error", "created_at", "updated_at"]
        read_only_fields = fields


class CancelSerializer(StrictSerializer):
    """Why a mail is not to be sent."""

    reason = serializers.CharField(max_length=500)


class ReasonSerializer(StrictSerializer):
    """Something that holds the mail back; `until` is when it may lift by itself."""

    code = serializers.CharField(read_only=True)
    sentence = serializers.CharField(read_only=True)
    until = serializers.DateTimeField(read_only=True, allow_null=True)


class ExplanationSerializer(StrictSerializer):
    """Whether the mail may leave now, and what holds it back."""

    may_send = serializers.BooleanField(read_only=True)
    earliest = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="Null while somebody has to act first."
    )
    reasons = ReasonSerializer(many=True, read_only=True)


class ListedMessageSerializer(StrictModelSerializer):
    """A mail in a list, without its text."""

    campaign = serializers.UUIDField(source="task.campaign_id", read_only=True, allow_null=True)

    class Meta:
        model = Message
        fields = ["id", "direction", "status", "verdict", "campaign", "enrollment", "position"]
        fields += ["task", "draft", "mailbox", "variant", "from_address", "to_address", "subject"]
        fields += ["sent_at", "received_at", "created_at", "updated_at"]
        read_only_fields = fields


class MessageSerializer(ListedMessageSerializer):
    """A mail with its text and what it was taken for."""

    class Meta(ListedMessageSerializer.Meta):
        fields = [*ListedMessageSerializer.Meta.fields, "body_text", "rfc822_message_id"]
        fields += ["in_reply_to", "evidence", "answer_code"]
        read_only_fields = fields


class SuppressionSerializer(StrictModelSerializer):
    """Who must not be written to. An address is kept as a keyed hash and cannot be shown."""

    kind = serializers.SerializerMethodField()

    class Meta:
        model = Suppression
        fields = ["id", "kind", "domain", "reason", "source", "at", "created_at", "updated_at"]
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=["address", "domain"]))
    def get_kind(self, suppression: Suppression) -> str:
        return "domain" if suppression.domain else "address"


class SuppressSerializer(StrictSerializer):
    """An address or a domain that must never be written to again."""

    address = serializers.CharField(max_length=254, required=False)
    domain = serializers.CharField(max_length=253, required=False)
    reason = serializers.ChoiceField(
        choices=SuppressionReason.choices, default=SuppressionReason.BY_HAND
    )
    source = serializers.CharField(  # type: ignore[assignment]
        max_length=500, default="", allow_blank=True, help_text="What it was learnt from."
    )

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if ("address" in given) == ("domain" in given):
            raise ValidationError({"address": ["Send either an address or a domain."]})
        for name in {"address", "domain"} & given.keys():
            given[name] = _checked(name, given[name])
        return given


def _checked(name: str, text: str) -> str:
    try:
        what = address_or_domain(text)
    except DomainError as refusal:
        raise ValidationError({name: [str(refusal)]}) from refusal
    if ("@" in what) != (name == "address"):
        raise ValidationError({name: [f"This is no {name}."]})
    return what


class AddressesSerializer(StrictSerializer):
    """Addresses to look up before writing to them."""

    addresses = serializers.ListField(
        child=serializers.CharField(max_length=254), allow_empty=False, max_length=ASKED_AT_ONCE
    )


class SuppressedSerializer(StrictSerializer):
    """Those of the addresses that must not be written to, as they were sent."""

    suppressed = serializers.ListField(child=serializers.CharField(), read_only=True)
