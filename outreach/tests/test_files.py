"""Copies of uploaded files do not outlive the process that read them by more than a day."""

import os
import tempfile
from datetime import UTC, datetime, timedelta

from outreach.services.files import forget_left_behind

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def put(folder, name, at):
    made = folder / name
    made.mkdir()
    (made / "prospects.csv").write_text("Nom,Email")
    os.utime(made, (at.timestamp(), at.timestamp()))
    return made


def test_only_what_a_killed_process_of_ours_left_long_ago_is_deleted(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    old, workbook = (
        put(tmp_path, name, NOW - 2 * DAY)
        for name in ("prospectflow-a1", "prospectflow-workbook-b2")
    )
    fresh = put(tmp_path, "prospectflow-c3", NOW - DAY / 2)
    other = put(tmp_path, "another-d4", NOW - 2 * DAY)
    (tmp_path / "prospectflow-link").symlink_to(other)

    assert forget_left_behind(before=NOW - DAY) == 2

    assert not old.exists()
    assert not workbook.exists()
    assert fresh.exists()
    assert other.exists()
