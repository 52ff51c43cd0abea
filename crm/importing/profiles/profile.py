"""What one kind of file calls its columns, and what becomes of each of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from crm.importing.errors import ColumnMissing, ColumnsCollide, UnknownTarget
from crm.importing.normalising import header_key
from crm.importing.profiles.targets import LABELS, TARGETS, target_label

# What becomes of a column that means nothing to us: its cells are kept as they are, or left out.
KEEP, IGNORE = "keep", "ignore"
# What the file of refused rows adds, so that the mended file can be imported as it is.
REFUSED_ROW, REFUSED_BECAUSE = "Refused row", "Refused because"


class Place(NamedTuple):
    """What a column seems to be: a target, KEEP or IGNORE, and the code of the reason why."""

    target: str
    reason: str


@dataclass(frozen=True)
class Mapped:
    """What became of a file's columns: header -> target, and the headers without one."""

    profile: str
    targets: dict[str, str]
    ignored: list[str]
    unknown: list[str]
    people: bool = True


@dataclass(frozen=True)
class Profile:
    """The headers one kind of file uses for each target, its own name for it first.

    `kept` and `ignored` hold the columns known to have no field here, with the reason's code;
    where `people` is false the rows speak of companies alone, and need no e-mail address.
    """

    name: str
    aliases: Mapping[str, tuple[str, ...]]
    required: tuple[tuple[str, ...], ...]
    ignored: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    markers: tuple[str, ...] = ()
    people: bool = True

    def recognises(self, headers: Iterable[str]) -> bool:
        """Whether one of the headers is found in this kind of file only."""
        keys = {header_key(header) for header in headers}
        return any(header_key(marker) in keys for marker in self.markers)

    def places(self, headers: Iterable[str]) -> dict[str, Place]:
        """What each header seems to be, and why."""
        known = self._known()
        unknown = Place(KEEP, "column_unknown")
        found = {header: known.get(header_key(header), unknown) for header in headers}
        if any(place.target == "person.first_name" for place in found.values()):
            _nom_beside_prenom(found)
        return found

    def suggested(self, headers: Iterable[str]) -> dict[str, str]:
        """What each header seems to mean: its target, KEEP or IGNORE."""
        return {header: place.target for header, place in self.places(headers).items()}

    def mapped(self, columns: Mapping[str, str]) -> Mapped:
        """The columns as they are to be read.

        UnknownTarget, ColumnsCollide or ColumnMissing when the file cannot be used like this.
        """
        for target in columns.values():
            if target not in (KEEP, IGNORE, *TARGETS):
                raise UnknownTarget(
                    f"Nothing is called “{target}”: there are {', '.join(TARGETS)}."
                )
        _refuse_collisions(columns)
        targets = {name: to for name, to in columns.items() if to not in (KEEP, IGNORE)}
        self._check_required(targets, columns)
        ignored = [header for header, target in columns.items() if target == IGNORE]
        kept = [header for header, target in columns.items() if target == KEEP]
        return Mapped(self.name, targets, ignored, kept, self.people)

    def _known(self) -> dict[str, Place]:
        """Every header of this kind of file, in one spelling, and what it is."""
        known: dict[str, Place] = {}
        for target, (own, *others) in self.aliases.items():
            known |= {header_key(name): Place(target, "column_alias") for name in others}
            known[header_key(own)] = Place(target, "column_exact")
        known |= {header_key(name): Place(KEEP, why) for name, why in self.kept.items()}
        known |= {header_key(name): Place(IGNORE, why) for name, why in self.ignored.items()}
        ours = Place(IGNORE, "column_of_refused_rows")
        return known | {header_key(name): ours for name in (REFUSED_ROW, REFUSED_BECAUSE)}

    def _check_required(self, targets: Mapping[str, str], headers: Iterable[str]) -> None:
        for choice in self.required:
            if not set(choice) & set(targets.values()):
                wanted = " or ".join(f"“{target_label(target, 'en')}”" for target in choice)
                found = ", ".join(f"“{header}”" for header in list(headers)[:40])
                raise ColumnMissing(
                    f"No column for {wanted} (profile {self.name}); the file has: {found}."
                )


def collisions(columns: Mapping[str, str]) -> dict[str, list[str]]:
    """The targets that two or more columns claim, each with those columns."""
    claims: dict[str, list[str]] = {}
    for header, target in columns.items():
        if target not in (KEEP, IGNORE):
            claims.setdefault(target, []).append(header)
    return {target: headers for target, headers in claims.items() if len(headers) > 1}


def _refuse_collisions(columns: Mapping[str, str]) -> None:
    told = [
        f"{' and '.join(f'“{header}”' for header in headers)} ({LABELS[target][0]})"
        for target, headers in collisions(columns).items()
    ]
    if told:
        raise ColumnsCollide(
            f"These columns mean the same: {'; '.join(told)}. Choose one and keep or ignore the"
            " other."
        )


def _nom_beside_prenom(places: dict[str, Place]) -> None:
    """Beside a first name, “name” or “nom” is the last name, unless that has its own column."""
    if not any(place.target == "person.last_name" for place in places.values()):
        for header, place in places.items():
            if place.target == "person.full_name" and header_key(header) in {"nom", "name"}:
                places[header] = Place("person.last_name", "column_beside_first_name")
