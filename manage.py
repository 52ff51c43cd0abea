#!/usr/bin/env python
"""ProspectFlow's command line."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured

UNDEFINED_TABLE, DISK_FULL = "42P01", "53100"
PEOPLE_SIGN_IN = ("serve", "runserver", "token")


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prospectflow.settings")
    from django.core.management import execute_from_command_line
    from django.db import OperationalError, ProgrammingError

    from prospectflow.errors import DomainError

    try:
        _start_what_is_embedded()
        execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, DomainError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except OperationalError as error:
        sys.stderr.write(f"{_about_the_database(error)}\n")
        sys.exit(2)
    except ProgrammingError as error:
        if getattr(error.__cause__, "sqlstate", "") != UNDEFINED_TABLE:
            raise
        sys.stderr.write("The tables are not there: DATABASE_ROLE=owner manage.py migrate.\n")
        sys.exit(2)


def _about_the_database(error: Exception) -> str:
    """What to do about a database that cannot be used, in one sentence."""
    first_line = str(error).partition("\n")[0]
    if getattr(error.__cause__, "sqlstate", "") == DISK_FULL:
        return f"The database's disk is full: make room, then try again ({first_line})."
    return f"The database cannot be used, check DATABASE_URL: {first_line}"


def _start_what_is_embedded() -> None:
    """On a laptop the servers are there when a command needs them."""
    from django.conf import settings

    from prospectflow.operations import embedded

    if settings.EMBEDDED and sys.argv[1:2] not in ([], ["embedded"], ["help"]):
        directory = settings.LOCAL_DIRECTORY
        planned = embedded.addresses(directory)
        sign_in = settings.EMBEDDED_PROVIDER and sys.argv[1] in PEOPLE_SIGN_IN
        embedded.start(directory, sign_in=sign_in)
        if embedded.addresses(directory) != planned:
            # A port was taken meanwhile and has been replaced: read the settings anew.
            os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606


if __name__ == "__main__":
    main()
