"""PostgreSQL of a test's own, which may be killed."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.core.management import call_command
from django.db import connection

from prospectflow.environment import database_from
from prospectflow.operations import embedded
from prospectflow.operations.embedded.state import is_free


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
        server = embedded.status(self.folder).postgres
        pid = str(server.pid)
        children = subprocess.run(["pgrep", "-P", pid], capture_output=True, text=True)
        for each in (pid, *children.stdout.split()):
            with suppress(ProcessLookupError):
                os.kill(int(each), signal.SIGKILL)
        # Killed is not yet gone: the next server would be given another port.
        while embedded.status(self.folder).postgres.running or not is_free(server.port):
            time.sleep(0.01)

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
