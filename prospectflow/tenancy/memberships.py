"""Which organisations a person may enter, and as what."""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection


@dataclass(frozen=True)
class Place:
    """A person's active membership of one organisation."""

    organisation_id: UUID
    slug: str
    name: str
    role: str


def memberships_of(user_id: UUID) -> list[Place]:
    """The person's active memberships by name; asked before any organisation is entered."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM iam.memberships_of(%s)", [user_id])
        return [Place(*row) for row in cursor.fetchall()]
