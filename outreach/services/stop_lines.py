"""Each suppression as a line of the log: a restored database has forgotten some, the log has not.

A line tells the keyed hash of an address, never the address.
"""

import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import connection, transaction

from outreach.models import Suppression
from outreach.states import SuppressionReason
from prospectflow.errors import DomainError
from prospectflow.tenancy.context import tenant

NAME = "outreach.stops"
REPLAYED = "read from the log after a restore"

logger = logging.getLogger(NAME)
logger.setLevel(logging.INFO)  # whatever LOG_LEVEL says: no other copy exists of what they tell


class StopUnreadable(DomainError):
    """A line of the log of stops cannot be read."""


@dataclass(frozen=True)
class Stop:
    """An address, by its hash and the mark of the hash's key, or a domain not to be written to."""

    organisation: UUID
    reason: str
    at: datetime
    address_hash: str | None = None
    key_mark: str | None = None
    domain: str | None = None


def write_line(suppression: Suppression) -> None:
    """Tell the log of a suppression of the organisation that is served, once it is committed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT iam.current_organisation_id()")
        organisation_id: UUID = cursor.fetchone()[0]
    stop = Stop(
        organisation_id,
        suppression.reason,
        suppression.at,
        suppression.address_hash,
        suppression.key_mark,
        suppression.domain,
    )
    line = json.dumps(asdict(stop), default=str, separators=(",", ":"))
    transaction.on_commit(partial(logger.info, "%s", line))


def read_lines(lines: Iterable[str]) -> Iterator[Stop]:
    """The stops that a log tells of, among whatever else it tells.

    Raises StopUnreadable, which names the line.
    """
    for number, line in enumerate(lines, start=1):
        if NAME in line:
            yield _stop(_told(line), number)


def _told(line: str) -> str:
    """The stop's own words in its line, plain or JSON (LOG_FORMAT); "" where there are none."""
    before, brace, after = line.partition("{")
    if NAME in before:
        return brace + after
    try:
        entry = json.loads(brace + after)
        return entry["event"] if entry["module"] == NAME else ""
    except (ValueError, TypeError, KeyError):
        return ""


def _stop(told: str, number: int) -> Stop:
    try:
        fields = json.loads(told)
        stop = Stop(
            UUID(fields["organisation"]),
            SuppressionReason(fields["reason"]).value,
            datetime.fromisoformat(fields["at"]),
            *(fields[name] for name in ("address_hash", "key_mark", "domain")),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StopUnreadable(
            f"Line {number} tells of a stop, but cannot be read: mend it, or take it out."
        ) from error
    if bool(stop.address_hash and stop.key_mark) == bool(stop.domain) or stop.at.tzinfo is None:
        raise StopUnreadable(f"Line {number} names neither an address nor a domain: take it out.")
    return stop


def replay(organisation_id: UUID, stops: Iterable[Stop]) -> int:
    """Suppress what the organisation's stops name; how many were not known. The first stands."""
    entries = [
        Suppression(
            address_hash=stop.address_hash,
            key_mark=stop.key_mark,
            domain=stop.domain,
            reason=stop.reason,
            source=REPLAYED,
            at=stop.at,
        )
        for stop in stops
    ]
    with tenant(organisation_id):
        before = Suppression.objects.count()
        Suppression.objects.bulk_create(entries, ignore_conflicts=True)
        return Suppression.objects.count() - before
