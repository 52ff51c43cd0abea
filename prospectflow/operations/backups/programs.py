"""PostgreSQL's own programs: where they are, whether they are new enough, how they connect."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from psycopg.pq import Conninfo

from prospectflow.operations.embedded import postgres

from .errors import BackupRefused, ProgramFailed

LEAST = 18  # what the project runs on


def program(name: str, *, least: int = LEAST) -> Path:
    """The path of pg_dump, pg_restore or psql of this major version or a later one."""
    folder = str(postgres.binaries()) if settings.EMBEDDED else None
    found = shutil.which(name, path=folder)
    if found is None:
        raise BackupRefused(
            f"{name} is not installed: install PostgreSQL's client programs, version {least}."
        )
    if (version := _version(found)) < least:
        raise BackupRefused(
            f"{found} is of PostgreSQL {version}, and the server of {least}: install its client"
            " programs, or put the folder of newer ones first in PATH."
        )
    return Path(found)


def environment(database_url: str) -> dict[str, str]:
    """Our environment, and in it where to connect: a password is no argument for all to see."""
    options = Conninfo.parse(database_url.encode())
    wanted = {
        option.envvar.decode(): option.val.decode()
        for option in options
        if option.envvar and option.val
    }
    return os.environ | {"LC_ALL": "C.UTF-8"} | wanted


@contextmanager
def running(
    name: str,
    *arguments: str | Path,
    database_url: str = "",
    least: int = LEAST,
    **options: Any,
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that ends with the block, at once when that raises, and when we are killed.

    `database_url` is any conninfo string of libpq.
    """
    command = [*_ends_with_us(), program(name, least=least), *arguments]
    with subprocess.Popen(command, env=environment(database_url), **options) as process:
        try:
            yield process
        except BaseException:
            process.terminate()
            raise


def run(name: str, *arguments: str | Path, database_url: str = "", **options: Any) -> str:
    """What a program printed; ProgramFailed with the first error that it named."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with running(name, *arguments, database_url=database_url, **pipes, **options) as process:
        output, complaints = process.communicate()
    if process.returncode:
        raise ProgramFailed(f"{name} failed: {first_error(complaints)}")
    return output.decode(errors="replace")


def first_error(complaints: bytes) -> str:
    """The line that says what went wrong, without the program's name."""
    lines = [line.strip() for line in complaints.decode(errors="replace").splitlines()]
    errors = [line for line in lines if re.search(r"\b(error|ERROR|fatal|FATAL):", line)]
    said = next(iter(errors or lines[-1:]), "it said nothing")
    return re.sub(r"^\w+: (error: )?", "", said)


@cache
def _version(path: str) -> int:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(found[1]) if found else 0


@cache
def _ends_with_us() -> tuple[str, ...]:
    """Killed hard we leave no program behind that works on; where Linux can tell it."""
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    return (setpriv, "--pdeathsig", "KILL") if setpriv else ()
