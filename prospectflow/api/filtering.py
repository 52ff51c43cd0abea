"""Filters that refuse what they do not understand, instead of letting every row through."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django_filters import filters
from django_filters.rest_framework import DjangoFilterBackend
from django_filters.widgets import BooleanWidget

from prospectflow.api.sentences import speak


class Filters(DjangoFilterBackend):
    """The filters of a list, which say in our words what is wrong with a value."""

    def get_filterset(self, request: Any, queryset: Any, view: Any) -> Any:
        filterset = super().get_filterset(request, queryset, view)
        for field in filterset.form.fields.values() if filterset else ():
            speak(field)
        return filterset


class _Spoken(BooleanWidget):
    """Keeps what it does not know, so that the field can refuse it."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        known = super().value_from_datadict(data, files, name)
        return data.get(name) if known is None else known


class _TrueOrFalse(forms.NullBooleanField):
    widget = _Spoken

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and value:
            raise ValidationError("Send true or false.", "invalid")
        return super().to_python(value)


class BooleanFilter(filters.BooleanFilter):
    """`true` or `false`, and nothing else."""

    field_class = _TrueOrFalse
