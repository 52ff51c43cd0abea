"""manage.py in a process of its own, on the test's own database."""

import os
import subprocess
import sys

from django.conf import settings
from django.db import connection

from prospectflow.operations import embedded


def environment() -> dict[str, str]:
    """What a process needs to serve the database of this test, as the role that serves."""
    own = {
        "DATABASE_URL": embedded.database_url(
            settings.LOCAL_DIRECTORY, role="app", database=connection.settings_dict["NAME"]
        ),
        "DEBUG": "on",
        "REDIS_URL": settings.REDIS_URL,
        "SECRET_KEY": settings.SECRET_KEY,
        "TOKEN_KEYS": ",".join(settings.TOKEN_KEYS),
        "CREDENTIAL_KEYS": ",".join(settings.CREDENTIAL_KEYS),
        "PUBLIC_URL": settings.PUBLIC_URL,
        "ALLOWED_HOSTS": "127.0.0.1",
    }
    unhurried = {"WORKER_TICK_SECONDS": "0"}  # whoever tests the tick sets its own
    return unhurried | dict(os.environ) | own


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start manage.py with these arguments; whoever starts it also ends it."""
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def script(program: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a program of a test's own beside the project; whoever starts it also ends it."""
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", program, *arguments],
        cwd=settings.BASE_DIR,
        env=environment() | {"DJANGO_SETTINGS_MODULE": "prospectflow.settings"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments: str) -> tuple[int, str, str]:
    """Run manage.py to its end; returns the exit code and what it printed on both ways out."""
    with start(*arguments) as process:
        printed, complained = process.communicate(timeout=120)
    return process.returncode, printed, complained
