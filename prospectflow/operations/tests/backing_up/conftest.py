"""Three organisations in the tests' database, and a whole backup of them, made once."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pyrage
import pytest
from django.db import connection

from prospectflow.operations.backups.archives import Archive, checked
from prospectflow.operations.backups.dumping import dump
from prospectflow.testing.factories import make_organisation

from .asking import NIGHT, url_as


@pytest.fixture(scope="package")
def owner_url(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """The owner's way into a database of three organisations."""
    with django_db_blocker.unblock():
        url = url_as("owner")
        for name in ("Acme", "Borel", "Colas"):
            make_organisation(name=name)
        connection.close()
    yield url
    with psycopg.connect(url) as owner:
        owner.execute("TRUNCATE iam.organisations, iam.users CASCADE")


@pytest.fixture(scope="package")
def whole(owner_url: str, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """A backup of everything, which no test changes."""
    folder = tmp_path_factory.mktemp("whole")
    return dump("full", (), folder, now=NIGHT, database_url=owner_url)


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """Where backups are kept; nothing is there yet."""
    settings.BACKUP_DIRECTORY = tmp_path / "backups"
    return settings.BACKUP_DIRECTORY


@pytest.fixture
def archive(whole: Archive, folder: Path) -> Archive:
    """A copy of the backup, to spoil."""
    shutil.copytree(whole.path.parent, folder)
    return checked(folder / whole.path.name)


@pytest.fixture
def make(owner_url: str, folder: Path) -> Callable[..., Archive]:
    """Back up the database."""

    def make(kind: str = "full", *schemas: str, url: str = owner_url) -> Archive:
        return dump(kind, schemas, folder, now=NIGHT, database_url=url)

    return make


@pytest.fixture
def identity(settings: Any, tmp_path: Path) -> Path:
    """Backups are encrypted, and can be opened here."""
    key = pyrage.x25519.Identity.generate()
    file = tmp_path / "identity.txt"
    file.write_text(f"# created: today\n# public key: {key.to_public()}\n{key}\n")
    settings.BACKUP_RECIPIENTS = [str(key.to_public())]
    settings.BACKUP_IDENTITY = str(file)
    return file
