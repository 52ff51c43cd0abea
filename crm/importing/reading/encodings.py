"""The encoding in which the whole of a file makes sense."""

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from crm.importing.errors import LineTooLong, NotCsv
from crm.importing.reading.limits import Limits
from crm.importing.reading.unpacking import BLOCK, Stored

# What é, è, ç and ô written in UTF-8 look like when read as Windows-1252.
MIXTURES = ("Ã©", "Ã¨", "Ã§", "Ã´")
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
SAMPLE = 4_096  # bytes in which UTF-16 without a mark shows itself
WESTERN_SHARE = 4  # every other byte is NUL in western text; one in this many must be


def encoding_of(stored: Stored, start: bytes, limits: Limits, *, long_lines: bool = False) -> str:
    """The encoding of the text, having read all of it once.

    NotCsv where it is no text, LineTooLong where a line is and that matters.
    """
    known = _marked(start) or _unmarked_utf16(start)
    for encoding in [known] if known else ["utf-8", "cp1252"]:
        with stored.opened(limits.unpacked_bytes) as stream:
            try:
                _scan(stream, encoding, stored.name, 0 if long_lines else limits.line_length)
            except UnicodeDecodeError:
                continue
        return encoding
    tried = known or "neither UTF-8 nor Windows-1252"
    raise NotCsv(f"{stored.name} is not text ({tried}); save it as CSV (UTF-8).")


def text_start(start: bytes) -> str:
    """The first characters, for a look at what they may be."""
    encoding = _marked(start) or _unmarked_utf16(start) or "utf-8"
    return start.decode(encoding, errors="replace")


@contextmanager
def text_of(stored: Stored, encoding: str, limits: Limits) -> Iterator[io.TextIOWrapper]:
    """The text of the file, line ends as they are."""
    with (
        stored.opened(limits.unpacked_bytes) as stream,
        io.TextIOWrapper(stream, encoding, newline="") as text,
    ):
        yield text


def _marked(start: bytes) -> str | None:
    return next((name for mark, name in BYTE_ORDER_MARKS.items() if start.startswith(mark)), None)


def _unmarked_utf16(start: bytes) -> str | None:
    """UTF-16 in which the upper or the lower bytes alone are NUL, as in western text."""
    sample = start[: min(SAMPLE, len(start) // 2 * 2)]
    first, second = sample[::2].count(0), sample[1::2].count(0)
    if first == 0 and second * WESTERN_SHARE > len(sample):
        return "utf-16-le"
    if second == 0 and first * WESTERN_SHARE > len(sample):
        return "utf-16-be"
    return None


def _scan(stream: io.BufferedReader, encoding: str, name: str, line_length: int) -> None:
    """Decode the file block by block, so that a bad one is refused before it fills the memory."""
    decoder = codecs.getincrementaldecoder(encoding)()
    lines = _Lines(name, line_length)
    tail = ""
    while block := stream.read(min(BLOCK, line_length or BLOCK)):
        text = decoder.decode(block)
        if "\0" in text:
            raise NotCsv(f"{name} holds NUL bytes, so it is not CSV text; save it as CSV (UTF-8).")
        if encoding == "cp1252" and any(mixture in tail + text for mixture in MIXTURES):
            raise NotCsv(
                f"{name} mixes UTF-8 and Windows-1252, so its accents cannot be trusted;"
                " save it as CSV (UTF-8)."
            )
        tail = text[-1:]
        lines.take(text)
    decoder.decode(b"", final=True)


@dataclass
class _Lines:
    """Refuses a line longer than the limit (0: none); a block may not be longer than that."""

    name: str
    limit: int
    count: int = 0
    length: int = 0

    def take(self, text: str) -> None:
        ends = [place for place in (text.find("\n"), text.find("\r")) if place >= 0]
        self._check(self.length + (min(ends) if ends else len(text)))
        if ends:
            self.length = len(text) - 1 - max(text.rfind("\n"), text.rfind("\r"))
            self.count += text.count("\n") or text.count("\r")
        else:
            self.length += len(text)

    def _check(self, length: int) -> None:
        if self.limit and length > self.limit:
            raise LineTooLong(
                f"Line {self.count + 1} of {self.name} is longer than {self.limit:,} characters;"
                " check the file's line breaks."
            )
