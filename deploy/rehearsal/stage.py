"""The services as processes: started in their order, waited for, replaced, stopped."""

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from .composition import ROOT, Service
from .machine import Machine

PATIENCE_SECONDS = 90
GLANCE_SECONDS = 0.1


class Failed(Exception):
    """The rehearsal stops here."""


@dataclass
class Running:
    """One process of a service; further copies of it bear a name of their own."""

    service: Service
    copy_of: str
    process: subprocess.Popen[bytes]
    is_healthy: bool = False
    is_outdated: bool = False


class Stage:
    """All services, and those that run."""

    def __init__(self, machine: Machine, services: Sequence[Service]) -> None:
        self.machine = machine
        self.services = {one.name: one for one in services}
        self.running: list[Running] = []
        self.done: set[str] = set()

    def up(self, names: Iterable[str] = (), copies: Mapping[str, int] | None = None) -> None:
        """Have these run in their present version, or all that need no profile; wait for health."""
        chosen = set(names) or {one.name for one in self.services.values() if not one.profiles}
        self.stop({one.copy_of for one in self.running if one.is_outdated} & chosen)
        for service in self.services.values():
            if service.name in chosen:
                self._have(service, (copies or {}).get(service.name, 1))
        for one in self.running:
            if one.copy_of in chosen:
                self._await_health(one)

    def outdate(self) -> None:
        """What was built here is new from now on: whatever runs of it is of the version before."""
        for one in self.running:
            one.is_outdated = one.service.is_built_here

    def stop(self, names: Iterable[str]) -> None:
        """End these, the last one first; Failed when one had to be killed."""
        going = [one for one in reversed(self.running) if one.copy_of in set(names)]
        self.running = [one for one in self.running if one not in going]
        slow = [one.service.name for one in going if not _ended(one)]
        if slow:
            raise Failed(f"{', '.join(slow)} did not end in time and had to be killed.")

    def kill(self) -> None:
        """End everything at once, as after a failure."""
        for one in reversed(self.running):
            _kill(one)

    def run(self, name: str, command: Sequence[str] = (), *, answers: Sequence[int] = (0,)) -> str:
        """Run a command with a service's settings to its end; returns what it printed.

        Failed when its exit code is none of these answers.
        """
        return self._run(self.services[name], command, answers)

    def log(self, service: Service) -> str:
        """What a service has printed."""
        return (self.machine.folder / f"{service.name}.log").read_text()

    def _have(self, service: Service, copies: int) -> None:
        if service.ends_by_itself:
            if service.name not in self.done:
                self._meet_needs(service)
                self._tell(service.name, self._run, service)
                self.done.add(service.name)
            return
        there = sum(one.copy_of == service.name for one in self.running)
        for number in range(there, copies):
            self._meet_needs(service)
            self._start(service, number)

    def _meet_needs(self, service: Service) -> None:
        for one in self.running:
            if service.needs.get(one.copy_of) == "service_healthy":
                self._await_health(one)

    def _start(self, service: Service, number: int) -> None:
        copy = replace(service, name=f"{service.name}-{number + 1}") if number else service
        self.machine.make_room(copy)
        words = [*copy.command, *self._prepared(copy)]
        with (self.machine.folder / f"{copy.name}.log").open("ab") as log:
            process = subprocess.Popen(
                self.machine.command(copy, words),
                cwd=ROOT,
                env=self.machine.environment(copy),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.machine.account(copy).options,
            )
        self.running.append(Running(copy, service.name, process))

    def _run(
        self, service: Service, command: Sequence[str] = (), answers: Sequence[int] = (0,)
    ) -> str:
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
        if done.returncode not in answers:
            said = f"{shlex.join(words)} exited {done.returncode}:\n{done.stdout}"
            raise Failed(f"{service.name}: {said}")
        return done.stdout

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
        self._run(service, [*made, *options])
        return ["-D", str(data), "-clisten_addresses=127.0.0.1", "-cunix_socket_directories="]

    def _await_health(self, one: Running) -> None:
        """Return once the service's own check says that it is well."""
        if not one.is_healthy and one.service.health:
            self._tell(one.service.name, self._glance_until_healthy, one)
        one.is_healthy = True

    def _glance_until_healthy(self, one: Running) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        kind, *words = one.service.health
        command = ["sh", "-c", *words] if kind == "CMD-SHELL" else words
        while True:
            try:
                self._run(one.service, command)
            except Failed as failure:
                if one.process.poll() is not None or time.monotonic() > deadline:
                    raise Failed(f"{failure}\n{self.log(one.service)}") from failure
                time.sleep(GLANCE_SECONDS)
            else:
                return

    def _tell(self, name: str, work: Callable[..., object], *arguments: object) -> None:
        began = time.monotonic()
        work(*arguments)
        print(f"{name:10} well after {time.monotonic() - began:.1f} s", flush=True)  # noqa: T201


def _ended(one: Running) -> bool:
    """Whether it ends within its time when it is told to; otherwise it is killed."""
    # PostgreSQL's image asks for the signal that does not wait for its clients.
    told = signal.SIGINT if one.service.command[0] == "postgres" else signal.SIGTERM
    one.process.send_signal(told)
    try:
        one.process.wait(timeout=one.service.patience)
    except subprocess.TimeoutExpired:
        _kill(one)
        return False
    return True


def _kill(one: Running) -> None:
    """End a process and those it started: each leads a session of its own."""
    with suppress(ProcessLookupError):
        os.killpg(one.process.pid, signal.SIGKILL)
    one.process.wait()
