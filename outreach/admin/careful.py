"""What pages over campaigns and all that is in them have in common: nothing that tells is lost."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.forms import PaginationInlineFormSet

from iam.tenant_admin import TenantAdmin
from outreach.services import campaigns as services
from outreach.services.discarding import discard
from prospectflow.errors import DomainError


class TemplatesForm(forms.ModelForm):
    """Refuses a template that could not be rendered, and says what is wrong with it."""

    def clean_subject_template(self) -> str | None:
        return self._checked("subject_template", services.check_subject)

    def clean_body_template(self) -> str | None:
        return self._checked("body_template", services.check_text)

    def _checked(self, field: str, check: Callable[[str | None], None]) -> str | None:
        text = self.cleaned_data[field]
        try:
            check(text)
        except DomainError as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        return text


class CarefulFormSet(PaginationInlineFormSet):
    """Rows that go only where nothing tells of them."""

    def delete_existing(self, obj: Model, commit: bool = True) -> None:
        if commit:
            discard(obj)


class CarefulAdmin(TenantAdmin):
    """Rows that go only where nothing tells of them."""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, ...]:
        """What `discard` lets go may take its own rows along."""
        rows, counts, _needed, protected = super().get_deleted_objects(objs, request)
        return rows, counts, set(), protected

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        discard(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        for row in queryset:
            discard(row)
