"""Rows of the database as an import holds them: what may still change, what has changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from crm.importing.report import Tally
from crm.models import Company, Person, Position

STICKY = {  # an import may set these, and never takes them back
    "email_status": {"invalid", "do_not_contact"},
    "diffusion": {"P"},
}


@dataclass(eq=False)
class Held[Record: (Company, Person, Position)]:
    """One row, new or stored. Within one file the first value of a field stands."""

    record: Record
    new: bool = True
    settled: set[str] = field(default_factory=set)
    unsaved: set[str] = field(default_factory=set)
    changed: bool = False

    def set(self, name: str, value: Any) -> bool:
        """Give a field its value; whether it had another one."""
        if getattr(self.record, name) == value:
            return False
        setattr(self.record, name, value)
        self.unsaved.add(name)
        self.changed = True
        return True


class Shelf[Record: (Company, Person, Position)]:
    """The rows of one table that the import has met, each held once."""

    def __init__(self, model: type[Record], *, source: str, at: datetime) -> None:
        self.model: type[Record] = model
        self.origin = {"source": source, "at": at.isoformat()}
        self.by_id: dict[Any, Held[Record]] = {}
        self.touched: dict[Held[Record], None] = {}
        self.met: dict[Held[Record], None] = {}

    def hold(self, record: Record) -> Held[Record]:
        """The one Held of a stored row."""
        return self.by_id.setdefault(record.pk, Held(record, new=False))

    def index(self, held: Held[Record]) -> None:
        """Let a row be found by more than its id; each table says by what."""

    def meet(self, ids: Iterable[Any]) -> None:
        """Hold the stored rows with these ids, in one query at most."""
        if missing := set(ids) - self.by_id.keys():
            for record in self.model._default_manager.filter(pk__in=missing):
                self.index(self.hold(record))

    def apply(self, held: Held[Record], facts: Mapping[str, Any]) -> None:
        """Take over the facts that this file has not settled yet, with their source and date."""
        self.touched[held] = self.met[held] = None
        for name, value in facts.items():
            if name in held.settled or getattr(held.record, name) in STICKY.get(name, ()):
                continue
            held.settled.add(name)
            if held.set(name, value):
                held.record.provenance[name] = self.origin
                held.unsaved.add("provenance")

    def write(self) -> None:
        """Store what is new and what has changed since the last time, in a few statements."""
        rows = self.model._default_manager
        fresh = [held for held in self.met if held.record._state.adding]
        changed = [held for held in self.met if held.unsaved and not held.record._state.adding]
        rows.bulk_create([held.record for held in fresh])
        self.by_id |= {held.record.pk: held for held in fresh}
        if fields := set[str]().union(*(held.unsaved for held in changed)):
            rows.bulk_update([held.record for held in changed], sorted(fields), batch_size=200)
        for held in self.met:
            held.unsaved.clear()
        self.met.clear()

    def tally(self) -> Tally:
        """How many rows the file made, changed, and found as they were."""
        return tally(self.touched)


def tally(rows: Iterable[Held[Any]]) -> Tally:
    """The rows counted by what became of them."""
    counts = Tally()
    for held in rows:
        if held.new:
            counts.created += 1
        elif held.changed:
            counts.updated += 1
        else:
            counts.unchanged += 1
    return counts
