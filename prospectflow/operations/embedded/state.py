"""The ports and passwords of the embedded servers: chosen once, kept in `servers.json`."""

import fcntl
import json
import os
import secrets
import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from .errors import EmbeddedError, explained

PORT_SETTINGS = {
    "postgres": "EMBEDDED_POSTGRES_PORT",
    "valkey": "EMBEDDED_REDIS_PORT",
    "smtp": "EMBEDDED_SMTP_PORT",
    "imap": "EMBEDDED_IMAP_PORT",
    "web": "EMBEDDED_MAIL_WEB_PORT",
    "oidc": "EMBEDDED_OIDC_PORT",
}
PASSWORDS = ("superuser", "owner", "app", "valkey", "mail")


@dataclass(frozen=True)
class State:
    """What was chosen for one directory."""

    ports: dict[str, int]
    passwords: dict[str, str]

    def port(self, name: str) -> int:
        """The port of a service: the environment's choice, or else ours."""
        return explicit_port(name) or self.ports[name]


def explicit_port(name: str) -> int | None:
    """The port that the environment demands for this service, if it does."""
    setting = PORT_SETTINGS[name]
    value = os.environ.get(setting, "").strip()
    if not value:
        return None
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= 65535:
        raise EmbeddedError(f"{setting} must be a port from 1 to 65535, not {value!r}.")
    return int(value)


def load(directory: Path) -> State:
    """The state of this directory; the first call chooses and saves it."""
    directory = directory.absolute()
    state = _read(directory)
    if state is None or not state.ports.keys() >= PORT_SETTINGS.keys():
        with lock(directory):
            state = _read(directory)
            state = _save(directory, _completed(directory, state) if state else _choose(directory))
    return state


@contextmanager
def lock(directory: Path) -> Iterator[None]:
    """Let one process at a time change what is in this directory."""
    with explained(directory):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = (directory / "servers.lock").open("w")
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def claim_ports(directory: Path, state: State, *names: str) -> State:
    """Give these services ports that are free now; a port that was asked for is never replaced."""
    ports = dict(state.ports)
    for name in names:
        ports[name] = state.port(name)
        if is_free(ports[name]):
            continue
        if explicit_port(name):
            raise EmbeddedError(
                f"Port {ports[name]} is taken by another program: "
                f"stop that, or choose another {PORT_SETTINGS[name]}."
            )
        ports[name] = _free_port(directory, set(ports.values()))
    return state if ports == state.ports else _save(directory, replace(state, ports=ports))


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _read(directory: Path) -> State | None:
    path = directory / "servers.json"
    try:
        with explained(directory):
            if not path.exists():
                return None
            state = State(**json.loads(path.read_text()))
        if "postgres" in state.ports and state.passwords.keys() >= set(PASSWORDS):
            return state
    except (ValueError, TypeError, AttributeError):
        pass
    raise EmbeddedError(
        f"{path} is damaged: stop the servers and delete the folder {directory}, "
        "or restore that file."
    )


def _save(directory: Path, state: State) -> State:
    path = directory / "servers.json"
    new = path.with_suffix(".new")
    with explained(directory):
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(descriptor, "w") as handle:
                json.dump(asdict(state), handle, indent=2)
                handle.flush()
                os.fsync(descriptor)
            new.replace(path)
        except OSError:
            new.unlink(missing_ok=True)
            raise
    return state


def _choose(directory: Path) -> State:
    passwords = {name: secrets.token_urlsafe(24) for name in PASSWORDS}
    return _completed(directory, State({}, passwords))


def _completed(directory: Path, state: State) -> State:
    """The state with a port for each service, also for one that is newer than the file."""
    ports = dict(state.ports)
    for name in (each for each in PORT_SETTINGS if each not in ports):
        ports[name] = _free_port(directory, set(ports.values()))
    return replace(state, ports=ports)


def _free_port(directory: Path, taken: set[int]) -> int:
    # Below the range from which the system takes ports for outgoing connections.
    first = zlib.crc32(bytes(directory)) % 1000 * 10
    for offset in range(10_000):
        port = 20_000 + (first + offset) % 10_000
        if port not in taken and is_free(port):
            return port
    raise EmbeddedError("No port from 20000 to 29999 is free on 127.0.0.1.")
