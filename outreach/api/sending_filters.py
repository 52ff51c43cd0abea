"""What lists of drafts, tasks, messages and suppressions can be narrowed by."""

from django_filters import rest_framework as filters

from outreach.api.campaign_filters import ChoiceInFilter
from outreach.models import Draft, Message, Suppression, Task
from outreach.states import (
    Direction,
    DraftStatus,
    MessageKind,
    MessageStatus,
    SuppressionReason,
    TaskStatus,
)
from prospectflow.api.filtering import BooleanFilter


class DraftFilters(filters.FilterSet):
    """By state, task, campaign and enrolment."""

    status = filters.ChoiceFilter(choices=DraftStatus.choices)
    task = filters.UUIDFilter()
    campaign = filters.UUIDFilter(field_name="task__campaign")
    enrollment = filters.UUIDFilter(field_name="task__enrollment")

    class Meta:
        model = Draft
        fields: list[str] = []


class TaskFilters(filters.FilterSet):
    """By state, campaign, enrolment, step, mailbox, approval and the hour they are planned for."""

    status = ChoiceInFilter(choices=TaskStatus.choices, lookup_expr="in")
    campaign = filters.UUIDFilter()
    enrollment = filters.UUIDFilter()
    workflow_step = filters.UUIDFilter()
    mailbox = filters.UUIDFilter()
    is_approved = BooleanFilter()
    scheduled_for__gte = filters.IsoDateTimeFilter("scheduled_for", "gte")
    scheduled_for__lte = filters.IsoDateTimeFilter("scheduled_for", "lte")

    class Meta:
        model = Task
        fields: list[str] = []


class MessageFilters(filters.FilterSet):
    """By direction, state, verdict, whom they are with, and when they left or came in."""

    direction = filters.ChoiceFilter(choices=Direction.choices)
    status = filters.ChoiceFilter(choices=MessageStatus.choices)
    verdict = filters.ChoiceFilter(choices=MessageKind.choices)
    campaign = filters.UUIDFilter(field_name="task__campaign")
    enrollment = filters.UUIDFilter()
    position = filters.UUIDFilter()
    mailbox = filters.UUIDFilter()
    to_address = filters.CharFilter()
    sent_at__gte = filters.IsoDateTimeFilter("sent_at", "gte")
    sent_at__lte = filters.IsoDateTimeFilter("sent_at", "lte")
    received_at__gte = filters.IsoDateTimeFilter("received_at", "gte")
    received_at__lte = filters.IsoDateTimeFilter("received_at", "lte")

    class Meta:
        model = Message
        fields: list[str] = []


class SuppressionFilters(filters.FilterSet):
    """By reason, domain and when it was learnt."""

    reason = filters.ChoiceFilter(choices=SuppressionReason.choices)
    domain = filters.CharFilter()
    at__gte = filters.IsoDateTimeFilter("at", "gte")
    at__lte = filters.IsoDateTimeFilter("at", "lte")

    class Meta:
        model = Suppression
        fields: list[str] = []
