"""Bodies are read strictly: what is not asked for, or far too long, is refused by its name."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, cast
from uuid import UUID

from django.core.validators import MaxLengthValidator
from django.db import models
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from prospectflow.api.sentences import speak

SPARSE = frozenset({"list", "retrieve", "export"})  # the actions whose answers can be narrowed
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LONGEST_INDEXED = 500  # characters; an index takes no more than 2,704 bytes (nbtree)
LONGEST_TEXT = 10_000  # characters, where a serializer does not say otherwise
UNKNOWN = ErrorDetail("There is no such field.", "unknown_field")
READ_ONLY = ErrorDetail("This field cannot be set: leave it out.", "read_only")
# What JSON has to say for a field; the framework would read 5 as "5", and "yes" as true.
KINDS: list[tuple[type[serializers.Field] | tuple[type[serializers.Field], ...], type, str]] = [
    (serializers.BooleanField, bool, "true or false"),
    (serializers.IntegerField, int, "a whole number"),
    (
        (
            serializers.CharField,
            serializers.UUIDField,
            serializers.DateField,
            serializers.DateTimeField,
            serializers.PrimaryKeyRelatedField,
        ),
        str,
        "a text",
    ),
]


class StrictSerializer(serializers.Serializer):
    """Refuses unknown fields, and fields that are only read unless they come back unchanged.

    An answer holds only the fields that the view's context names as `wanted`, if it names any.
    """

    default_error_messages = {"invalid": "Send one JSON object."}

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        indexed = _indexed(getattr(getattr(self, "Meta", None), "model", None))
        for name, field in fields.items():
            source = getattr(field, "source", None) or name
            _limit(field, LONGEST_INDEXED if source in indexed else LONGEST_TEXT)
            if isinstance(field, serializers.Field) and not field.read_only:
                speak(field)
        return fields

    def to_internal_value(self, data: Any) -> Any:
        refused = dict(self._refused(data)) if isinstance(data, Mapping) else {}
        try:
            value = super().to_internal_value(data)
        except ValidationError as error:
            faults = cast("dict[str, Any]", error.detail)
            raise ValidationError({**faults, **refused}) from error
        if refused:
            raise ValidationError(refused)
        return value

    def to_representation(self, row: Any) -> Any:
        request = self.context.get("request")
        written = request is not None and request.method not in SAFE
        if written and self._is_outermost() and hasattr(row, "updated_at") and row.pk:
            row.refresh_from_db(fields=["updated_at"])  # a trigger wrote it
        return super().to_representation(row)

    def _refused(self, data: Mapping[str, Any]) -> Iterator[tuple[str, list[ErrorDetail]]]:
        for name, sent in data.items():
            field = self.fields.get(name)
            if field is None:
                yield str(name), [UNKNOWN]
            elif field.read_only and not self._is_unchanged(field, sent):
                yield str(name), [READ_ONLY]
            elif not field.read_only and (kind := _missed(field, sent)):
                yield str(name), [ErrorDetail(f"Send {kind}.", "invalid")]

    def _is_unchanged(self, field: serializers.Field, sent: Any) -> bool:
        """Whoever changes one field of what was read may send the others back as they were."""
        row = getattr(self, "instance", None)
        if not isinstance(row, models.Model):
            return False
        stands = field.get_attribute(row)
        return sent == (None if stands is None else field.to_representation(stands))

    @property
    def _readable_fields(self) -> list[serializers.Field]:
        wanted = self.context.get("wanted") if self._is_outermost() else None
        readable = super()._readable_fields
        return [each for each in readable if wanted is None or each.field_name in wanted]

    def _is_outermost(self) -> bool:
        parent = self.parent
        return parent is None or (
            isinstance(parent, serializers.ListSerializer) and parent.parent is None
        )


class StrictModelSerializer(StrictSerializer, serializers.ModelSerializer):
    """One row, as programs read and write it."""


def _missed(field: serializers.Field, sent: Any) -> str | None:
    """What JSON should have said for the field, or for each member of a list, but did not."""
    child = getattr(field, "child", None) or getattr(field, "child_relation", None)
    if child is not None and isinstance(sent, list):
        return next(filter(None, (_missed(child, each) for each in sent)), None)
    if isinstance(field, serializers.PrimaryKeyRelatedField) and isinstance(sent, str):
        return None if is_uuid(sent) else "a UUID"
    for fields, kind, words in KINDS:
        if isinstance(field, fields):
            fits = sent is None or type(sent) is kind or (kind is str and isinstance(sent, str))
            return None if fits else words
    return None


def is_uuid(text: str) -> bool:
    """Whether the text is one, in any way that PostgreSQL and Python both read."""
    try:
        return bool(UUID(text))
    except ValueError:
        return False


def readable(serializer: Any) -> set[str]:
    """The names that `?fields=` may ask of this serializer."""
    serializer = getattr(serializer, "child", serializer)
    return {name for name, field in serializer.fields.items() if not field.write_only}


def _limit(field: serializers.Field, longest: int) -> None:
    if isinstance(field, serializers.CharField) and not (field.read_only or field.max_length):
        field.max_length = longest
        field.validators = [*field.validators, MaxLengthValidator(longest)]


@cache
def _indexed(model: type[models.Model] | None) -> frozenset[str]:
    """The columns that stand in an index of their table."""
    if model is None:
        return frozenset()
    uniques = [each for each in model._meta.constraints if hasattr(each, "fields")]
    indexes = [*model._meta.indexes, *uniques]
    return frozenset(name.lstrip("-") for index in indexes for name in index.fields)
