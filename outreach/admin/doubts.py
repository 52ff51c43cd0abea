"""Deciding on mails whose sending ended in doubt: buttons on their page, actions on their list."""

from collections import Counter
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from iam.roles import may
from outreach.models import Task
from outreach.services.reconciling import Outcome, decide
from outreach.states import TaskStatus
from prospectflow.errors import DomainError

SURE = (
    "If the mail did leave, the recipient gets it twice."
    " Look into the folder of sent mail first, or ask the recipient."
)


class InDoubt(admin.SimpleListFilter):
    """The tasks whose mail may have left."""

    title = "doubt"
    parameter_name = "in_doubt"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "In doubt")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Task]) -> QuerySet[Task]:
        return queryset.filter(status=TaskStatus.UNKNOWN) if self.value() == "yes" else queryset


class DecidesDoubts:
    """What the pages of tasks offer for a mail that may have left."""

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return may(request.membership, "change")

    def get_fields(self: Any, request: HttpRequest, obj: Task | None = None) -> list[Any]:
        """Only for a mail in doubt, and only who may decide, is there anything to decide."""
        fields = super().get_fields(request, obj)  # type: ignore[misc]
        doubtful = obj is not None and obj.status == TaskStatus.UNKNOWN
        offered = doubtful and self.has_decide_permission(request)
        return [name for name in fields if name != "decision" or offered]

    @display(description="Decide")
    def decision(self, task: Task) -> SafeString:
        """Buttons within the page's form, each posting to a page of its own."""
        page = reverse("admin:task_decide", args=[task.pk])
        buttons = format_html_join(
            " ",
            '<button class="pf-button" formmethod="post" formaction="{}" formnovalidate'
            ' name="outcome" value="{}">{}</button>',
            ((page, outcome.value, outcome.label) for outcome in Outcome),
        )
        return format_html('<div class="pf-actions">{}</div>', buttons)

    @admin.action(description="In doubt: they left", permissions=["decide"])
    def say_sent(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        self._decide(request, queryset, Outcome.SENT)

    @admin.action(description="In doubt: they did not leave", permissions=["decide"])
    def say_not_sent(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        self._decide(request, queryset, Outcome.NOT_SENT)

    @admin.action(description="In doubt: send them again", permissions=["decide"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Task]) -> HttpResponse | None:
        if request.POST.get("sure") == "on":
            self._decide(request, queryset, Outcome.SEND_AGAIN)
            return None
        return self._ask(request, queryset)

    def _ask(self: Any, request: HttpRequest, queryset: QuerySet[Task]) -> HttpResponse:
        chosen = queryset.filter(status=TaskStatus.UNKNOWN).select_related("enrollment__position")
        context = {
            **self.admin_site.each_context(request),
            "title": "Send them again?",
            "tasks": chosen,
            "question": SURE,
            "action": "send_again",
            "checkbox": ACTION_CHECKBOX_NAME,
            "back": reverse("admin:outreach_task_changelist"),
        }
        return TemplateResponse(request, "console/task_sure.html", context)

    def _decide(
        self: Any, request: HttpRequest, queryset: QuerySet[Task], outcome: Outcome
    ) -> None:
        refused, at = Counter[str](), timezone.now()
        for task in queryset.order_by("enrollment_id", "id"):
            try:
                with transaction.atomic():
                    decide(task, outcome, at=at, user=request.user)
            except DomainError as refusal:
                refused[str(refusal)] += 1
        if done := len(queryset) - refused.total():
            self.message_user(request, f"{done} decided: {outcome.label.lower()}.")
        for sentence, times in refused.items():
            self.message_user(request, f"{times} not decided: {sentence}", messages.ERROR)
