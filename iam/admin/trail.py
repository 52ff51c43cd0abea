"""The pages of what was done here, and of the operators' visits. They are only ever read."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display
from unfold.utils import parse_date_str

from iam import trail
from iam.models import AuditEvent, OperatorEntry
from iam.roles import may
from iam.services import record
from iam.tenant_admin import TenantAdmin, linked
from prospectflow import exporting

COLUMNS: dict[str, Callable[[AuditEvent], Any]] = {
    "at": lambda event: event.at.isoformat(),
    "who": trail.who,
    "action": lambda event: event.action,
    "object_type": lambda event: event.object_type,
    "object_id": lambda event: event.object_id,
    "description": lambda event: event.description,
    "changes": lambda event: event.changes,
    "request_id": lambda event: event.request_id,
}


class DaysFilter(RangeDateFilter):
    """From one day to another, both included, by the organisation's clock."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "day"

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if first := self._day("from"):
            queryset = queryset.filter(at__gte=_midnight(first))
        if last := self._day("to"):
            queryset = queryset.filter(at__lt=_midnight(last + timedelta(days=1)))
        return queryset

    def _day(self, end: str) -> date | None:
        return parse_date_str(self.used_parameters.get(f"{self.parameter_name}_{end}", ""))


class ActionFilter(admin.SimpleListFilter):
    """What was done."""

    title = "action"
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(action, action) for action in trail.ACTIONS]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(action=self.value()) if self.value() else queryset


class ObjectFilter(admin.SimpleListFilter):
    """What it was done to."""

    title = "object"
    parameter_name = "object_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        shown = [model._meta for model in admin.site._registry]
        return sorted(((meta.label_lower, str(meta.verbose_name)) for meta in shown), key=_name)

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(object_type=self.value()) if self.value() else queryset


@admin.register(AuditEvent)
class AuditEventAdmin(TenantAdmin):
    """What people and programs did here, what it changed, and the way to take it away as a file."""

    read_only = True
    view_capability = "read_audit"
    list_display = ["at", "who", "action", "kind", "thing", "changed"]
    list_filter = [("at", DaysFilter), ActionFilter, ObjectFilter]
    list_filter_submit = True
    list_select_related = ["user", "service_account"]
    ordering = ["-at", "id"]
    fields = ["at", "who", "action", "kind", "thing", "what_changed", "request_id"]
    readonly_fields = fields

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.export)
        return [
            path("export/<slug:form>/", view, name="iam_auditevent_export"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        may_export = may(request.membership, "export")
        return super().changelist_view(request, {"may_export": may_export} | (extra_context or {}))

    def export(self, request: HttpRequest, form: str) -> HttpResponse:
        """The events that the list's filters leave, all of them, as CSV or NDJSON."""
        if not (self.has_view_permission(request) and may(request.membership, "export")):
            raise PermissionDenied
        if form not in exporting.FORMS:
            raise Http404
        try:
            events = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return redirect("admin:iam_auditevent_changelist")
        record("exported", at=timezone.now(), user=request.user, text="audit trail")
        place = request.membership
        rows = (
            {name: read(event) for name, read in COLUMNS.items()}
            for page in exporting.pages(events, organisation_id=place.organisation_id)
            for event in page
        )
        return exporting.download(form, f"audit-trail-{place.slug}", list(COLUMNS), rows)

    @display(description="Who", ordering="user__email")
    def who(self, event: AuditEvent) -> str:
        return trail.who(event)

    @display(description="Object", ordering="object_type")
    def kind(self, event: AuditEvent) -> str:
        return trail.subject_of(event) or trail.NOTHING

    @display(description="Which")
    def thing(self, event: AuditEvent) -> SafeString | str:
        page = f"admin:{event.object_type.replace('.', '_')}_change"
        text = event.description or trail.NOTHING
        try:
            return linked(reverse(page, args=[event.object_id]), text)
        except NoReverseMatch:
            return text

    @display(description="Changes")
    def changed(self, event: AuditEvent) -> str:
        return trail.summary(event)

    @display(description="What changed")
    def what_changed(self, event: AuditEvent) -> SafeString | str:
        lines = trail.lines(event)
        return format_html_join("", "<div>{}</div>", lines) or trail.NOTHING


@admin.register(OperatorEntry)
class OperatorEntryAdmin(TenantAdmin):
    """Who of the platform was here, why, and until when."""

    read_only = True
    view_capability = "read_audit"
    list_display = ["entered_at", "user", "reason", "ends_at"]
    list_select_related = ["user"]
    ordering = ["-id"]
    fields = ["user", "reason", "entered_at", "ends_at"]
    readonly_fields = fields


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


def _name(choice: tuple[str, str]) -> str:
    return choice[1]
