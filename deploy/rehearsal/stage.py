"""The services as processes: started in their order, waited for, stopped."""

import shlex
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from .composition import ROOT, Service
from .machine import Machine

PATIENCE_SECONDS = 90
GLANCE_SECONDS = 0.1


class Failed(Exception):
    """The rehearsal stops here."""


class Stage:
    """All services, those that run, and what each has printed."""

    def __init__(self, machine: Machine, services: Sequence[Service]) -> None:
        self.machine = machine
        self.services = {one.name: one for one in services}
        self.running: list[tuple[Service, subprocess.Popen[bytes]]] = []
        self.healthy: set[str] = set()

    def up(self, names: Iterable[str] = (), copies: dict[str, int] | None = None) -> None:
        """Start what does not run yet, each after what it needs, and wait until all are healthy."""
        wanted = {name: (copies or {}).get(name, 1) for name in names or self.services}
        for name in (each for each in self.services if each in wanted):
            for _ in range(wanted[name] - self.count(name)):
                self._start(self.services[name])
        for name in wanted:
            self._await_health(self.services[name])

    def stop(self, names: Iterable[str] = ()) -> None:
        """End these, or all, the last one first; Failed when one has to be killed."""
        chosen = set(names) or set(self.services)
        going = [each for each in reversed(self.running) if each[0].name in chosen]
        self.running = [each for each in self.running if each not in going]
        self.healthy -= chosen
        slow = [service.name for service, process in going if not _ended(service, process)]
        if slow:
            raise Failed(f"{', '.join(slow)} did not end in time and had to be killed.")

    def kill(self) -> None:
        """End everything at once, as after a failure."""
        for _, process in reversed(self.running):
            process.kill()
            process.wait()

    def run(self, name: str, command: Sequence[str] = ()) -> str:
        """Run a command with a service's settings to its end; returns what it printed."""
        service = self.services[name]
        words = self.machine.command(service, command or service.command)
        done = subprocess.run(
            words,
            cwd=ROOT,
            env=self.machine.environment(service),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **self.machine.account(service).options,
        )
        if done.returncode != 0:
            raise Failed(f"{name}: {shlex.join(command)} exited {done.returncode}:\n{done.stdout}")
        return done.stdout

    def count(self, name: str) -> int:
        """How many processes of a service run."""
        return sum(service.name == name for service, _ in self.running)

    def log(self, name: str) -> Path:
        """Where a service prints."""
        return self.machine.folder / f"{name}.log"

    def _start(self, service: Service) -> None:
        for other, condition in service.needs.items():
            if condition == "service_healthy":
                self._await_health(self.services[other])
        began = time.monotonic()
        if service.ends_by_itself:
            self.log(service.name).write_text(self.run(service.name))
            return self._tell(service, "done", began)
        words = [*service.command, *self._prepared(service)]
        with self.log(service.name).open("ab") as log:
            process = subprocess.Popen(
                self.machine.command(service, words),
                cwd=ROOT,
                env=self.machine.environment(service),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.machine.account(service).options,
            )
        self.running.append((service, process))
        return self._tell(service, "started", began)

    def _prepared(self, service: Service) -> list[str]:
        """What PostgreSQL's image does before the server starts, and the options it adds."""
        if service.command[0] != "postgres":
            return []
        home = self.machine.outside(service, "/var/lib/postgresql")
        data, password = home / "data", home / "password"
        password.write_text(service.environment["POSTGRES_PASSWORD"])
        self.machine.give_to(service, password)
        options = shlex.split(service.environment["POSTGRES_INITDB_ARGS"])
        made = ["initdb", f"--pgdata={data}", f"--pwfile={password}", "--username=postgres"]
        self.run(service.name, [*made, *options])
        return ["-D", str(data), "-clisten_addresses=127.0.0.1", "-cunix_socket_directories="]

    def _await_health(self, service: Service) -> None:
        """Return once the service's own check says that it is well."""
        if not service.health or service.name in self.healthy:
            return
        began, deadline = time.monotonic(), time.monotonic() + PATIENCE_SECONDS
        while not self._is_healthy(service):
            gone = any(one is service and p.poll() is not None for one, p in self.running)
            if gone or time.monotonic() > deadline:
                raise Failed(f"{service.name} is not well:\n{self.log(service.name).read_text()}")
            time.sleep(GLANCE_SECONDS)
        self.healthy.add(service.name)
        self._tell(service, "healthy", began)

    def _is_healthy(self, service: Service) -> bool:
        kind, *words = service.health
        command = ["sh", "-c", *words] if kind == "CMD-SHELL" else words
        try:
            self.run(service.name, command)
        except Failed:
            return False
        return True

    def _tell(self, service: Service, what: str, began: float) -> None:
        print(f"{service.name:10} {what} after {time.monotonic() - began:.1f} s", flush=True)  # noqa: T201


def _ended(service: Service, process: subprocess.Popen[bytes]) -> bool:
    """Whether it ends within its time when it is told to; otherwise it is killed."""
    # PostgreSQL's image asks for the signal that does not wait for its clients.
    told = signal.SIGINT if service.command[0] == "postgres" else signal.SIGTERM
    process.send_signal(told)
    try:
        process.wait(timeout=service.patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    return True
