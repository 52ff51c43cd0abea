"""Pages for what was measured. Everything here is counted by machines and only read."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from iam.tenant_admin import TenantAdmin, link_to
from tracking.models import DailyStats, OpenStats, Pixel

HEAVY = ("message__raw", "message__body_html", "message__body_text")


@admin.register(Pixel)
class PixelAdmin(TenantAdmin):
    """The pictures in mails to people who consented."""

    read_only = True
    list_display = ["of", "expires_at"]
    list_display_links = ["expires_at"]
    list_select_related = ["message"]
    ordering = ["-id"]
    fields = ["of", "expires_at", "created_at"]
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer(*HEAVY)

    @display(description="Message")
    def of(self, pixel: Pixel) -> SafeString | str:
        return link_to(pixel.message)


@admin.register(OpenStats)
class OpenStatsAdmin(TenantAdmin):
    """How often mails were opened."""

    read_only = True
    list_display = ["of", "unique_opens", "total_opens", "machine_opens", "last_open_at"]
    list_display_links = ["last_open_at"]
    list_select_related = ["message"]
    ordering = ["-last_open_at", "id"]
    fields = [
        "of",
        ("unique_opens", "total_opens", "machine_opens"),
        ("first_open_at", "last_open_at"),
    ]
    readonly_fields = ["of"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer(*HEAVY)

    @display(description="Message")
    def of(self, stats: OpenStats) -> SafeString | str:
        return link_to(stats.message)


@admin.register(DailyStats)
class DailyStatsAdmin(TenantAdmin):
    """The numbers of each day, step and variant."""

    read_only = True
    list_display = ["day", "campaign", "workflow_step", "variant", *DailyStats.COUNTERS]
    list_filter = [("campaign", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["campaign", "workflow_step", "variant"]
    ordering = ["-day", "id"]
    fields = [("campaign", "workflow_step", "variant"), "day", *DailyStats.COUNTERS]
