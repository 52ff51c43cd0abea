"""Backups: what is in them, what they say about it, and when none is made."""

import errno
import hashlib
import os
from dataclasses import replace
from io import BytesIO
from types import SimpleNamespace

import psycopg
import pyrage
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from prospectflow.operations.backups import disk, dumping
from prospectflow.operations.backups.archives import checked, unpack, verified
from prospectflow.operations.backups.errors import ArchiveRefused, BackupFailed, BackupRefused
from prospectflow.operations.backups.locking import alone
from prospectflow.operations.backups.manifest import read_manifest
from prospectflow.operations.backups.streams import HashedWriter

from .asking import NIGHT, STEM, listed, rows_of, url_as


def test_a_backup_is_a_file_for_its_owner_alone_with_its_manifest_beside_it(make, folder):
    archive = make()

    assert sorted(path.name for path in folder.iterdir()) == [f"{STEM}.dump.zst", f"{STEM}.json"]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert archive.path.read_bytes()[:4] == b"\x28\xb5\x2f\xfd"  # RFC 8878: a frame of zstd


def test_its_dump_is_in_the_custom_format_and_gone_after_it_was_looked_at(archive, folder):
    with verified(archive.path) as opened:
        assert opened.dump.read_bytes()[:5] == b"PGDMP"
        assert opened.dump.stat().st_size == archive.manifest.unpacked_bytes
    assert not list(folder.glob("*.partial"))


def test_the_manifest_says_what_was_in_the_database(archive, owner_url):
    manifest = read_manifest(archive.path.with_name(f"{STEM}.json"))

    with psycopg.connect(owner_url) as owner:
        applied = owner.execute("SELECT app, name FROM django_migrations").fetchall()
        tables = owner.execute(
            "SELECT format('%s.%s', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname IN ('public', 'iam', 'crm', 'outreach', 'tracking')"
        ).fetchall()
    assert manifest.kind == "full"
    assert manifest.made_at == NIGHT.replace(microsecond=0)
    assert manifest.database == conninfo_to_dict(owner_url)["dbname"]
    assert manifest.server_version == "18.6"
    assert {(app, name) for app, all_of in manifest.migrations.items() for name in all_of} == set(
        applied
    )
    assert manifest.rows.keys() == {name for (name,) in tables}
    assert manifest.rows["iam.organisations"] == 3
    assert "BYPASSRLS" in manifest.roles["prospectflow_owner"]
    assert "BYPASSRLS" not in manifest.roles["prospectflow_app"]


def test_the_manifest_bears_the_checksum_of_the_archive(archive):
    digest = hashlib.sha256(archive.path.read_bytes()).hexdigest()
    assert archive.manifest.parts == {archive.path.name: digest}


def test_what_is_committed_meanwhile_is_neither_counted_nor_dumped(
    make, whole, owner_url, monkeypatch
):
    count_rows = dumping.count_rows

    def count_late(connection, schemas):
        with psycopg.connect(owner_url) as owner:
            owner.execute("INSERT INTO django_content_type (app_label, model) VALUES ('a', 'late')")
        return count_rows(connection, schemas)

    monkeypatch.setattr(dumping, "count_rows", count_late)
    archive = make()
    with psycopg.connect(owner_url) as owner:
        owner.execute("DELETE FROM django_content_type WHERE model = 'late'")

    assert archive.manifest.rows == whole.manifest.rows
    assert "\tlate\n" not in rows_of("django_content_type", archive.path)
    assert "\tcompany\n" in rows_of("django_content_type", archive.path)


