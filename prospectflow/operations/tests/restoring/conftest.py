"""Each test gets a filled database of its own, and a whole backup of it, made once."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from prospectflow.operations.backups.dumping import dump

from .restorable import NAME, NIGHT, SOURCE, copy, drop_all, fill, server, url


@pytest.fixture(scope="package")
def source(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """The database that each test's own is a copy of."""
    connection.close()
    empty = str(connection.settings_dict["NAME"])
    copy(empty, SOURCE)
    with django_db_blocker.unblock():
        fill(SOURCE)
    yield SOURCE
    server().drop(SOURCE)


@pytest.fixture(scope="package")
def backup(source: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of everything, as it was last night."""
    copy(source, NAME)
    folder = tmp_path_factory.mktemp("archives")
    made = dump("full", (), folder, now=NIGHT, database_url=url(NAME))
    drop_all()
    return made.path


@pytest.fixture
def own_folder(settings: Any, tmp_path: Path) -> Path:
    """Where this test's backups go."""
    settings.BACKUP_DIRECTORY = tmp_path / "backups"
    return tmp_path / "backups"


@pytest.fixture
def present(source: str, backup: Path, own_folder: Path, django_db_blocker: Any) -> Iterator[str]:
    """A database that serves, of the same rows as the backup."""
    with served(source, django_db_blocker):
        yield NAME


@pytest.fixture(scope="module")
def standing(source: str, backup: Path, django_db_blocker: Any) -> Iterator[str]:
    """The same for a whole module, whose tests leave it as it is."""
    with served(source, django_db_blocker):
        yield NAME


@contextmanager
def served(source: str, django_db_blocker: Any) -> Iterator[None]:
    copy(source, NAME)
    with django_db_blocker.unblock():
        yield
    drop_all()
