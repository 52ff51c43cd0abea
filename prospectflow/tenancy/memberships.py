"""Which organisations a person may enter, and as what."""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection


@dataclass(frozen=True)
class Place:
    """A person's membership of one organisation, or an invitation to it."""

    organisation_id: UUID
    slug: str
    name: str
    role: str


def memberships_of(user_id: UUID) -> list[Place]:
    """The person's active memberships by name; asked before any organisation is entered."""
    return _places("SELECT * FROM iam.memberships_of(%s)", user_id)


def invitations_of(user_id: UUID) -> list[Place]:
    """The invitations the person has not accepted, by name; none of them opens a door."""
    return _places("SELECT * FROM iam.invitations_of(%s)", user_id)


def _places(question: str, user_id: UUID) -> list[Place]:
    with connection.cursor() as cursor:
        cursor.execute(question, [user_id])
        return [Place(*row) for row in cursor.fetchall()]