@pytest.mark.parametrize(
    ("kind", "schemas", "held", "not_held"),
    [
        ("full", (), {"TABLE crm companies", "TABLE DATA public django_migrations"}, set()),
        (
            "full",
            ("crm",),
            {"TABLE crm companies", "TABLE DATA crm companies"},
            {"TABLE iam users"},
        ),
        ("schema", (), {"TABLE crm companies", "TABLE iam users"}, {"TABLE DATA crm companies"}),
        ("data", (), {"TABLE DATA iam users"}, {"TABLE iam users"}),
        ("data", ("crm",), {"TABLE DATA crm people"}, {"TABLE crm people", "TABLE DATA iam users"}),
    ],
)
def test_a_kind_holds_what_it_says(make, kind, schemas, held, not_held):
    archive = make(kind, *schemas)

    contents = listed(archive.path)
    assert {each for each in held | not_held if f" {each} " in contents} == held
    assert {table.split(".")[0] for table in archive.manifest.rows} == {
        ("schema", ()): set(),
        ("full", ()): {"public", "iam", "crm", "outreach", "tracking"},
        ("data", ()): {"public", "iam", "crm", "outreach", "tracking"},
    }.get((kind, schemas), set(schemas))


def test_a_second_backup_of_the_same_second_is_refused(make):
    make()

    with pytest.raises(BackupRefused, match="is there already"):
        make()


def test_an_encrypted_backup_is_read_by_the_holder_of_the_key_alone(make, identity, settings):
    archive = make()

    assert archive.path.name == f"{STEM}.dump.zst.age"
    assert archive.path.read_bytes().startswith(b"age-encryption.org/v1\n")
    assert "\tBorel\t" in rows_of("organisations", archive.path)
    identity.write_text(f"{pyrage.x25519.Identity.generate()}\n")
    with pytest.raises(ArchiveRefused, match="made for another identity"):
        listed(archive.path)
    identity.write_text("nothing of the kind\n")
    with pytest.raises(ArchiveRefused, match="no file with one age identity"):
        listed(archive.path)
    settings.BACKUP_IDENTITY = ""
    with pytest.raises(ArchiveRefused, match="set BACKUP_IDENTITY"):
        listed(archive.path)


def test_a_backup_is_encrypted_where_nobody_could_open_it(make, identity, settings):
    settings.BACKUP_IDENTITY = ""

    archive = make()

    assert checked(archive.path) == archive


def test_a_recipient_that_is_no_key_is_refused_before_anything_is_done(make, settings, folder):
    settings.BACKUP_RECIPIENTS = ["age1nonsense"]

    with pytest.raises(BackupRefused, match="BACKUP_RECIPIENTS is malformed"):
        make()
    assert not folder.exists()


def test_a_role_that_policies_stop_makes_no_backup(make, owner_url, folder):
    with pytest.raises(BackupRefused, match="prospectflow_app cannot read every organisation"):
        make(url=url_as("app"))
    assert not folder.exists()


def test_no_backup_is_begun_of_a_database_that_cannot_be_reached(make, owner_url, folder):
    with pytest.raises(BackupRefused, match="cannot be reached"):
        make(url=make_conninfo(owner_url, port="1"))


def test_an_unknown_schema_is_refused(make, folder):
    with pytest.raises(BackupRefused, match="no schema nothing"):
        make("full", "nothing")
    assert list(folder.iterdir()) == []


def test_no_backup_is_begun_where_it_will_not_fit(make, folder, monkeypatch):
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: SimpleNamespace(free=65_000_000))

    with pytest.raises(BackupRefused, match=r"has 65 MB free, and up to \d+ MB are needed"):
        make()
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_refused(make, folder):
    folder.write_text("a file is in the way")

    with pytest.raises(BackupRefused, match="cannot be written"):
        make()


@pytest.mark.parametrize(
    ("kind", "said"),
    [("full", "permission denied for table hidden"), ("schema", "pg_dump failed: ")],
)
def test_what_the_owner_may_not_read_fails_the_backup(make, owner_url, folder, kind, said):
    with psycopg.connect(url_as("superuser"), autocommit=True) as superuser:
        superuser.execute("CREATE TABLE public.hidden ()")
        superuser.execute("REVOKE ALL ON public.hidden FROM prospectflow_owner, prospectflow_app")
        try:
            with pytest.raises(BackupFailed, match=said):
                make(kind)
        finally:
            superuser.execute("DROP TABLE public.hidden")
    assert list(folder.iterdir()) == []


