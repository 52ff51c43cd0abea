"""What lists of numbers, opens and pixels can be narrowed by."""

from django_filters import rest_framework as filters

from tracking.models import DailyStats, OpenStats, Pixel


class DailyStatsFilters(filters.FilterSet):
    """By campaign, step, variant and day; both ends of a range belong to it."""

    campaign = filters.UUIDFilter()
    workflow_step = filters.UUIDFilter()
    variant = filters.UUIDFilter()
    day__gte = filters.DateFilter("day", "gte")
    day__lte = filters.DateFilter("day", "lte")

    class Meta:
        model = DailyStats
        fields: list[str] = []


class OpensFilters(filters.FilterSet):
    """By mail, and by when it was last opened; both ends of a range belong to it."""

    message = filters.UUIDFilter()
    last_open_at__gte = filters.IsoDateTimeFilter("last_open_at", "gte")
    last_open_at__lte = filters.IsoDateTimeFilter("last_open_at", "lte")

    class Meta:
        model = OpenStats
        fields: list[str] = []


class PixelFilters(filters.FilterSet):
    """By mail."""

    message = filters.UUIDFilter()

    class Meta:
        model = Pixel
        fields: list[str] = []
