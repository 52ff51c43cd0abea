"""PostgreSQL's COPY text format: what a value looks like between two tabs."""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from itertools import compress, repeat

NULL = r"\N"
ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r", "\0": "\ufffd"})

Value = str | bool | int | Decimal | date | None


def escaped(text: str) -> str:
    """Any text as COPY reads it back; what PostgreSQL cannot hold becomes a question mark."""
    if text.isprintable():  # then a backslash is all there may be to escape
        return text.replace("\\", r"\\") if "\\" in text else text
    return text.encode("utf-8", "replace").decode().translate(ESCAPES)


def written(value: Value) -> str:
    """One clean value as COPY reads it back."""
    if value is None:
        return NULL
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, bool):
        return "t" if value else "f"
    return value.isoformat() if isinstance(value, date) else str(value)


def lines(
    names: Iterable[str], columns: Mapping[str, Iterable[str]], chosen: Iterable[object]
) -> str:
    """The chosen ones of the rows given by column; a name without a column is NULL throughout."""
    given = (columns[name] if name in columns else repeat(NULL) for name in names)
    joined = "\n".join(map("\t".join, compress(zip(*given, strict=False), chosen)))
    return f"{joined}\n" if joined else ""


def written_json(values: Mapping[str, str | int]) -> str:
    """A JSON object as COPY reads it back."""
    storable = {_storable(name): _storable(value) for name, value in values.items()}
    return escaped(json.dumps(storable, ensure_ascii=False))


def _storable[Item: (str, int, str | int)](item: Item) -> Item | str:
    """Text without what jsonb refuses: NUL, and halves of characters."""
    if not isinstance(item, str) or item.isprintable():
        return item
    return item.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
