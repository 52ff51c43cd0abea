"""Every code of an import as a sentence, in the languages that people read here."""

import re
from collections.abc import Mapping
from string import Formatter
from typing import Any

from crm.importing.profiles.targets import target_label
from crm.importing.sentences.of_cells import CELLS
from crm.importing.sentences.of_columns import COLUMNS
from crm.importing.sentences.of_rows import ROWS
from crm.importing.sentences.wording import Wording

LANGUAGES = ("en", "fr")
SENTENCES: Mapping[str, Wording] = {**CELLS, **ROWS, **COLUMNS}
_UNEXPLAINED = Wording("This could not be used as it is.", "Ceci n’a pas pu être repris tel quel.")
_MISSING = "…"


def sentence(code: str, language: str, **detail: Any) -> str:
    """The code's sentence with its fields filled in; English for a language not known here.

    Never fails, since a report must be readable after its code has changed: an unknown code is
    a general sentence, a field that is missing an ellipsis.
    """
    said = SENTENCES.get(code, _UNEXPLAINED)
    french = language == "fr"
    return _Filling(language).vformat(said.fr if french else said.en, (), detail)


def fields_of(template: str) -> set[str]:
    """The names of the fields that a sentence fills in."""
    return {name for _text, name, _spec, _turn in Formatter().parse(template) if name}


class _Filling(Formatter):
    """Fills fields in: `{days:day|days}` counts, `:day` is a date, `:label` names a target."""

    def __init__(self, language: str) -> None:
        self.language = language

    def get_value(self, key: int | str, args: Any, kwargs: Mapping[str, Any]) -> Any:
        return kwargs.get(str(key), _MISSING)

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec == "label":
            return target_label(str(value), self.language)
        if format_spec == "day":
            return _day(str(value), self.language)
        return _counted(value, format_spec, self.language) if "|" in format_spec else str(value)


def _counted(value: Any, words: str, language: str) -> str:
    one, _, many = words.partition("|")
    single = value in ((0, 1) if language == "fr" else (1,))
    return f"{value} {one if single else many}"


def _day(text: str, language: str) -> str:
    """The date as people write it; in English as ISO does, since its order differs by country."""
    found = re.match(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", text)
    if found is None:
        return text
    return f"{found[3]}/{found[2]}/{found[1]}" if language == "fr" else found[0]
