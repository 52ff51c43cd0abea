"""What the daily numbers can be narrowed by."""

from django_filters import rest_framework as filters

from tracking.models import DailyStats


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
