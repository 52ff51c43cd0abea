"""Fill a new database from dumps, by pg_restore, which stops at its first error."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from . import programs
from .databases import Server
from .errors import ProgramFailed, RestoreFailed

OF_THE_TEMPLATE = frozenset({"extensions", "search"})  # only a superuser may make what is in them
AT_ONCE = min(4, os.cpu_count() or 1)
ENTRY = re.compile(r"\d+; \d+ \d+ (?P<kind>[A-Z ]+) (?P<schema>-|[^\sA-Z]\S*) (?P<name>.+)")


class Entry(NamedTuple):
    """One line of a dump's table of contents: a definition, or the rows of a table."""

    line: str
    kind: str
    schema: str
    name: str

    @property
    def is_in_template(self) -> bool:
        """Whether every new database holds it already."""
        if self.schema == "-":  # SCHEMA - search, ACL - SCHEMA search, COMMENT - EXTENSION pg_trgm
            named = {self.kind, *self.name.split()[:2]}
            return not named.isdisjoint({"EXTENSION", *OF_THE_TEMPLATE})
        return self.schema in OF_THE_TEMPLATE


def load(server: Server, dump: Path, *, into: str) -> None:
    """Fill a database that was made of the template with all that a dump holds.

    Raises ProgramFailed, with the first error.
    """
    _restore(server, dump, into)


def load_mixed(server: Server, present: Path, archive: Path, *, schema: str, into: str) -> None:
    """Fill a database with one dump, but with another's rows in one schema.

    Both are of the same migrations. Raises ProgramFailed, and RestoreFailed where the rows do not
    fit together: foreign keys come last, and PostgreSQL looks at each row.
    """
    _restore(server, present, into, "--section=pre-data")
    _restore(server, present, into, "--section=data", keeping=lambda entry: entry.schema != schema)
    _restore(server, archive, into, "--section=data", keeping=lambda entry: entry.schema == schema)
    try:
        _restore(server, present, into, "--section=post-data")
    except ProgramFailed as error:
        raise RestoreFailed(
            f"What {schema} held then does not fit the other schemas as they are now: restore the"
            f" whole archive. {error}"
        ) from error


def _restore(
    server: Server,
    dump: Path,
    into: str,
    *options: str,
    keeping: Callable[[Entry], bool] = lambda entry: True,
) -> None:
    with _listed(dump, keeping) as wanted:
        programs.run(
            "pg_restore",
            *("--exit-on-error", f"--jobs={AT_ONCE}", f"--use-list={wanted}", *options),
            *(f"--dbname={into}", dump),
            database_url=server.url(into),
        )


@contextmanager
def _listed(dump: Path, keeping: Callable[[Entry], bool]) -> Iterator[Path]:
    """A file that names what pg_restore is to take from the dump."""
    entries = _entries(programs.run("pg_restore", "--list", dump))
    wanted = [entry.line for entry in entries if keeping(entry) and not entry.is_in_template]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "wanted"
        file.write_text("\n".join(wanted) + "\n")
        yield file


def _entries(listed: str) -> list[Entry]:
    found = ((line, ENTRY.fullmatch(line)) for line in listed.splitlines())
    return [Entry(line, *match.groups()) for line, match in found if match]
