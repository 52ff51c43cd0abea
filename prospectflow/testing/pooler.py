"""PgBouncer as it is deployed, in front of a test's own database."""

import os
import shutil
import subprocess
import time
from pathlib import Path
from tempfile import mkdtemp

from psycopg import OperationalError, connect
from psycopg.conninfo import conninfo_to_dict

from prospectflow.operations.embedded import postgres, state

PGBOUNCER = "/usr/sbin/pgbouncer"
START = Path(__file__).parents[2] / "deploy" / "pgbouncer" / "start"


class Pooler:
    """PgBouncer in transaction mode before the server of `url`; it may be restarted on its port."""

    def __init__(self, url: str, *, pool: int = 25, clients: int = 200) -> None:
        assert Path(PGBOUNCER).exists(), "PgBouncer is missing: apt-get install pgbouncer."
        self.account = postgres._account()
        self.folder = Path(mkdtemp(prefix="pgbouncer-"))
        if self.account.options:
            os.chown(self.folder, self.account.options["user"], self.account.options["group"])
        server = conninfo_to_dict(url)
        self.port = state._free_port(self.folder, set())
        self.told = {
            "PATH": os.environ["PATH"] + ":/usr/sbin",
            "PGBOUNCER_DIRECTORY": str(self.folder),
            "PGBOUNCER_HOST": "127.0.0.1",
            "PGBOUNCER_PORT": str(self.port),
            "PGBOUNCER_MAX_CLIENT_CONN": str(clients),
            "PGBOUNCER_DEFAULT_POOL_SIZE": str(pool),
            "SERVER_HOST": str(server["host"]),
            "SERVER_PORT": str(server["port"]),
            "APP_PASSWORD": str(server["password"]),
        }
        self.url = url.replace(f":{server['port']}/", f":{self.port}/")
        self.start()

    def start(self) -> None:
        """Serve, and return once it does."""
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(  # noqa: S603
                [*self.account.prefix, START],
                stdout=log,
                stderr=log,
                cwd="/",
                env=self.told,
                **self.account.options,
            )
        for _ in range(100):
            try:
                connect(self.url, connect_timeout=2).close()
            except OperationalError:
                time.sleep(0.05)
            else:
                return
        self.kill()
        raise AssertionError((self.folder / "log").read_text())

    def kill(self) -> None:
        """End it as `systemctl restart` does when it has no patience: every session is cut."""
        self.process.kill()
        self.process.wait()

    def remove(self) -> None:
        """End it for good."""
        self.kill()
        shutil.rmtree(self.folder)
