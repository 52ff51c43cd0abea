"""Mail templates for people who sell: variables, fallbacks, conditions, and nothing dangerous.

A template is Liquid. Write `Bonjour {{ first_name }},`: when the first name is missing, the mail
says `Bonjour,`, because what surrounds an empty variable (blanks, commas, brackets, a label) goes
with it. Where a word must stand, name it: `{{ company_name | default: "votre entreprise" }}`. Where
a whole sentence depends on a value, use `{% if hook %}…{% endif %}`.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import ClassVar, TextIO

from liquid import BoundTemplate, Environment, RenderContext, StrictUndefined
from liquid.builtin.output import Output, OutputNode
from liquid.exceptions import (
    BlockNestingError,
    LiquidError,
    LoopIterationLimitError,
    ResourceLimitError,
    UndefinedError,
    UnknownFilterError,
)
from liquid.stringify import to_liquid_string

from outreach.tidying import GAP_END, GAP_START, tidied
from prospectflow.errors import DomainError

LONGEST_TEMPLATE = 10_000  # with the limits below, the worst template costs under a second
LONGEST_VALUE = 5_000
TAGS = {"assign", "break", "capture", "case", "comment", "continue", "for", "if", "unless"}
PSEUDO_TAGS = {"content", "output", "illegal"}
# None of these makes its input longer: `replace` or `append` in a chain would, beyond any limit.
FILTERS = {
    "capitalize", "default", "downcase", "first", "last", "remove", "size", "strip",
    "truncate", "truncatewords", "upcase",
}  # fmt: skip


class TemplateRefused(DomainError):
    """The template cannot be used as it is written."""


class GapNode(OutputNode):
    """A printed expression that leaves a mark with its name where it prints nothing."""

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Write the value, or the mark of a gap."""
        text = to_liquid_string(self.expression.evaluate(context), context.autoescape)
        gap = f"{GAP_START}{str(self.expression).split('|')[0].strip()}{GAP_END}"
        return buffer.write(text if text.strip() else gap)


class GapOutput(Output):
    """`{{ … }}` that remembers where it printed nothing."""

    node_class = GapNode


class Sandbox(Environment):
    """Liquid without files, inclusion, arithmetic or anything that grows without bound."""

    block_nesting_limit: ClassVar[int] = 10
    context_depth_limit: ClassVar[int] = 10
    loop_iteration_limit: ClassVar[int | None] = 200
    local_namespace_limit: ClassVar[int | None] = 100_000
    output_stream_limit: ClassVar[int | None] = 50_000

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Keep only the tags and filters that are listed."""
        super().setup_tags_and_filters(extra=extra)
        for unlisted in set(self.tags) - TAGS - PSEUDO_TAGS:
            del self.tags[unlisted]
        for unlisted in set(self.filters) - FILTERS:
            del self.filters[unlisted]
        self.add_tag(GapOutput)


def render(template: str, variables: Mapping[str, object]) -> str:
    """The text for one person; `variables` names everything that may be used, missing ones as None.

    Values are data: template syntax in them stays text, control characters are dropped.
    """
    return tidied(_rendered(template, variables))


def unfilled(template: str, variables: Mapping[str, object]) -> tuple[str, ...]:
    """The variables that this text would print as nothing, in order, for a person to look at."""
    gaps = re.findall(f"{GAP_START}([^{GAP_END}]*){GAP_END}", _rendered(template, variables))
    return tuple(dict.fromkeys(gaps))


def check(template: str, allowed: Iterable[str]) -> None:
    """Refuse a template that cannot be used, saying what is wrong and on which line."""
    names = sorted(allowed)
    parsed = _parsed(template)
    analysis = parsed.analyze()
    for name, uses in analysis.globals.items():
        if name not in names:
            line = template.count("\n", 0, uses[0].span.index) + 1
            raise TemplateRefused(_unknown(name, line, names))
    for name, spans in analysis.filters.items():
        if name not in FILTERS:
            line = template.count("\n", 0, spans[0].index) + 1
            raise TemplateRefused(_unknown_filter(name, line))
    for value in (None, "exemple"):
        _rendered(template, dict.fromkeys(names, value))


def _rendered(template: str, variables: Mapping[str, object]) -> str:
    values = {name: _value(value) for name, value in variables.items()}
    try:
        return _parsed(template).render(**values)
    except LiquidError as error:
        raise TemplateRefused(_sentence(error, sorted(variables))) from None


@lru_cache(maxsize=256)
def _parsed(template: str) -> BoundTemplate:
    if len(template) > LONGEST_TEMPLATE:
        raise TemplateRefused(
            f"The template has {len(template)} characters; {LONGEST_TEMPLATE} are allowed."
        )
    try:
        return _sandbox().from_string(re.sub(f"[{GAP_START}{GAP_END}]", "", template))
    except LiquidError as error:
        raise TemplateRefused(_sentence(error, [])) from None
    except RecursionError:
        raise TemplateRefused("The template is nested too deeply; make it simpler.") from None


@cache
def _sandbox() -> Sandbox:
    return Sandbox(undefined=StrictUndefined)


def _value(value: object) -> object:
    """Plain data only; text on one line without control characters, and None for nothing."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(name): _value(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_value(item) for item in value] or None
    text = " ".join(str(value)[:LONGEST_VALUE].split())
    kept = "".join(letter for letter in text if unicodedata.category(letter)[0] != "C")
    return kept.strip() or None


def _sentence(error: LiquidError, names: list[str]) -> str:
    """One sentence about a template error, its line first when it is known."""
    context = error.context()
    line = context[0] if context else None
    if isinstance(error, LoopIterationLimitError):
        return "The template loops more than 200 times; loop over less."
    if isinstance(error, BlockNestingError):
        return "The template is nested too deeply; make it simpler."
    if isinstance(error, ResourceLimitError):
        return "The template makes too much text; make it shorter."
    if isinstance(error, UndefinedError):
        return _unknown(str(error.message).removesuffix(" is undefined").strip("'"), line, names)
    if isinstance(error, UnknownFilterError):
        return _unknown_filter(str(error.message).removeprefix("unknown filter ").strip("'"), line)
    return (
        f"{_line(line)}: {error.message}." if line else f"The template breaks off: {error.message}."
    )


def _unknown(name: str, line: int | None, names: list[str]) -> str:
    return f'{_line(line)}: there is no variable "{name}"; use one of {", ".join(names)}.'


def _unknown_filter(name: str, line: int | None) -> str:
    return f'{_line(line)}: there is no filter "{name}"; use one of {", ".join(sorted(FILTERS))}.'


def _line(line: int | None) -> str:
    return f"Line {line} of the template" if line else "In the template"
