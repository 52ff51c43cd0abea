"""Archives that are not what they should be are refused with a sentence, and nothing is touched."""

import hashlib
import io
import random
import re
import shutil
from dataclasses import replace

import psycopg
import pytest
import zstandard
from django.core.management import CommandError, call_command

from prospectflow.operations.backups.archives import OpenArchive, verified
from prospectflow.operations.backups.errors import ArchiveRefused, RestoreRefused
from prospectflow.operations.backups.manifest import read_manifest
from prospectflow.operations.backups.names import manifest_beside
from prospectflow.operations.backups.restoring import planned
from prospectflow.operations.management.commands import restore as restore_command

from .restorable import LATER, NAME, contents, hold_unchanged, restored, server, url

MANY, SOME = 200, 10
pytestmark = pytest.mark.usefixtures("own_folder")


def without_last(migrations):
    return migrations | {"outreach": migrations["outreach"][:-1]}


def with_more(migrations):
    return migrations | {"outreach": [*migrations["outreach"], "0999_tomorrow"]}


@pytest.mark.parametrize(
    ("said", "schema", "sentence"),
    [
        ({"kind": "schema"}, None, "holds definitions and no rows"),
        ({"kind": "data"}, None, "is not of a whole database: .* --schema iam"),
        ({"schemas": ("crm",)}, None, "is not of a whole database: .* --schema crm"),
        ({"schemas": ("crm",)}, "outreach", "holds crm, and not outreach"),
        ({}, "public", "There is no schema public: it is one of iam, crm, outreach, tracking"),
        ({"server_version": "99.1"}, None, r"is of PostgreSQL 99\.1, and this server is 18"),
        ({"migrations": without_last}, None, "is of an older version, which lacks outreach.00"),
        ({"migrations": with_more}, None, "is of a newer version, which has outreach.0999_tom"),
        ({"migrations": lambda known: {}}, "crm", "is of an older version, .* and [0-9]+ more"),
    ],
)
def test_an_archive_of_other_contents_or_versions(standing, backup, said, schema, sentence):
    with verified(backup) as archive:
        if "migrations" in said:
            said = {"migrations": said["migrations"](archive.manifest.migrations)}
        other = OpenArchive(archive.path, replace(archive.manifest, **said), archive.dump)

        with pytest.raises(RestoreRefused, match=sentence):
            planned(server(), other, schema=schema, now=LATER)


def flip(content, chance):
    """One bit is another."""
    at = chance.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :]


def cut_short(content, chance):
    return content[: chance.randrange(len(content))]


def leave_out(content, chance):
    begin = chance.randrange(len(content))
    return content[:begin] + content[begin + chance.randint(1, 4096) :]


def put_in(content, chance):
    at = chance.randint(0, len(content))
    return content[:at] + chance.randbytes(chance.randint(1, 512)) + content[at:]


def blank(content, chance):
    """A block of the disk came back as noise."""
    size = min(512, len(content))
    at = chance.randrange(len(content) - size + 1)
    return content[:at] + chance.randbytes(size) + content[at + size :]


HARM = (flip, cut_short, leave_out, put_in, blank)


