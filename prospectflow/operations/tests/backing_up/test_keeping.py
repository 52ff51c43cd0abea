"""How long backups are kept, and when the next one is due."""

from datetime import UTC, datetime, time, timedelta

import pytest

from prospectflow.operations.backups.daily import is_due, waits
from prospectflow.operations.backups.names import FAILED, SAFETY, Name
from prospectflow.operations.backups.retention import expired, newest, newest_of, prune

from .asking import STEM

NOW = datetime(2026, 11, 24, 2, 5, tzinfo=UTC)
TWO = time(2, 0)


def made(days: float, kind: str = "full", *schemas: str) -> list[str]:
    """The files of a backup that is so many days old."""
    name = Name(kind, schemas, NOW - timedelta(days=days))
    return [name.archive(encrypted=False), name.manifest]


def gone(files: list[str], *, is_good=lambda file: True) -> set[str]:
    return set(expired(files, now=NOW, days=30, is_good=is_good))


@pytest.mark.parametrize(
    "text",
    [
        "prospectflow_full_20261124_020000.dump.zst",
        "prospectflow_full_20261124_020000.dump.zst.age",
        "prospectflow_data_crm_20261124_020000.dump.zst",
        "prospectflow_schema_20261124_020000.json",
        "prospectflow_safety_full_20261124_020000.dump.zst",
        "prospectflow_failed_full_20261124_020000.json",
    ],
)
def test_a_name_is_read_as_it_was_written(text):
    name = Name.read(text)

    assert text in {name.manifest, name.archive(encrypted=False), name.archive(encrypted=True)}
    assert name.made_at == datetime(2026, 11, 24, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "prospectflow_full_20261324_020000.dump.zst",
        "prospectflow_half_20261124_020000.dump.zst",
        "prospectflow_full_20261124_020000.dump.gz",
        "prospectflow_full_20261124_020000.dump.zst.partial",
        "notes.txt",
    ],
)
def test_any_other_file_is_no_backup(text):
    assert Name.read(text) is None
    assert gone([text, *made(1)]) == set()


def test_a_backup_is_deleted_with_its_manifest_once_it_is_more_than_thirty_days_old():
    assert gone([*made(0), *made(29.9), *made(30.1), *made(90)]) == {*made(30.1), *made(90)}


def test_its_manifest_goes_first_so_that_half_a_deletion_leaves_no_backup():
    archive, manifest = made(40)

    assert expired([archive, manifest, *made(0)], now=NOW, days=30, is_good=lambda file: True) == [
        manifest,
        archive,
    ]


def test_the_last_one_is_never_deleted():
    assert gone(made(400)) == set()


def test_the_last_good_one_is_kept_where_younger_ones_are_bad_or_unfinished():
    bad, good, older = made(1), made(40), made(41)
    unfinished = made(0)[:1]

    files = [*unfinished, *bad, *good, *older]
    assert gone(files, is_good=lambda file: file != bad[0]) == set(older)


def test_each_kind_keeps_a_last_one_of_its_own():
    lone = made(40, "data", "crm")

    assert gone([*made(0), *made(40), *lone]) == set(made(40))


@pytest.mark.parametrize("mark", [SAFETY, FAILED])
def test_one_that_bears_a_mark_is_neither_the_newest_nor_the_last_good_one(folder, mark):
    marked = Name("full", (), NOW, mark)
    files = [marked.archive(encrypted=False), marked.manifest]

    assert gone([*made(40), *made(41), *files]) == set(made(41))
    assert newest_of([*made(40), *files]) == NOW - timedelta(days=40)


def test_one_that_bears_a_mark_is_deleted_once_it_has_expired():
    marked = Name("full", (), NOW - timedelta(days=31), SAFETY)
    files = [marked.archive(encrypted=False), marked.manifest]

    assert gone([*made(40), *files]) == set(files)


def test_an_archive_of_which_a_byte_is_wrong_does_not_count_as_good(archive, folder):
    at = archive.manifest.made_at + timedelta(days=31)
    younger = Name("full", (), at)
    (folder / younger.archive(encrypted=False)).write_bytes(b"spoilt")
    (folder / younger.manifest).write_text("{}")

    assert prune(folder, now=at, days=30) == []
    assert archive.path.exists()


def test_the_folder_says_when_the_newest_finished_one_was_made(archive, folder):
    (folder / Name("full", (), NOW).archive(encrypted=False)).touch()  # has no manifest
    for file in made(0, "data", "crm"):
        (folder / file).touch()

    assert newest(folder) == archive.manifest.made_at
    assert newest(folder, kind="data", schemas=("crm",)) == NOW
    assert newest(folder, kind="schema") is None
    assert newest(folder / STEM) is None


@pytest.mark.parametrize(
    ("newest", "now", "due"),
    [
        (None, datetime(2026, 11, 24, 12, tzinfo=UTC), True),
        (datetime(2026, 11, 23, 2, tzinfo=UTC), datetime(2026, 11, 24, 1, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 23, 2, tzinfo=UTC), datetime(2026, 11, 24, 2, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 24, 2, tzinfo=UTC), datetime(2026, 11, 24, 2, 1, tzinfo=UTC), False),
        (datetime(2026, 11, 22, 2, tzinfo=UTC), datetime(2026, 11, 24, 1, 0, tzinfo=UTC), True),
    ],
)
def test_a_backup_is_due_when_none_was_made_since_it_was_last_two(newest, now, due):
    assert is_due(TWO, now=now, newest=newest) is due


@pytest.mark.parametrize(("minutes", "waiting"), [(1, True), (14, True), (15, False)])
def test_what_failed_is_tried_again_after_a_quarter_of_an_hour(minutes, waiting):
    assert waits(now=NOW, failed=NOW - timedelta(minutes=minutes)) is waiting
    assert not waits(now=NOW, failed=None)
