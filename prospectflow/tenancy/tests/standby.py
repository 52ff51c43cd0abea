"""A second server that streams from a test's own cluster, and may be made late or be stopped."""

import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

from django.db import connections
from psycopg import connect

from outreach.tests.faults.cluster import Cluster
from outreach.tests.mail_server import free_port
from prospectflow.environment import database_from, replica_from
from prospectflow.operations import embedded
from prospectflow.operations.embedded import postgres, state
from prospectflow.tenancy import replica


class Standby:
    """A physical copy of the cluster, in a folder of its own, that streams."""

    def __init__(self, primary: Cluster, folder: Path) -> None:
        self.primary, self.folder = primary, folder
        self._copy()
        embedded.start(folder)

    def _copy(self) -> None:
        """What a fresh embedded server would find, so that it is started as any other."""
        given = state.load(self.primary.folder)
        (self.folder / "postgres").mkdir(mode=0o700)
        chosen = {name: free_port() for name in given.ports}
        state._save(self.folder, state.replace(given, ports=chosen))
        noted = self.primary.folder / "postgres" / "bootstrapped"
        shutil.copy(noted, self.folder / "postgres" / "bootstrapped")
        account = postgres._account()
        if account.options:
            os.chown(self.folder / "postgres", account.options["user"], account.options["group"])
            self.folder.chmod(0o711)
        command = [postgres.binaries() / "pg_basebackup", "--write-recovery-conf", "--no-sync"]
        into = ["--checkpoint=fast", "--pgdata", self.folder / "postgres" / "data"]
        url = self.primary.url("superuser").replace("/prospectflow", "/postgres")
        subprocess.run(
            [*account.prefix, *command, *into, "--dbname", url],
            env=postgres.environment(),
            cwd="/",
            check=True,
            capture_output=True,
            **account.options,
        )

    def url(self) -> str:
        """Where the serving role finds the copy."""
        return embedded.database_url(self.folder)

    def run(self, statement: str) -> object:
        """The first value of what the superuser asks of the copy."""
        with connect(embedded.database_url(self.folder, role="superuser"), autocommit=True) as own:
            asked = own.execute(statement)
            return asked.fetchone()[0] if asked.description else None

    def catch_up(self) -> None:
        """Return once the copy has everything that was committed so far."""
        with connect(self.primary.url("superuser")) as primary:
            written = primary.execute("SELECT pg_current_wal_flush_lsn()").fetchone()[0]
        for _ in range(500):
            if self.run(f"SELECT pg_last_wal_replay_lsn() >= '{written}'"):
                return
            time.sleep(0.02)
        raise AssertionError("The copy does not catch up.")

    def stop(self) -> None:
        embedded.stop(self.folder)

    def start(self) -> None:
        embedded.start(self.folder)


@contextmanager
def reads_from(url: str):
    """Let the project have this replica, for the length of a test."""
    like = connections.settings["default"]
    connections.settings[replica.REPLICA] = replica_from(database_from(url), like=like)
    replica._rests_until[replica.REPLICA] = 0.0
    try:
        yield
    finally:
        connections[replica.REPLICA].close()
        del connections[replica.REPLICA]
        del connections.settings[replica.REPLICA]