@pytest.mark.parametrize("part", ["archive", "manifest"])
def test_an_archive_with_random_damage_is_refused(standing, backup, tmp_path, monkeypatch, part):
    unchanged = contents()
    copied = tmp_path / backup.name
    monkeypatch.setattr(restore_command, "owner_url", lambda: url(NAME))
    for number in range(MANY // 2):
        for path in (backup, manifest_beside(backup)):
            shutil.copy(path, tmp_path)
        harmed = copied if part == "archive" else manifest_beside(copied)
        harm, chance = HARM[number % len(HARM)], random.Random(number)
        harmed.write_bytes(harm(harmed.read_bytes(), chance))

        with pytest.raises(CommandError, match=r"^[^\n]+\.$") as refusal:
            call_command("restore", str(copied), "--yes")
        assert refusal.value.returncode == 2, f"after {harm.__name__} {number} of the {part}"

    hold_unchanged(unchanged)


def damaged_frame(packed, chance):
    """Within zstd, which bears a checksum of its own."""
    return flip(packed, chance)


def shorter_dump(packed, chance):
    """Packed well, but of other bytes than the manifest counts."""
    return repacked(leave_out(unpacked(packed), chance))


def longer_dump(packed, chance):
    return repacked(put_in(unpacked(packed), chance))


def no_dump(packed, chance):
    """Of as many bytes as it should have, but without the table of contents."""
    content = unpacked(packed)
    return repacked(chance.randbytes(1024) + content[1024:])


def unpacked(packed):
    return zstandard.ZstdDecompressor().stream_reader(packed).read()


def repacked(content):
    return zstandard.ZstdCompressor(write_checksum=True).compress(content)


@pytest.mark.parametrize("harm", [damaged_frame, shorter_dump, longer_dump, no_dump])
def test_what_was_damaged_before_it_was_sealed_is_refused(backup, tmp_path, harm):
    """Each layer behind the checksum is looked at for itself."""
    copied = tmp_path / backup.name
    said = read_manifest(manifest_beside(backup))
    for number in range(SOME):
        content = harm(backup.read_bytes(), random.Random(number))
        copied.write_bytes(content)
        manifest_beside(copied).unlink(missing_ok=True)
        parts = {copied.name: hashlib.sha256(content).hexdigest()}
        replace(said, parts=parts).write(manifest_beside(copied))

        with pytest.raises(ArchiveRefused, match="is damaged: it holds no whole dump"):
            verified(copied).__enter__()


def test_a_backup_of_another_program_or_another_name_is_refused(standing, backup, tmp_path):
    foreign = tmp_path / "other.dump"
    foreign.write_bytes(b"PGDMP")
    renamed = tmp_path / backup.name.replace("20261124", "20261125")
    shutil.copy(backup, renamed)
    shutil.copy(manifest_beside(backup), manifest_beside(renamed))

    for path, sentence in ((foreign, "is no backup of ProspectFlow"), (renamed, "was renamed")):
        with pytest.raises(ArchiveRefused, match=sentence), verified(path):
            pytest.fail("taken for a backup of ours")


@pytest.mark.parametrize(
    ("role", "application", "sentence"),
    [("app", "worker", "Workers are running"), ("superuser", "psql", "A superuser is connected")],
)
def test_who_must_not_be_connected_is_named(standing, backup, role, application, sentence):
    unchanged = contents()
    with (
        psycopg.connect(url(NAME, role), application_name=application),
        pytest.raises(RestoreRefused, match=sentence),
    ):
        restored(backup)

    hold_unchanged(unchanged)


@pytest.mark.parametrize("answer", ["", "yes", NAME.upper()], ids=["nothing", "yes", "capitals"])
def test_nothing_is_restored_unless_the_name_is_typed(
    standing, backup, monkeypatch, capsys, answer
):
    unchanged = contents()
    monkeypatch.setattr(restore_command, "owner_url", lambda: url(NAME))
    monkeypatch.setattr("builtins.input", lambda question: answer)

    with pytest.raises(CommandError, match=r"Nothing was changed\.") as refusal:
        call_command("restore", str(backup))

    assert refusal.value.returncode == 1
    told = capsys.readouterr().out
    assert f"it is kept as {NAME}_before_" in told
    assert re.search(rf"room for both: {NAME} takes \d+\.\d MB, .* \d+\.\d .B unpacked", told)
    hold_unchanged(unchanged)


class Interrupting(io.StringIO):
    """A terminal at which somebody types Ctrl-C as soon as the new database is filled."""

    def write(self, said):
        if said.startswith("Comparing"):
            raise KeyboardInterrupt
        return super().write(said)


def test_a_restore_that_is_interrupted_changes_nothing(standing, backup, monkeypatch):
    unchanged = contents()
    monkeypatch.setattr(restore_command, "owner_url", lambda: url(NAME))

    with pytest.raises(CommandError, match=f"Stopped: {NAME} is as it was") as refusal:
        call_command("restore", str(backup), "--yes", stdout=Interrupting())

    assert refusal.value.returncode == 130
    hold_unchanged(unchanged)


def test_the_role_that_serves_restores_nothing(standing, backup, monkeypatch):
    monkeypatch.setattr(restore_command, "owner_url", lambda: url(NAME, "app"))

    with pytest.raises(CommandError, match="run this as prospectflow_owner") as refusal:
        call_command("restore", str(backup), "--yes")

    assert refusal.value.returncode == 2
