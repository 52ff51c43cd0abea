"""The twelve suites, each run in a transaction that is always undone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from django.db import DatabaseError, connection, transaction

from . import columns, indexes, isolation, keys, migrations, policies, rights, rules, server

Check = Callable[[], Iterator[str]]


@dataclass(frozen=True)
class Suite:
    """A subject, and the function that yields a sentence for each thing that is wrong."""

    name: str
    check: Check
    writes: bool = False


@dataclass(frozen=True)
class Result:
    """What one suite found."""

    name: str
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems


SUITES = (
    Suite("schemas", columns.schemas),
    Suite("tables and columns", columns.tables_and_columns),
    Suite("composite keys", keys.composite_keys),
    Suite("organisation-first indexes", indexes.organisation_first),
    Suite("composite foreign keys", keys.composite_foreign_keys),
    Suite("policies", policies.policies),
    Suite("isolation", isolation.isolation, writes=True),
    Suite("missing setting", isolation.missing_setting, writes=True),
    Suite("roles and grants", rights.roles_and_grants),
    Suite("triggers and checks", rules.triggers_and_checks),
    Suite("migrations", migrations.migrations_applied),
    Suite("server", server.version_and_settings),
)


def validate() -> Iterator[Result]:
    """Run each suite against the default database; nothing that is tried stays."""
    for suite in SUITES:
        yield Result(suite.name, problems_of(suite))


def problems_of(suite: Suite) -> list[str]:
    """What one suite finds; that it cannot finish is a problem too."""
    try:
        with transaction.atomic():
            if not suite.writes:
                connection.cursor().execute("SET TRANSACTION READ ONLY")
            found = list(suite.check())
            transaction.set_rollback(True)
            return found
    except DatabaseError as error:
        return [f"the suite could not finish: {' '.join(str(error).split())}"]
