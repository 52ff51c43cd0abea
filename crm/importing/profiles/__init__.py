"""Which column means what: one profile for each kind of export."""

from crm.importing.profiles.choosing import (
    PROFILES,
    Suggestion,
    choose,
    collisions,
    profile_of,
    suggestions,
)
from crm.importing.profiles.generic import GENERIC
from crm.importing.profiles.items import ITEMS
from crm.importing.profiles.pharow import PHAROW
from crm.importing.profiles.profile import (
    IGNORE,
    KEEP,
    REFUSED_BECAUSE,
    REFUSED_ROW,
    Mapped,
    Profile,
)
from crm.importing.profiles.readers import READERS, Reader
from crm.importing.profiles.sirene import SIRENE_ESTABLISHMENTS, SIRENE_UNITS
from crm.importing.profiles.targets import (
    TARGETS,
    group_label,
    grouped_targets,
    target_label,
)

__all__ = [
    "GENERIC",
    "IGNORE",
    "ITEMS",
    "KEEP",
    "PHAROW",
    "PROFILES",
    "READERS",
    "REFUSED_BECAUSE",
    "REFUSED_ROW",
    "SIRENE_ESTABLISHMENTS",
    "SIRENE_UNITS",
    "TARGETS",
    "Mapped",
    "Profile",
    "Reader",
    "Suggestion",
    "choose",
    "collisions",
    "group_label",
    "grouped_targets",
    "profile_of",
    "suggestions",
    "target_label",
]
