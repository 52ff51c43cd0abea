"""Pages for tasks, drafts and messages: read here, moved by the services."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from iam.roles import may
from iam.tenant_admin import TenantAdmin, link_to, linked
from outreach.admin.doubts import DecidesDoubts, InDoubt
from outreach.admin.explaining import explained
from outreach.models import Draft, Message, Task
from outreach.states import OPEN

TASK_COLOURS = {
    "scheduled": "info",
    "leased": "warning",
    "deferred": "warning",
    "transmitting": "warning",
    "sent": "success",
    "failed": "danger",
    "unknown": "danger",
}
DRAFT_COLOURS = {"pending": "warning", "approved": "success"}
VERDICT_COLOURS = {
    "reply": "success",
    "out_of_office": "info",
    "bounce": "danger",
    "complaint": "danger",
    "objection": "danger",
    "challenge": "warning",
    "left_company": "warning",
    "address_changed": "warning",
}


@admin.register(Task)
class TaskAdmin(DecidesDoubts, TenantAdmin):
    """The intentions to send: which mail, to whom, when, and what holds it back."""

    read_only = True
    list_display = ["step", "who", "campaign", "mailbox", "scheduled_for", "state", "approved"]
    actions = ["say_sent", "say_not_sent", "send_again"]
    list_filter = [
        InDoubt,
        "status",
        "is_approved",
        ("campaign", AutocompleteSelectFilter),
        ("mailbox", AutocompleteSelectFilter),
    ]
    list_filter_submit = True
    list_select_related = ["campaign", "mailbox", "workflow_step", "enrollment__position"]
    search_fields = ["enrollment__position__email"]
    ordering = ["-id"]
    fields = [
        ("step", "who", "campaign"),
        ("state", "scheduled_for", "mailbox"),
        "held_back",
        "decision",
        ("attempts", "leased_until", "last_error"),
        ("mail", "keeping"),
    ]
    readonly_fields = ["step", "who", "mailbox", "state", "held_back", "decision", "mail"]
    readonly_fields += ["keeping"]

    def get_fields(self, request: HttpRequest, obj: Task | None = None) -> list[Any]:
        """Only what can still be kept from leaving shows the way to do so."""
        fields = list(super().get_fields(request, obj))
        if obj is None or obj.status not in OPEN or not may(request.membership, "change"):
            fields[-1] = "mail"
        return fields

    @display(description="Step", ordering="workflow_step__step_index")
    def step(self, task: Task) -> str:
        return str(task.workflow_step)

    @display(description="To", ordering="enrollment__position__email")
    def who(self, task: Task) -> SafeString | str:
        return link_to(task.enrollment, task.enrollment.position.email or "")

    @display(description="State", ordering="status", label=TASK_COLOURS)
    def state(self, task: Task) -> str:
        return task.status

    @display(description="Approved", ordering="is_approved", boolean=True)
    def approved(self, task: Task) -> bool:
        return task.is_approved

    @display(description="Why not now")
    def held_back(self, task: Task) -> SafeString | str:
        return explained(task, now=timezone.now())

    @display(description="Mail")
    def mail(self, task: Task) -> SafeString | str:
        return link_to(task.drafts.first())

    @display(description="Keep it")
    def keeping(self, task: Task) -> SafeString:
        return linked(reverse("admin:task_cancel", args=[task.pk]), "Do not send this mail…")


@admin.register(Draft)
class DraftAdmin(TenantAdmin):
    """The texts, and who stands for them. They are approved on the review page."""

    read_only = True
    list_display = ["subject", "recipient", "state", "approver", "approved_at", "review"]
    list_filter = ["status"]
    list_select_related = ["approved_by"]
    search_fields = ["recipient"]
    ordering = ["-id"]
    fields = [
        ("recipient", "state", "review"),
        "subject",
        "text",
        ("approver", "approved_at", "approved_hash"),
        ("task", "variant", "prompt"),
        "found",
        "edited",
    ]
    readonly_fields = ["state", "review", "text", "approver", "found", "edited"]

    @display(description="State", ordering="status", label=DRAFT_COLOURS)
    def state(self, draft: Draft) -> str:
        return draft.status

    @display(description="Text")
    def text(self, draft: Draft) -> SafeString:
        return _as_written(draft.body_text)

    @display(description="Approved by")
    def approver(self, draft: Draft) -> str:
        return str(draft.approved_by) if draft.approved_by else draft.approved_rule or "–"

    @display(description="Review")
    def review(self, draft: Draft) -> SafeString:
        page = reverse("admin:review_draft", args=[draft.pk])
        return linked(page, "Open")

    @display(description="What the gates found")
    def found(self, draft: Draft) -> SafeString | str:
        sentences = ((problem.get("sentence", ""),) for problem in draft.problems)
        return format_html_join("", "<div>{}</div>", sentences) or "Nothing."

    @display(description="Edits")
    def edited(self, draft: Draft) -> SafeString | str:
        edits = (
            (edit.get("at", ""), edit.get("before", {}).get("subject")) for edit in draft.edits
        )
        return format_html_join("", "<div>{}: was “{}”</div>", edits) or "None."


@admin.register(Message)
class MessageAdmin(TenantAdmin):
    """Mails that left and mails that came in."""

    read_only = True
    list_display = ["mail", "direction", "state", "what", "whom", "moment"]
    list_display_links = None
    list_filter = ["direction", "status", "verdict"]
    list_select_related = ["position"]
    search_fields = ["position__email"]
    ordering = ["-id"]
    fields = [
        ("direction", "state", "what"),
        ("from_address", "to_address"),
        "subject",
        "text",
        ("who", "enrollment", "mailbox"),
        ("sent_at", "received_at"),
        ("rfc822_message_id", "in_reply_to"),
        ("evidence", "answer_code"),
    ]
    readonly_fields = ["who", "state", "what", "text"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer("raw", "body_html", "body_text")

    @display(description="Subject")
    def mail(self, message: Message) -> SafeString | str:
        return link_to(message)

    @display(description="State", ordering="status")
    def state(self, message: Message) -> str:
        return message.get_status_display()

    @display(description="Verdict", ordering="verdict", label=VERDICT_COLOURS)
    def what(self, message: Message) -> tuple[str, str] | str:
        return (message.verdict, message.get_verdict_display()) if message.verdict else ""

    @display(description="With", ordering="position__email")
    def whom(self, message: Message) -> str:
        return message.to_address if message.direction == "outbound" else message.from_address

    @display(description="Text")
    def text(self, message: Message) -> SafeString:
        return _as_written(message.body_text or "")

    @display(description="When")
    def moment(self, message: Message) -> object:
        return message.sent_at or message.received_at or message.created_at

    @display(description="Thread")
    def who(self, message: Message) -> SafeString | str:
        if message.position is None:
            return "–"
        page = reverse("admin:thread", args=[message.position_id])
        return linked(page, str(message.position))


def _as_written(text: str) -> SafeString:
    """A mail's text with its lines, and nothing of it taken for HTML."""
    return format_html('<div class="pf-mail">{}</div>', text)
