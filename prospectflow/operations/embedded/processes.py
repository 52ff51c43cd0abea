"""Server processes that outlive their starter, and how they are found again."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import EmbeddedError, failed

START_SECONDS = 60
STOP_SECONDS = 30
# The shell leaves the server to init, so that nobody here has to reap it.
DETACH = 'log=$1; shift; "$@" </dev/null >>"$log" 2>&1 & echo $!'


@dataclass(frozen=True)
class Account:
    """How a program is run that refuses root: a prefix to its command, or a user to run it as."""

    prefix: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Daemon:
    """One server: where it notes its pid, and the words of its command line that tell it apart.

    `port_marks` are the words that say on which ports it serves.
    """

    name: str
    folder: Path
    pid_file: Path
    marks: tuple[str, ...]
    port_marks: tuple[str, ...]
    ports: dict[str, int]
    stop_signal: signal.Signals = signal.SIGTERM

    @property
    def log(self) -> Path:
        """Where the server prints."""
        return self.folder / "log"

    def pid(self) -> int | None:
        """The pid of the running server; a stale note or a pid of another program is none."""
        try:
            pid = int(self.pid_file.read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return None
        line = command_line(pid)
        return pid if line and all(mark in line for mark in self.marks) else None

    def serves(self) -> bool:
        """Whether the server runs, and on the ports that were chosen for it."""
        pid = self.pid()
        return pid is not None and all(mark in command_line(pid) for mark in self.port_marks)

    def launch(
        self, command: Sequence[str | Path], env: dict[str, str], account: Account | None = None
    ) -> int:
        """Start the server apart from this process, and return its pid."""
        account = account or Account()
        shell = [*account.prefix, "sh", "-c", DETACH, "sh", self.log, *command]
        started = subprocess.run(
            [str(part) for part in shell],
            env=env,
            cwd="/",
            start_new_session=True,
            capture_output=True,
            text=True,
            **account.options,
        )
        if started.returncode != 0 or not started.stdout.strip():
            raise failed(f"{self.name} did not start", self.folder, started.stderr)
        return int(started.stdout)

    def wait_until_ready(self, pid: int, is_ready: Callable[[], bool], log_from: int) -> None:
        """Return when the server answers; raise with its last words when it is gone or too slow."""
        deadline = time.monotonic() + START_SECONDS
        while not is_ready():
            if _is_gone(pid) or time.monotonic() > deadline:
                raise failed(f"{self.name} did not start", self.folder, self.tail(log_from))
            time.sleep(0.02)

    def tail(self, start: int) -> str:
        """What the server has printed since its log had this many bytes."""
        try:
            with self.log.open("rb") as log:
                log.seek(start)
                return log.read().decode(errors="replace")
        except OSError:
            return ""

    def log_size(self) -> int:
        """How many bytes the server has printed so far."""
        return self.log.stat().st_size if self.log.exists() else 0

    def stop(self) -> None:
        """Stop the server and wait until it is gone; one that is not running is stopped already."""
        pid = self.pid()
        if pid is None:
            return
        os.kill(pid, self.stop_signal)
        deadline = time.monotonic() + STOP_SECONDS
        while command_line(pid):
            if time.monotonic() > deadline:
                raise EmbeddedError(f"{self.name} (pid {pid}) does not stop; end it by hand.")
            time.sleep(0.02)


def command_line(pid: int) -> str:
    """The command line of a process; empty when it is gone, or dead and not yet reaped."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, UnicodeDecodeError):
            return ""
    ps = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True)
    return "" if "<defunct>" in ps.stdout else ps.stdout.strip()


def _is_gone(pid: int) -> bool:
    """Whether the process has ended; while it becomes another program it has no command line."""
    if command_line(pid):
        return False
    time.sleep(0.05)
    return not command_line(pid)


def answer(ports: Iterable[int]) -> bool:
    """Whether a server answers on each of these ports of 127.0.0.1.

    It has to say something: the ports of a process being killed still accept connections.
    """
    for port in ports:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(b"PING\r\n\r\n")
                if not connection.recv(1):
                    return False
        except OSError:
            return False
    return True
