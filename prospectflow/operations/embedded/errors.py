"""How a failing server, folder or disk becomes one sentence."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prospectflow.errors import DomainError

FULL = ("No space left on device", "could not extend file", "Check free disk space")
ALMOST_NOTHING = 8 * 1024 * 1024  # bytes; a full disk also keeps the server from logging that it is


class EmbeddedError(DomainError):
    """The embedded servers cannot do this."""


def disk_full(folder: Path) -> EmbeddedError:
    """The refusal when there is no room left under this folder."""
    return EmbeddedError(
        f"The disk is full: make room for {folder} (about 100 MB), then try again."
    )


def failed(what: str, folder: Path, output: str) -> EmbeddedError:
    """The refusal that names what failed, from what a server printed or logged."""
    said_so = any(words in output for words in FULL)
    if said_so or shutil.disk_usage(folder).free < ALMOST_NOTHING:
        return disk_full(folder)
    lines = [line.strip() for line in output.strip().splitlines() if line.strip()]
    return EmbeddedError(f"{what}: {' / '.join(lines[-6:]) or 'it said nothing'}")


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn what the operating system refuses under this folder into one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(folder) from error
        reason = error.strerror or str(error)
        raise EmbeddedError(
            f"The embedded servers cannot use {error.filename or folder} ({reason}): "
            "make the folder writable, or set DATABASE_URL."
        ) from error
