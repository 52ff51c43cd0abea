"""Whole databases, as their owner: copied from the template, filled, renamed, dropped."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from .errors import RestoreRefused
from .locking import MAINTENANCE

TEMPLATE = "prospectflow_template"  # bootstrap.sql makes it
LONGEST_NAME = 63  # of PostgreSQL's identifiers; a longer one is silently cut off
GLANCE_SECONDS = 0.05
POWERS = """
SELECT pg_has_role(current_user, datdba, 'USAGE') AND rolcreatedb,
    rolbypassrls OR rolsuper, pg_has_role(current_user, 'pg_signal_backend', 'USAGE'),
    EXISTS (SELECT FROM pg_database WHERE datname = %s)
FROM pg_roles, pg_database
WHERE rolname = current_user AND datname = current_database()
"""
NAMES = "SELECT datname FROM pg_database"
MOMENT = r"\d{8}_\d{6}"
# Once the renaming holds the database, no new session gets in; until then ending one is in vain.
END_SESSIONS = """
SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity AS a JOIN pg_roles ON oid = usesysid
WHERE datname = %(name)s AND NOT rolsuper AND EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'object' AND classid = 'pg_database'::regclass
        AND objid = a.datid AND mode = 'AccessExclusiveLock' AND granted
)
ORDER BY a.application_name = %(last)s, pid
"""
RIGHTS = """
SELECT format('GRANT %%s ON DATABASE %%I TO %%s', privilege_type, datname,
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END)
FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))
WHERE datname = %s
"""


@dataclass(frozen=True)
class Server:
    """The way to a PostgreSQL server, as the owner of the database that serves there."""

    owner_url: str  # to that database; any conninfo of libpq

    @property
    def database(self) -> str:
        """The name of the database that serves."""
        return str(conninfo_to_dict(self.owner_url)["dbname"])

    def url(self, database: str) -> str:
        """The same way, to another database of the server."""
        return make_conninfo(self.owner_url, dbname=database)

    def connect(self, database: str, **options: Any) -> psycopg.Connection:
        """A session in one of the server's databases, each statement for itself.

        Raises RestoreRefused where it does not answer or does not let the role in.
        """
        try:
            return psycopg.connect(
                self.url(database), autocommit=True, prepare_threshold=None, **options
            )
        except psycopg.OperationalError as error:
            reason = str(error).splitlines()[0]
            raise RestoreRefused(f"{database} cannot be reached: {reason}") from error

    def refuse_unless_able(self) -> None:
        """Raise RestoreRefused where this role or server could not replace the database."""
        with closing(self.connect(self.database)) as session:
            owns, sees_all, ends_sessions, has_template = (
                session.execute(POWERS, [TEMPLATE]).fetchone() or (False,) * 4
            )
        user = conninfo_to_dict(self.owner_url)["user"]
        if not (owns and sees_all):
            raise RestoreRefused(
                f"The role {user} may not replace {self.database}: run this as"
                " prospectflow_owner (DATABASE_ROLE=owner, or its URL in DATABASE_URL)."
            )
        if not (ends_sessions and has_template):
            raise RestoreRefused(
                f"The role {user} may not end sessions, or the database {TEMPLATE} is missing:"
                " run deploy/database/bootstrap.sql once more, as a superuser."
            )

    def drop(self, name: str) -> None:
        """Delete a database and end its sessions; one that is not there is dropped already."""
        self._in_maintenance(_named("DROP DATABASE IF EXISTS {} WITH (FORCE)", name))

    def drop_left_over(self, prefix: str) -> None:
        """Delete what killed processes left: databases whose names are this and a moment."""
        with closing(self.connect(MAINTENANCE)) as session:
            names = [name for (name,) in session.execute(NAMES)]
        for name in names:
            if re.fullmatch(re.escape(prefix) + MOMENT, name):
                self.drop(name)

    @contextmanager
    def new(self, name: str) -> Iterator[None]:
        """A database with the extensions and operators of ours, and nothing else in it.

        Only its owner gets in. It is dropped when the block raises; raises RestoreRefused where
        the name is too long or taken.
        """
        if len(name.encode()) > LONGEST_NAME:
            raise RestoreRefused(f"The name {name} is longer than PostgreSQL's names may be.")
        try:
            self._in_maintenance(_named("CREATE DATABASE {} TEMPLATE {}", name, TEMPLATE))
        except errors.DuplicateDatabase as error:
            raise RestoreRefused(f"A database {name} is there already.") from error
        try:
            self._in_maintenance(_named("REVOKE ALL ON DATABASE {} FROM PUBLIC", name))
            yield
        except BaseException:
            self.drop(name)
            raise

    def put_in_place(self, new: str, *, kept: str, last: str) -> None:
        """Give the name of the serving database to `new`, and the name `kept` to it: both or none.

        Its sessions end, those of the application name `last` after all others, and whoever may
        connect to it may to the new one. Raises RestoreRefused where a superuser's are open.
        """
        with ThreadPoolExecutor(1) as beside, closing(self.connect(MAINTENANCE)) as session:
            renamed = beside.submit(self._rename, new, kept)
            while not renamed.done():
                session.execute(END_SESSIONS, {"name": self.database, "last": last})
                time.sleep(GLANCE_SECONDS)
            _raised(renamed, self.database)

    def _rename(self, new: str, kept: str) -> None:
        with closing(self.connect(MAINTENANCE)) as session, session.transaction():
            rights = session.execute(RIGHTS, [self.database]).fetchall()
            session.execute(_named("ALTER DATABASE {} RENAME TO {}", self.database, kept))
            session.execute(_named("ALTER DATABASE {} RENAME TO {}", new, self.database))
            for (grant,) in rights:
                session.execute(grant.encode())

    def _in_maintenance(self, statement: sql.Composed) -> None:
        with closing(self.connect(MAINTENANCE)) as session:
            session.execute(statement)


def _named(statement: str, *names: str) -> sql.Composed:
    return sql.SQL(statement).format(*map(sql.Identifier, names))


def _raised(renamed: Future[None], database: str) -> None:
    try:
        renamed.result()
    except errors.ObjectInUse as error:
        raise RestoreRefused(
            f"Sessions of a superuser are open in {database}: end them, and restore again."
        ) from error
