"""What is no archive of an organisation, or not any more, is refused before anything is begun."""

import random
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from iam.models import Organisation
from prospectflow.operations.organisations import archives
from prospectflow.operations.organisations.archives import ArchiveRefused, opened
from prospectflow.operations.organisations.taking_out import take_out
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import NOON, make_campaign, make_organisation


@pytest.fixture
def acme(committed) -> Organisation:
    organisation = make_organisation(name="Acme", slug="acme")
    with tenant(organisation.pk):
        make_campaign(name="Short")
    return organisation


def out(organisation: Organisation, folder: Path) -> Path:
    return take_out(organisation, folder, now=NOON)[0]


def altered(archive: Path, member: str, change) -> Path:
    """The same archive with one file in it changed, as whoever knows ZIP could."""
    copy = archive.with_name("altered.zip")
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content) if name == member else content)
    return copy


def test_an_archive_that_was_altered_is_refused(acme, tmp_path):
    archive = out(acme, tmp_path)

    rows = altered(archive, "outreach.campaigns.csv", lambda text: text.replace(b"Short", b"Long "))
    with pytest.raises(ArchiveRefused, match="rows of outreach.campaigns are not those"):
        opened(rows)
    contents = altered(archive, "contents.json", lambda text: text.replace(b"acme", b"evil"))
    with pytest.raises(ArchiveRefused, match="was altered, or made under a key"):
        opened(contents)


def test_a_list_of_contents_that_swells_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "swelling.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("contents.json", b" " * 200_000_000)
    honest = path.read_bytes()
    lying = honest.replace((200_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little"))

    for content in (honest, lying):
        path.write_bytes(content)
        tracemalloc.start()
        with pytest.raises(ArchiveRefused, match="is broken off or damaged, or no archive"):
            opened(path)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 20_000_000


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2], ids=["lzma", "bzip2"])
def test_a_way_of_packing_that_is_not_ours_is_not_unpacked(acme, tmp_path, method):
    archive, other = out(acme, tmp_path), tmp_path / "other.zip"
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(other, "w", method) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))

    with pytest.raises(ArchiveRefused, match="is broken off or damaged, or no archive"):
        opened(other)


@pytest.mark.parametrize(
    "contents",
    ["5", "[]", '{"contents": 5, "seal": "x"}', '{"contents": "{}"}', "[" * 100_000],
    ids=["number", "list", "number within", "no seal", "deep"],
)
def test_contents_of_another_shape_are_refused_in_a_sentence(tmp_path, contents):
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as packed:
        packed.writestr("contents.json", contents)

    with pytest.raises(ArchiveRefused, match="is broken off or damaged, or no archive"):
        opened(tmp_path / "odd.zip")


def test_an_archive_made_under_other_keys_or_by_another_version_is_refused(
    acme, tmp_path, settings, monkeypatch
):
    archive = out(acme, tmp_path)
    ours = settings.TOKEN_KEYS

    settings.TOKEN_KEYS = ["somebody else's"]
    with pytest.raises(ArchiveRefused, match="a key that TOKEN_KEYS does not name"):
        opened(archive)
    settings.TOKEN_KEYS = ["new", *ours]
    assert opened(archive).contents.slug == "acme"

    of_ours = opened(archive).contents.migrations
    monkeypatch.setattr(archives, "applied_migrations", lambda: [*of_ours, "outreach.9999_later"])
    with pytest.raises(
        ArchiveRefused, match=r"1 migration\(s\) differ, such as outreach.9999_later"
    ):
        opened(archive)


def test_bytes_that_are_no_archive_are_refused_in_a_sentence(tmp_path):
    for content in (b"", b"PK", b"PGDMP not ours", random.Random(1).randbytes(2_000)):
        (tmp_path / "file.zip").write_bytes(content)
        with pytest.raises(ArchiveRefused, match="is broken off or damaged, or no archive"):
            opened(tmp_path / "file.zip")
    with pytest.raises(ArchiveRefused, match="cannot be read: No such file"):
        opened(tmp_path / "missing.zip")


def test_a_damaged_archive_is_refused_or_says_the_same(acme, tmp_path):
    archive = out(acme, tmp_path)
    whole, said = archive.read_bytes(), opened(archive).contents
    chance, damaged, refused = random.Random(6), tmp_path / "damaged.zip", 0
    for n in range(200):
        content = bytearray(whole)
        place = chance.randrange(len(whole))
        if n % 2:
            content[place] ^= 1 << chance.randrange(8)
        else:
            del content[place:]
        damaged.write_bytes(content)
        try:
            assert opened(damaged).contents == said  # only a date in ZIP's own lists differs
        except ArchiveRefused:
            refused += 1

    assert refused > 150
