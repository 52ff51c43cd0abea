"""Which profile a file has, and what each of its columns becomes."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from crm.importing.errors import UnknownProfile
from crm.importing.profiles.generic import GENERIC
from crm.importing.profiles.items import ITEMS
from crm.importing.profiles.pharow import PHAROW
from crm.importing.profiles.profile import Mapped, Profile, collisions
from crm.importing.profiles.sirene import SIRENE_ESTABLISHMENTS, SIRENE_UNITS

__all__ = ["PROFILES", "Suggestion", "choose", "collisions", "profile_of", "suggestions"]

# In the order in which they are looked for: establishments before units, whose columns a file
# of establishments may carry along; generic, which has no markers, is what is left.
PROFILES = {
    profile.name: profile
    for profile in (PHAROW, ITEMS, SIRENE_ESTABLISHMENTS, SIRENE_UNITS, GENERIC)
}


class Suggestion(NamedTuple):
    """What a column seems to be (a target, KEEP or IGNORE), and why.

    `reason` is a code that `crm.importing.sentences` words; `rivals` are the other columns that
    claim the same target, of which people must choose one.
    """

    header: str
    target: str
    reason: str
    rivals: tuple[str, ...]


def profile_of(headers: Iterable[str], name: str | None = None) -> Profile:
    """The named profile, or the one whose markers the headers carry; else UnknownProfile."""
    if name is not None and name not in PROFILES:
        raise UnknownProfile(f"There is no profile “{name}”; there are: {', '.join(PROFILES)}.")
    if name:
        return PROFILES[name]
    found = tuple(headers)
    return next((each for each in PROFILES.values() if each.recognises(found)), GENERIC)


def choose(
    headers: Iterable[str], name: str | None = None, columns: Mapping[str, str] | None = None
) -> Mapped:
    """The file's columns as somebody settled them, or as the profile reads them."""
    found = tuple(headers)
    profile = profile_of(found, name)
    return profile.mapped(columns or profile.suggested(found))


def suggestions(
    headers: Iterable[str], profile: Profile, columns: Mapping[str, str] | None = None
) -> list[Suggestion]:
    """Every column with what it seems to be and why; where somebody settled it, with that."""
    places = profile.places(headers)
    settled = {
        header: (columns or {}).get(header, place.target) for header, place in places.items()
    }
    claimed = collisions(settled)
    return [
        Suggestion(
            header,
            target,
            places[header].reason if target == places[header].target else "column_chosen",
            tuple(rival for rival in claimed.get(target, ()) if rival != header),
        )
        for header, target in settled.items()
    ]
