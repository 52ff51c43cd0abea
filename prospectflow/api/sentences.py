"""What is wrong with a value, said in one voice; the codes are the frameworks' own."""

from copy import copy
from typing import Any

from django import forms
from django.core import validators
from django.core.exceptions import ValidationError as ModelValidationError
from django_filters.fields import IsoDateTimeField
from rest_framework import serializers
from rest_framework.relations import ManyRelatedField

MISSING = "This is missing: send it."
NULL = "This cannot be null: send a value."
BLANK = "Fill this in."
LIST = {
    "not_a_list": "Send a list.",
    "empty": "Send at least one.",
    "min_length": "Send at least {min_length} items.",
    "max_length": "Send at most {max_length} items.",
}
NUMBER = {
    "min_value": "Send at least {min_value}.",
    "max_value": "Send at most {max_value}.",
    "max_string_length": "Send fewer digits.",
}
TOO_FINE = "Send a number with fewer digits."
MOMENT = "Send a moment such as 2027-03-02T09:30:00Z."
DAY = "Send a day such as 2027-03-02."
UUID = "Send a UUID."
ADDRESS = "Send an e-mail address such as name@example.com."
# By the kind of the field; a kind also says what those say that it is made from.
SENTENCES: dict[type, dict[str, str]] = {
    serializers.Field: {"required": MISSING, "null": NULL},
    serializers.BooleanField: {"invalid": "Send true or false."},
    serializers.CharField: {
        "invalid": "Send a text.",
        "blank": BLANK,
        "max_length": "Send at most {max_length} characters.",
        "min_length": "Send at least {min_length} characters.",
    },
    serializers.EmailField: {"invalid": ADDRESS},
    serializers.UUIDField: {"invalid": UUID},
    serializers.IntegerField: {**NUMBER, "invalid": "Send a whole number."},
    serializers.BigIntegerField: {"invalid": "Send a whole number."},
    serializers.FloatField: {**NUMBER, "invalid": "Send a number.", "overflow": TOO_FINE},
    serializers.DecimalField: {
        **NUMBER,
        "invalid": "Send a number.",
        "max_digits": "Send at most {max_digits} digits.",
        "max_decimal_places": "Send at most {max_decimal_places} digits after the point.",
        "max_whole_digits": "Send at most {max_whole_digits} digits before the point.",
    },
    serializers.DateField: {"invalid": DAY, "datetime": DAY},
    serializers.DateTimeField: {
        "invalid": MOMENT,
        "date": MOMENT,
        "make_aware": MOMENT,
        "overflow": MOMENT,
    },
    serializers.ListField: LIST,
    serializers.ListSerializer: LIST,
    ManyRelatedField: LIST,
    serializers.DictField: {"not_a_dict": "Send one JSON object.", "empty": "Send at least one."},
    serializers.JSONField: {"invalid": "Send JSON."},
    serializers.FileField: {
        "required": "Send a file as a part of a form.",
        "invalid": "Send a file as a part of a form.",
        "no_name": "Name the file.",
        "empty": "The file is empty: send one with rows.",
        "max_length": "Name the file with at most {max_length} characters.",
    },
    serializers.PrimaryKeyRelatedField: {"incorrect_type": UUID},
    # What `?name=` says of lists:
    forms.Field: {"required": MISSING},
    forms.CharField: {"invalid": "Send a text."},
    forms.UUIDField: {"invalid": UUID},
    forms.DateField: {"invalid": DAY},
    forms.DateTimeField: {"invalid": MOMENT},
    IsoDateTimeField: {"invalid": MOMENT},
    forms.DecimalField: {"invalid": "Send a number."},
    forms.IntegerField: {"invalid": "Send a whole number."},
}
# What the rules of models say, by their codes, where a serializer let it through.
OF_MODELS = {
    "blank": BLANK,
    "null": NULL,
    "required": MISSING,
    "unique": "Another one has this already.",
    "invalid_choice": "This is none of its choices.",
    "max_length": "This is too long.",
}
NOT_TAKEN = "This is not what is taken here."


def speak(field: Any) -> None:
    """Give a field of a serializer or of a filter, and those within it, our sentences."""
    ours = {**_by_kind(field), **_by_content(field)}
    for code, said in field.error_messages.items():
        if not isinstance(said, str):  # the frameworks' are lazy, for translators
            field.error_messages[code] = ours.get(code, NOT_TAKEN)
    if not isinstance(field, serializers.BaseSerializer):
        field.validators = [_spoken(each, field) for each in field.validators]
    for within in ("child", "child_relation"):
        if getattr(field, within, None) is not None:
            speak(getattr(field, within))


def sentence_of(fault: ModelValidationError) -> str:
    """What a rule of a model found, in our words unless its own already are."""
    if isinstance(getattr(fault, "message", ""), str):
        return " ".join(fault.messages)
    return OF_MODELS.get(fault.code or "", NOT_TAKEN)


def _by_kind(field: Any) -> dict[str, str]:
    kinds = reversed(type(field).__mro__)
    return {code: text for kind in kinds for code, text in SENTENCES.get(kind, {}).items()}


def _by_content(field: Any) -> dict[str, str]:
    """What depends on the rows or the choices that the field knows."""
    queryset = getattr(field, "queryset", None)
    if queryset is not None:
        thing = queryset.model._meta.verbose_name
        id_sent = "" if isinstance(field, forms.Field) else ": “{pk_value}”"
        sentence = f"There is no such {thing} here{id_sent}."
        return {"does_not_exist": sentence, "invalid_choice": sentence}
    if isinstance(field, serializers.ChoiceField | forms.ChoiceField):
        return {"invalid_choice": f"Send one of: {', '.join(_choices(field))}."}
    return {}


def _choices(field: Any) -> list[str]:
    if isinstance(field, serializers.ChoiceField):
        return [str(choice) for choice in field.choices if choice != ""]
    return [str(choice) for choice, _ in field.choices if choice]


def _spoken(validator: Any, field: Any) -> Any:
    """A copy: models and their forms go on with the one that they share."""
    if isinstance(getattr(validator, "message", ""), str):
        return validator
    ours = copy(validator)
    ours.message = _of_validator(validator, field)
    return ours


def _of_validator(validator: Any, field: Any) -> str:
    unit = "items" if isinstance(field, serializers.ListField) else "characters"
    match validator:
        case validators.MaxLengthValidator(limit_value=limit):
            return f"Send at most {limit:,} {unit}."
        case validators.MinLengthValidator(limit_value=limit):
            return f"Send at least {limit:,} {unit}."
        case validators.MaxValueValidator(limit_value=limit):
            return f"Send at most {limit:,}."
        case validators.MinValueValidator(limit_value=limit):
            return f"Send at least {limit:,}."
        case validators.EmailValidator():
            return ADDRESS
        case validators.RegexValidator(regex=regex):
            pattern = str(getattr(regex, "pattern", regex)).replace("%", "%%")
            return f"Send a text of the form {pattern}"
    return NOT_TAKEN
