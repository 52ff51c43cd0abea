"""What the resources of campaigns share: sparse lists, fresh answers, careful deletions."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import Model
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.serializers import BaseSerializer

from outreach.services.campaigns import check_subject, check_text
from outreach.services.discarding import discard
from outreach.templating import TemplateRefused
from prospectflow.api.serializers import StrictModelSerializer
from prospectflow.api.viewsets import EditableTenantViewSet


class RuledSerializer(StrictModelSerializer):
    """A row whose `fixed` fields are said once, when it is made."""

    fixed: ClassVar[tuple[str, ...]] = ()

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if self.partial and not given:
            raise ValidationError("Send at least one field that can be changed.", "empty")
        changed = [name for name in self.fixed if self.instance and self._differs(name, given)]
        if changed:
            sentence = ErrorDetail("This cannot be changed: make another instead.", "fixed")
            raise ValidationError({name: [sentence] for name in changed})
        return given

    def _differs(self, name: str, given: dict[str, Any]) -> bool:
        return name in given and given[name] != getattr(self.instance, name)


class TemplatesSerializer(RuledSerializer):
    """A row with templates; one that no mail could be written from is refused."""

    def validate_subject_template(self, text: str | None) -> str | None:
        return usable(text, check_subject)

    def validate_body_template(self, text: str | None) -> str | None:
        return usable(text, check_text)


def usable(text: str | None, check: Callable[[str | None], None]) -> str | None:
    """The template as it came; 400 with what is wrong with it."""
    try:
        check(text)
    except TemplateRefused as refusal:
        raise serializers.ValidationError(str(refusal), "template_refused") from refusal
    return text


class RuledViewSet(EditableTenantViewSet):
    """Rows that mails tell of: what was sent is never changed or lost by an edit."""

    list_serializer_class: ClassVar[type[BaseSerializer[Any]] | None] = None

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        if self.action == "list" and self.list_serializer_class:
            return self.list_serializer_class
        return super().get_serializer_class()

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        self.perform_save(serializer)
        self.reread(serializer)

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        self.perform_save(serializer)
        self.reread(serializer)

    def perform_save(self, serializer: BaseSerializer[Any]) -> None:
        """Keep the row; a resource with a rule of its own says it here."""
        serializer.save()

    def reread(self, serializer: BaseSerializer[Any]) -> None:
        """Answer with the row as PostgreSQL keeps it."""
        row: Any = serializer.instance
        serializer.instance = self.get_queryset().get(pk=row.pk)

    def perform_destroy(self, instance: Model) -> None:
        discard(instance)