def test_one_backup_or_restore_runs_at_a_time(make, owner_url):
    with alone(owner_url), pytest.raises(BackupRefused, match="is running"), alone(owner_url):
        pass
    with alone(owner_url):
        pass


def test_what_the_database_refuses_meanwhile_is_not_taken_for_an_unreachable_one(owner_url):
    with pytest.raises(psycopg.errors.DiskFull), alone(owner_url):
        raise psycopg.errors.DiskFull("could not extend file")


def test_another_database_may_be_backed_up_meanwhile(make, owner_url):
    with alone(owner_url), alone(make_conninfo(owner_url, dbname="other")):
        pass


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: data[:99] + bytes([data[99] ^ 1]) + data[100:],
        lambda data: b"",
    ],
)
@pytest.mark.parametrize("suffix", [".dump.zst", ".json"])
def test_a_byte_too_few_too_many_or_another_is_seen(archive, folder, spoil, suffix):
    file = folder / f"{STEM}{suffix}"
    file.write_bytes(spoil(file.read_bytes()))

    with pytest.raises(ArchiveRefused, match=r"was altered"):
        checked(archive.path)


def test_an_archive_of_somebody_who_has_no_key_of_ours_is_refused(archive, settings, folder):
    ours = settings.TOKEN_KEYS
    forged = replace(archive.manifest, database="theirs")
    (folder / f"{STEM}.json").unlink()
    settings.TOKEN_KEYS = ["a key of theirs, as long as it ought to be"]
    forged.write(folder / f"{STEM}.json")
    assert checked(archive.path).manifest == forged

    settings.TOKEN_KEYS = ours
    with pytest.raises(ArchiveRefused, match="a key that TOKEN_KEYS does not name"):
        checked(archive.path)


def test_a_backup_made_under_an_older_key_of_ours_is_taken(archive, settings):
    settings.TOKEN_KEYS = ["a key that was put in front since then", *settings.TOKEN_KEYS]

    assert checked(archive.path) == archive


def test_an_archive_never_unpacks_to_more_than_its_manifest_says(archive, folder):
    (folder / f"{STEM}.json").unlink()
    replace(archive.manifest, unpacked_bytes=1000).write(folder / f"{STEM}.json")
    unpacked = BytesIO()

    with pytest.raises(ArchiveRefused, match="holds no whole dump"):
        unpack(checked(archive.path), unpacked)
    assert len(unpacked.getvalue()) <= 1000


def test_an_archive_under_another_name_or_without_its_manifest_is_refused(archive, folder):
    manifest = folder / f"{STEM}.json"

    renamed = archive.path.rename(folder / "prospectflow_full_20261125_020000.dump.zst")
    with pytest.raises(ArchiveRefused, match="20261125_020000.json is missing"):
        checked(renamed)
    manifest.rename(folder / "prospectflow_full_20261125_020000.json")
    with pytest.raises(ArchiveRefused, match="was renamed"):
        checked(renamed)
    with pytest.raises(ArchiveRefused, match="is no backup of ProspectFlow"):
        checked(renamed.rename(folder / "backup.dump"))


def test_programs_older_than_the_server_are_refused(make, settings, monkeypatch, tmp_path):
    for name in ("pg_dump", "pg_restore"):
        old = tmp_path / name
        old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 15.18 (Debian)'\n")
        old.chmod(0o755)
    settings.EMBEDDED = False
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(BackupRefused, match="is of PostgreSQL 15, and the server of 18"):
        make()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(BackupRefused, match="pg_dump is not installed"):
        make()


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_a_disk_that_fills_up_meanwhile_leaves_nothing_and_says_so(
    make, folder, monkeypatch, request, encrypted
):
    if encrypted:
        request.getfixturevalue("identity")
    monkeypatch.setattr(dumping, "HashedWriter", FullDisk)

    with pytest.raises(BackupFailed, match="cannot be written .No space left on device.: make"):
        make()
    assert list(folder.iterdir()) == []


class FullDisk(HashedWriter):
    def write(self, data, /):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
