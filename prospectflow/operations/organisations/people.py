"""Who the people of an archive are here: the same account, the same subject, the same address."""

from typing import Any

from iam.models import User
from prospectflow.errors import DomainError
from prospectflow.operations.organisations.tables import USERS, Table, ask, run

SAME = (
    f"UPDATE {USERS.brought} p SET here = u.id FROM iam.users u WHERE u.id = p.id",
    f"UPDATE {USERS.brought} p SET here = u.id FROM iam.users u"
    " WHERE p.here IS NULL AND u.cognito_sub = p.cognito_sub",
    f"UPDATE {USERS.brought} p SET here = u.id FROM iam.users u"
    " WHERE p.here IS NULL AND u.email = p.email",
)
NEW = f"SELECT id, email, first_name, last_name FROM {USERS.brought} WHERE here IS NULL"
ARRIVED = f"UPDATE {USERS.brought} SET here = id WHERE here IS NULL"
MERGED = f"""
SELECT string_agg(email, ', ' ORDER BY email) FROM {USERS.brought}
GROUP BY here HAVING count(*) > 1 LIMIT 1
"""


class PeopleMerged(DomainError):
    """Two people of the archive are one account here."""


def find_people(present: list[Table]) -> None:
    """Have the rows that came in name the accounts of this database.

    Whoever has none gets one without a password or a subject: their first sign-in with the
    address claims it. Raises PeopleMerged.
    """
    run(f"ALTER TABLE {USERS.brought} ADD here uuid")
    for statement in SAME:
        run(statement)
    _make(ask(NEW))
    run(ARRIVED)
    if merged := ask(MERGED):
        raise PeopleMerged(
            f"{merged[0][0]} are two people in the archive and one account here: have one of them"
            " sign in with the address of the archive first."
        )
    for table in present:
        for column in table.people:
            run(
                f'UPDATE {table.brought} t SET "{column}" = p.here FROM {USERS.brought} p'
                f' WHERE p.id = t."{column}" AND p.here <> p.id'
            )


def _make(rows: list[tuple[Any, ...]]) -> None:
    names = ("id", "email", "first_name", "last_name")
    people = [User(**dict(zip(names, row, strict=True))) for row in rows]
    for person in people:
        person.set_unusable_password()
    User.objects.bulk_create(people)
