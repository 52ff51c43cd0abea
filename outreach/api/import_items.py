"""Prospects sent as JSON: any number, read one by one, kept as a file with one on each line."""

import codecs
import json
from collections.abc import Iterator, Mapping
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ParseError, ValidationError
from rest_framework.parsers import BaseParser

from outreach import sent_files
from prospectflow.api.errors import Problem
from prospectflow.api.parsers import DECODER, check_texts

LIST = "data"
CHUNK = 1 << 16  # bytes
LONGEST = 1 << 20  # characters of one value: as long as a line of a file may be
AFTER = tuple(" \t\n\r,:]}")  # what ends a value: without it a number may go on
NO_OBJECT = "Send one JSON object for each prospect."


class Items(TemporaryUploadedFile):
    """The objects of the list as NDJSON in a temporary file, and the first that is none."""

    def __init__(self) -> None:
        super().__init__("items.ndjson", "application/x-ndjson", 0, "utf-8")
        self.count = 0
        self.wrong: int | None = None

    def add(self, item: Any, text: str) -> None:
        """Keep one item as it was written; between its values a line may have ended."""
        if self.wrong is None and not isinstance(item, dict):
            self.wrong = self.count
        self.count += 1
        self.write(text.replace("\n", " ").replace("\r", " ").encode() + b"\n")


class ItemsParser(BaseParser):
    """One object whose list may be of any length; everything else in it as everywhere."""

    # No JSONParser, whose bodies the framework reads whole.
    media_type = "application/json"
    streams = True

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        items = Items()  # closed with the request
        request = (parser_context or {})["request"]._request
        request._post, request._files = QueryDict(), MultiValueDict({LIST: [items]})
        return read_object(stream, items)


@extend_schema_field(
    {"type": "array", "minItems": 1, "items": {"type": "object", "additionalProperties": {}}}
)
class ItemsField(serializers.Field):
    """The list that the parser kept."""

    default_error_messages = {"not_a_list": "Send a list.", "empty": "Send at least one."}

    def to_internal_value(self, data: Any) -> Items:
        if not isinstance(data, Items):
            self.fail("not_a_list")
        if not data.count:
            self.fail("empty")
        if data.wrong is not None:
            raise ValidationError({str(data.wrong): [ErrorDetail(NO_OBJECT, "invalid")]})
        data.flush()
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class _Text:
    """A window on the text of a stream: what was read and not yet taken."""

    def __init__(self, stream: IO[Any]) -> None:
        self._stream, self._decoder = stream, codecs.getincrementaldecoder("utf-8")()
        self._text, self._at, self._taken, self._ended = "", 0, 0, False

    def next(self) -> str:
        """The next character that is no blank, left where it is; "" at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in " \t\n\r":
                    return self._text[self._at]
                self._at += 1
            if self._ended:
                return ""
            self._read_on(CHUNK)

    def take(self, *wanted: str) -> str:
        """The next character, which must be one of these; ValueError else."""
        found = self.next()
        if found not in wanted or not found:
            raise ValueError(found)
        self._at += 1
        return found

    def value(self) -> tuple[Any, str]:
        """The next value and how it was written; ValueError where there is none."""
        self.next()
        while True:
            try:
                value, end = DECODER.raw_decode(self._text, self._at)
                if self._text[end : end + 1] in AFTER or self._ended:
                    return value, self._cut(end)
            except json.JSONDecodeError:
                if self._ended:
                    raise
            if len(self._text) - self._at > LONGEST:
                sentence = f"No value is longer than {LONGEST:,} characters: check the quotes."
                raise Problem(413, "TOO_LARGE", sentence)
            self._read_on(len(self._text) - self._at)

    def _cut(self, end: int) -> str:
        text = self._text[self._at : end]
        self._at = end
        return text

    def _read_on(self, least: int) -> None:
        piece = self._stream.read(max(least, CHUNK))
        self._taken += len(piece)
        if self._taken > settings.IMPORT_MAX_BYTES:
            raise too_large()
        self._ended = not piece
        self._text = self._text[self._at :] + self._decoder.decode(piece, final=self._ended)
        self._at = 0


def read_object(stream: IO[Any], items: Items) -> dict[str, Any]:
    """The one object in the stream, with the items in the place of its list.

    ParseError where it is no JSON, ValidationError for texts that no database takes, and Problem
    where it is too large.
    """
    read: dict[str, Any] = {}
    text = _Text(stream)
    try:
        for name in _names(text):
            if name in read:
                raise ValueError(name)
            is_list = name == LIST and text.next() == "["
            read[name] = _filled(items, text) if is_list else text.value()[0]
    except (ValueError, RecursionError) as error:
        raise ParseError from error
    check_texts({name: value for name, value in read.items() if name != LIST})
    return read


def _names(text: _Text) -> Iterator[str]:
    """The names of the one object, each before its value; ValueError where more follows it."""
    text.take("{")
    if text.next() == "}":
        text.take("}")
    else:
        after = ","
        while after == ",":
            if text.next() != '"':
                raise ValueError(text.next())
            name = text.value()[0]
            text.take(":")
            yield name
            after = text.take(",", "}")
    if text.next():
        raise ValueError(text.next())


def _filled(items: Items, text: _Text) -> Items:
    text.take("[")
    after = text.take("]") if text.next() == "]" else ","
    while after == ",":
        items.add(*text.value())
        after = text.take(",", "]")
    items.size = items.tell()
    items.seek(0)
    return items


def too_large() -> Problem:
    """The refusal of a file that is larger than any may be."""
    return Problem(413, "FILE_TOO_LARGE", sent_files.too_large())
