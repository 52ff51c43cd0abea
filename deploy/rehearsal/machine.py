"""This machine in the place of the containers: its programs, ports and folders."""

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from prospectflow.operations.embedded import postgres, valkey
from prospectflow.operations.embedded.processes import Account
from prospectflow.operations.embedded.state import is_free

from .composition import Service

HERE = "127.0.0.1"
REFUSE_ROOT = ("postgres", "deploy/pgbouncer/start", "/usr/local/bin/start-replica")
# Valkey's wheel brings no client, and the health check of redis asks for one.
REDIS_CLIENT = f"""#!{sys.executable}
import os, redis
client = redis.Redis(port=int(os.environ["REDIS_PORT"]), password=os.environ["REDISCLI_AUTH"])
print("PONG" if client.ping() else "")
"""


class Machine:
    """Translates what a service is told: names of others to ports here, its folders to ours."""

    def __init__(self, folder: Path, services: Sequence[Service]) -> None:
        self.folder = folder
        self.names = {one.name for one in services}
        self.ports: dict[tuple[str, int], int] = {}
        for one in services:
            self.make_room(one)
        self.programs = _programs(folder / "bin")
        self._unprivileged = postgres._account()

    def make_room(self, service: Service) -> None:
        """Choose a free port of this machine for each at which the service is to answer."""
        for port in service.ports:
            self.ports.setdefault((service.name, port), _free_port(set(self.ports.values())))

    def address(self, service: str) -> str:
        """Host and port at which others find a service."""
        (port,) = [chosen for (name, _), chosen in self.ports.items() if name == service]
        return f"{HERE}:{port}"

    def environment(self, service: Service) -> dict[str, str]:
        """What Compose gives the service, and where its programs are."""
        told = {key: self._variable(service, key, v) for key, v in service.environment.items()}
        return told | {"PATH": self.programs, "LC_ALL": "C.UTF-8", "HOME": str(self.folder)}

    def command(self, service: Service, words: Sequence[str]) -> list[str]:
        """A command of the service as it runs here."""
        told = [self._here(service, word) for word in words]
        return [*self.account(service).prefix, *told]

    def account(self, service: Service) -> Account:
        """Root's programs here run as root, except those that would refuse."""
        return self._unprivileged if service.command[0] in REFUSE_ROOT else Account()

    def outside(self, service: Service, inside: str) -> Path:
        """The folder or file here that the service finds at this path."""
        path = self.folder / service.folders[inside]  # an absolute one stays as it is
        if not path.exists():
            path.mkdir(mode=0o700)
            self.give_to(service, path)
        return path

    def give_to(self, service: Service, path: Path) -> None:
        """Let the service's account own what was made for it."""
        if owner := self.account(service).options:
            os.chown(path, owner["user"], owner["group"])

    def _variable(self, service: Service, key: str, value: str) -> str:
        if key.endswith("HOST") and value in {*self.names, "0.0.0.0"}:  # noqa: S104
            return HERE
        if key.endswith("PORT"):  # of the host that stands beside it, or else the service's own
            host = service.environment.get(f"{key.removesuffix('PORT')}HOST", "")
            there = host if host in self.names else service.name
            return str(self.ports.get((there, int(value)), value))
        return self._here(service, value)

    def _here(self, service: Service, text: str) -> str:
        for (name, port), chosen in self.ports.items():
            text = text.replace(f"{name}:{port}", f"{HERE}:{chosen}")
        for port in service.ports:
            text = text.replace(f"0.0.0.0:{port}", f"{HERE}:{self.ports[service.name, port]}")
        for inside in sorted(service.folders, key=len, reverse=True):
            whole = re.compile(rf"(?<![\w/]){re.escape(inside)}")  # no end of another path
            text = whole.sub(str(self.outside(service, inside)), text)
        return text


def _free_port(taken: set[int]) -> int:
    # Below the range from which the system takes ports for outgoing connections.
    first = 10_000 + os.getpid() % 900 * 10
    return next(port for port in range(first, 30_000) if port not in taken and is_free(port))


def _programs(folder: Path) -> str:
    """The search path of every process: programs of here under the names they have there."""
    folder.mkdir()
    (folder / "redis-server").symlink_to(valkey._binary())
    client = folder / "redis-cli"
    client.write_text(REDIS_CLIENT)
    client.chmod(0o755)
    ours = [folder, postgres.binaries(), Path(sys.executable).parent]
    return ":".join([*map(str, ours), "/usr/sbin", "/usr/bin", "/bin"])
