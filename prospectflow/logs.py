"""How a line of the log looks: with the id of its request, and never forged by what it tells."""

import logging

from prospectflow.tenancy.context import request_id

BELOW = "    "  # stands before each line of a traceback: an entry begins with its time


class RequestIdFilter(logging.Filter):
    """Gives each line of the log the id of its request, or a dash outside of one."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get() or "-"
        return True


class OneLineFormatter(logging.Formatter):
    """A message is one line, whatever a stranger put into it; a traceback is indented below."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return _spelt_out(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        entry, *below = super().format(record).splitlines() or [""]
        return "\n".join([entry, *(BELOW + _spelt_out(line) for line in below)])


def _spelt_out(text: str) -> str:
    """The text with `\\n` and the like in the place of what moves a cursor or turns text round."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )
