"""PostgreSQL of a test's own, which may be killed, and PgBouncer in front of it."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

from django.core.management import call_command
from django.db import connection
from psycopg import OperationalError, connect
from psycopg.conninfo import conninfo_to_dict

from outreach.tests.mail_server import free_port
from prospectflow.environment import database_from
from prospectflow.operations import embedded
from prospectflow.operations.embedded import postgres

PGBOUNCER = "/usr/sbin/pgbouncer"
CONFIGURATION = """
[databases]
prospectflow = host=127.0.0.1 port={server_port} dbname=prospectflow

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
pool_mode = transaction
auth_type = scram-sha-256
auth_file = {folder}/users.txt
logfile = {folder}/log
pidfile = {folder}/pid
"""


class Cluster:
    """A server with a migrated database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        embedded.start(folder)

    def url(self, role: embedded.servers.Role = "app") -> str:
        """Where a role finds the database."""
        return embedded.database_url(self.folder, role=role)

    def kill(self) -> None:
        """Kill -9 of the server with all its sessions, as when its machine fails."""
        pid = str(embedded.status(self.folder).postgres.pid)
        children = subprocess.run(["pgrep", "-P", pid], capture_output=True, text=True)
        for each in (pid, *children.stdout.split()):
            with suppress(ProcessLookupError):
                os.kill(int(each), signal.SIGKILL)

    def recover(self) -> None:
        """Start again, from what was on the disk."""
        embedded.start(self.folder)
        connection.close()


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster in which Django's own connection works as well, until it is over."""
    before = dict(connection.settings_dict)
    found = Cluster(folder)
    try:
        _lead_to(found.url("owner"))
        call_command("migrate", verbosity=0)
        _lead_to(found.url())
        yield found
    finally:
        connection.close()
        connection.settings_dict.update(before)
        embedded.stop(folder)


def _lead_to(url: str) -> None:
    engine = connection.settings_dict["ENGINE"]
    connection.close()
    connection.settings_dict.update(database_from(url) | {"ENGINE": engine})


class Pooler:
    """PgBouncer in transaction mode; it may be restarted on its port."""

    def __init__(self, cluster: Cluster) -> None:
        assert Path(PGBOUNCER).exists(), "PgBouncer is missing: apt-get install pgbouncer."
        self.account = postgres._account()
        self.folder, self.port = Path(mkdtemp(prefix="pgbouncer-")), free_port()
        found = conninfo_to_dict(cluster.url())
        told = {"port": self.port, "server_port": found["port"], "folder": self.folder}
        (self.folder / "pgbouncer.ini").write_text(CONFIGURATION.format(**told))
        (self.folder / "users.txt").write_text(f'"{found["user"]}" "{found["password"]}"\n')
        if self.account.options:
            for each in (self.folder, *self.folder.iterdir()):
                os.chown(each, self.account.options["user"], self.account.options["group"])
        self.url = cluster.url().replace(f":{found['port']}/", f":{self.port}/")
        self.start()

    def start(self) -> None:
        """Serve, and return once it does."""
        self.process = subprocess.Popen(
            [*self.account.prefix, PGBOUNCER, self.folder / "pgbouncer.ini"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            **self.account.options,
        )
        for _ in range(100):
            try:
                connect(self.url, connect_timeout=2).close()
            except OperationalError:
                time.sleep(0.05)
            else:
                return
        self.process.kill()
        self.process.wait()
        raise AssertionError((self.folder / "log").read_text())

    def kill(self) -> None:
        """End it as `systemctl restart` does when it has no patience: every session is cut."""
        self.process.kill()
        self.process.wait()
        (self.folder / "pid").unlink(missing_ok=True)

    def remove(self) -> None:
        """End it for good."""
        self.kill()
        shutil.rmtree(self.folder)
