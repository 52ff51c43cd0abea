"""Which organisations a person may enter, and as what."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection


@dataclass(frozen=True)
class Place:
    """Somebody's place in one organisation: a membership, a visit, or an invitation to it.

    `until` is when a visit or an invitation ends; a session or token from `access_after` or
    before opens nothing. A program's place bears the id of its service account.
    """

    organisation_id: UUID
    slug: str
    name: str
    role: str
    until: datetime | None = None
    access_after: datetime | None = None
    service_account_id: UUID | None = None


@dataclass(frozen=True)
class Places:
    """A person's places: those open to them, and those only offered, each by name."""

    open: list[Place]
    offered: list[Place]

    def of(self, organisation_id: UUID) -> Place | None:
        """The open place in this organisation; a membership comes before a visit."""
        return next((each for each in self.open if each.organisation_id == organisation_id), None)


def places_of(user_id: UUID | None, *, at: datetime) -> Places:
    """Where the person may go at this moment, each organisation once; asked before any is entered.

    Who belongs to an organisation is a member there, also during a visit begun before.
    """
    found: dict[str, list[Place]] = {"membership": [], "visit": [], "invitation": []}
    if user_id is not None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM iam.places_of(%s, %s)", [user_id, at])
            for kind, *place in cursor.fetchall():
                found[kind].append(Place(*place))
    members = {place.organisation_id for place in found["membership"]}
    visits = [place for place in found["visit"] if place.organisation_id not in members]
    return Places(open=found["membership"] + visits, offered=found["invitation"])
