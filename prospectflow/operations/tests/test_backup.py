"""Backups: what is in them, what they say about it, and what is refused."""

from datetime import UTC, datetime

import pytest

from prospectflow.operations.backups.archives import verified
from prospectflow.operations.backups.dumping import dump
from prospectflow.operations.backups.programs import run

NIGHT = datetime(2026, 11, 24, 2, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path, settings):
    settings.BACKUP_DIRECTORY = tmp_path / "backups"
    return settings.BACKUP_DIRECTORY


def test_a_backup_is_a_file_with_its_manifest_beside_it(committed, owner_url, folder):
    archive = dump("full", (), folder, now=NIGHT, database_url=owner_url)

    assert {path.name for path in folder.iterdir()} == {
        "prospectflow_full_20261124_020000.dump.zst",
        "prospectflow_full_20261124_020000.json",
    }
    with verified(archive.path) as opened:
        assert "TABLE DATA outreach platform" in run("pg_restore", "--list", opened.dump)
