"""Try an archive: whether a database can be made of it that holds what its manifest says."""

from contextlib import closing
from pathlib import Path

import psycopg

from prospectflow.errors import DomainError

from .archives import Archive, set_aside, verified
from .comparing import differences
from .databases import Server
from .encryption import can_open
from .errors import BackupFailed, BackupRefused
from .loading import load
from .names import Name

NAMED_AT_MOST = 5


def refuse_what_cannot_be_tried(name: Name, file: str) -> None:
    """Raise BackupRefused where no database can be made of such an archive, or not here."""
    if name.kind != "full" or name.schemas:
        raise BackupRefused("Only a whole backup can be tried: full, without --schema.")
    if not can_open(Path(file)):
        raise BackupRefused(
            "A trial restore of an encrypted backup needs the private key: set BACKUP_IDENTITY."
        )


def try_out(archive: Archive, *, database_url: str) -> None:
    """Restore it into a scratch database, compare, and drop that; BackupFailed says what is amiss.

    Where it fails the archive is set aside, so that another is made. Call it within `alone`.
    """
    server = Server(database_url)
    prefix = f"{server.database}_trial_"
    try:
        server.drop_left_over(prefix)
        found = _tried(archive, server, f"{prefix}{archive.manifest.made_at:%Y%m%d_%H%M%S}")
    except (DomainError, psycopg.Error) as error:
        raise _useless(archive, str(error).splitlines()[0]) from error
    if found:
        raise _useless(archive, "; ".join(found[:NAMED_AT_MOST]))


def _tried(archive: Archive, server: Server, scratch: str) -> list[str]:
    """In what the scratch database differs from the manifest."""
    said = archive.manifest
    with verified(archive.path) as opened, server.new(scratch):
        load(server, opened.dump, into=scratch)
        with closing(server.connect(scratch)) as session:
            found = list(differences(session, rows=said.rows, migrations=said.migrations))
    server.drop(scratch)
    return found


def _useless(archive: Archive, reason: str) -> BackupFailed:
    kept = set_aside(archive)
    return BackupFailed(f"A trial restore failed, of {kept.path} as it is called now: {reason}")
