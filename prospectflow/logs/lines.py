"""How a line of the log looks: for people or for programs, and never forged by what it tells."""

import json
import logging
import socket
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from structlog.contextvars import get_contextvars

from prospectflow.tenancy.context import request_id

from .hiding import hidden, hidden_text

BELOW = "    "  # stands before each line of a traceback: an entry begins with its time
STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
SHOWN_TO_PEOPLE = frozenset({"method", "url", "statusCode", "durationMs", "sql"})
TELLING = (str, int, float, bool, dict, list, tuple, UUID, datetime, type(None))


def service() -> str:
    """Which of the project's processes this is: `web`, or the command that manage.py was given."""
    program, *arguments = sys.argv or [""]
    return arguments[0] if Path(program).name == "manage.py" and arguments else "web"


class Context(logging.Filter):
    """Gives each record the id of its request, whom it serves, and what is bound besides."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get() or "-"
        record.context = get_contextvars()
        return True


class PlainLines(logging.Formatter):
    """For people: a message is one line, whatever a stranger put into it; a traceback is indented
    below.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:
        extras = _extras(record, SHOWN_TO_PEOPLE.__contains__)
        told = "".join(f" {name}={value}" for name, value in extras.items())
        return _spelt_out(hidden_text(super().formatMessage(record) + told))

    def format(self, record: logging.LogRecord) -> str:
        entry, *below = super().format(record).splitlines() or [""]
        return "\n".join([entry, *(BELOW + _spelt_out(hidden_text(line)) for line in below)])


class JsonLines(logging.Formatter):
    """For programs: each entry is one object on one line, in ASCII."""

    def __init__(self, environment: str) -> None:
        super().__init__()
        self.process = {
            "host": socket.gethostname(),
            "service": service(),
            "environment": environment,
        }

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "level": record.levelname.lower(),
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "event": record.getMessage(),
            "module": record.name,
            "pid": record.process,
            **self.process,
            "requestId": getattr(record, "request_id", "-").removeprefix("-"),
            **getattr(record, "context", {}),
            **_extras(record, _tells),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        said = {name: value for name, value in entry.items() if value not in ("", None)}
        return json.dumps(hidden(said), default=str)


def _tells(name: str) -> bool:
    return name not in STANDARD and name not in {"request_id", "context"}


def _extras(record: logging.LogRecord, wanted: Callable[[str], bool]) -> Mapping[str, Any]:
    """What the record was given besides its message, where it can be written down."""
    return {
        name: value
        for name, value in record.__dict__.items()
        if wanted(name) and isinstance(value, TELLING)
    }


def _spelt_out(text: str) -> str:
    """The text with `\\n` and the like in the place of what moves a cursor or turns text round."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )
