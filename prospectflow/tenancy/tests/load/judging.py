"""What came back, and whether it was anybody else's."""

import re
from collections import Counter
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any

MARK = re.compile(rb"Mark(\d\d)x")
ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
REASONS_OF_TENANCY = (
    "app.organisation_id is not set",
    "row-level security",
    "invalid input syntax for type uuid",
    "permission denied",
    "InsufficientPrivilege",
)


@dataclass
class Findings:
    """What all clients of a load saw."""

    leaks: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    seen: dict[int, set[bytes]] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)
    over: Event = field(default_factory=Event)
    lock: Any = field(default_factory=Lock)

    def answered(self, what: str, number: int, asked: str, status: int, body: bytes) -> None:
        """Note an answer to a member of the organisation of this number.

        The ids that were asked for prove nothing where they are said again.
        """
        strange = {int(found) for found in MARK.findall(body)} - {number}
        with self.lock:
            self.answers[what, status] += 1
            told = set(ID.findall(body)) - set(ID.findall(asked.encode()))
            self.seen.setdefault(number, set()).update(told)
        if strange:
            self.leaked(f"{what}: {number} was shown rows of {sorted(strange)}")

    def leaked(self, what: str) -> None:
        """Note somebody else's row; there is nothing more to find out."""
        with self.lock:
            self.leaks.append(what)
        self.over.set()

    def count(self, trouble: str) -> None:
        with self.lock:
            self.troubles[trouble] += 1

    def statuses(self, *kinds: str) -> Counter[int]:
        """How many answers had which status, of all or of these kinds."""
        counted: Counter[int] = Counter()
        for (what, status), times in self.answers.items():
            if not kinds or what in kinds:
                counted[status] += times
        return counted


def strange_ids(findings: Findings, owner: dict[bytes, int]) -> list[str]:
    """The rows that were seen by an organisation and belong to another."""
    return [
        f"{number} was shown {each.decode()} of {owner[each]}"
        for number, ids in findings.seen.items()
        for each in ids
        if owner.get(each, number) != number
    ]


def complaints(log: str) -> list[str]:
    """The lines in which a server failed for a reason of tenancy."""
    return [
        line for line in log.splitlines() if any(reason in line for reason in REASONS_OF_TENANCY)
    ]
