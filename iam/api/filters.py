"""What lists of members, programs and deeds can be narrowed by."""

from django_filters import rest_framework as filters

from iam.models import (
    AuditEvent,
    Membership,
    MembershipStatus,
    Role,
    ServiceAccount,
    ServiceAccountStatus,
)


class MembershipFilters(filters.FilterSet):
    """By role, and by whether it opens the door."""

    role = filters.ChoiceFilter(choices=Role.choices)
    status = filters.ChoiceFilter(choices=MembershipStatus.choices)

    class Meta:
        model = Membership
        fields: list[str] = []


class ServiceAccountFilters(filters.FilterSet):
    """By whether the program is let in."""

    status = filters.ChoiceFilter(choices=ServiceAccountStatus.choices)

    class Meta:
        model = ServiceAccount
        fields: list[str] = []


class AuditEventFilters(filters.FilterSet):
    """By time, by who did it, by what it was done to, and by request."""

    at__gte = filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte")
    at__lt = filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt")
    user = filters.UUIDFilter()
    service_account = filters.UUIDFilter()
    action = filters.CharFilter()
    object_type = filters.CharFilter()
    object_id = filters.CharFilter()
    request_id = filters.CharFilter()

    class Meta:
        model = AuditEvent
        fields: list[str] = []
