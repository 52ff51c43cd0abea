"""JSON as RFC 8259 has it and PostgreSQL can keep it; anything else is refused."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import IO, Any

from rest_framework.exceptions import ErrorDetail, ParseError, ValidationError
from rest_framework.parsers import JSONParser

DEEPEST = 32  # objects and lists within each other
FORBIDDEN = {
    "null_characters": "Send no NUL characters.",
    "surrogate_characters": "Send no halves of surrogate pairs: they are no characters.",
}


class StrictJSONParser(JSONParser):
    """One object in UTF-8, each name once, numbers that are numbers, no endless nesting."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        body = (parser_context or {})["request"]._request.body  # RequestDataTooBig beyond 2.5 MB
        try:
            read = DECODER.decode(body.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise ParseError from error
        if not isinstance(read, dict):
            raise ValidationError([ErrorDetail("Send one JSON object.", "invalid")])
        check_texts(read)
        return read


def check_texts(read: dict[str, Any]) -> None:
    """400 for texts that no database takes, by their fields; MALFORMED where all is too deep."""
    if faults := dict(_faults(read)):
        raise ValidationError(faults)


def _refuse(constant: str) -> float:
    raise ValueError(constant)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(text)
    return number


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        raise ValueError("a name stands twice")
    return read


DECODER = json.JSONDecoder(
    parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_each_once
)


def _faults(read: dict[str, Any]) -> Iterator[tuple[str, list[ErrorDetail]]]:
    """Every text that no database takes, by the path of its field; MALFORMED where too deep."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), read)]
    while waiting:
        path, value = waiting.pop()
        if len(path) > DEEPEST:
            raise ParseError
        if isinstance(value, str) and (code := _fault(value)):
            yield ".".join(path), [ErrorDetail(FORBIDDEN[code], code)]
        elif isinstance(value, list):
            waiting += [((*path, str(index)), each) for index, each in enumerate(value)]
        elif isinstance(value, dict):
            for name, each in value.items():
                bare = name.encode(errors="replace").decode().replace("\0", "\ufffd")
                if code := _fault(name):
                    yield ".".join((*path, bare)), [ErrorDetail(FORBIDDEN[code], code)]
                waiting.append(((*path, bare), each))


def _fault(text: str) -> str | None:
    if "\0" in text:
        return "null_characters"
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return "surrogate_characters"
    return None
