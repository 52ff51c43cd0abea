"""Secrets of a laptop: made once, readable by their owner only."""

import base64
import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def local_secret(directory: Path, name: str) -> str:
    """The secret of this name, 256 random bits in URL-safe base64, made at the first call."""
    path = directory / "secrets" / name
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            write_once(path, base64.urlsafe_b64encode(os.urandom(32)).decode())
        return path.read_text()
    except OSError as error:
        raise ImproperlyConfigured(
            f"{directory} cannot be written ({error.strerror}):"
            " make it writable, or set LOCAL_DIRECTORY to a folder that is."
        ) from error


def write_once(path: Path, secret: str) -> None:
    """Keep a secret for its owner only; one that is there already stands."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(secret)
    try:
        os.link(draft, path)  # fails when another process was first: its secret stands
    except FileExistsError:
        pass
    finally:
        draft.unlink()
