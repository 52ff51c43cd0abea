"""What cannot be brought in whole is not brought in at all, and a sentence says why."""

import random
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import DatabaseError, connection

from iam.models import Membership, Organisation, ServiceAccount, User
from prospectflow.operations import embedded
from prospectflow.operations.organisations import archives, bringing_back, people
from prospectflow.operations.organisations.archives import ArchiveRefused, opened
from prospectflow.operations.organisations.bringing_back import TakenHere, WrittenTo
from prospectflow.operations.organisations.people import PeopleMerged
from prospectflow.operations.tests.organisations.moving import back, gone, out
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import NOON, make_campaign, make_organisation, make_user
from prospectflow.testing.rows import make_row


def test_an_error_in_the_middle_leaves_everything_as_it_is(acme, rows_of, tmp_path, monkeypatch):
    archive = out(acme, tmp_path)
    with tenant(acme.pk):
        make_campaign(name="New")
    now = rows_of(acme.pk)
    insert = bringing_back._insert

    def fail(table):
        return insert(table) if table.name != "outreach.tasks" else "SELECT nothing"

    monkeypatch.setattr(bringing_back, "_insert", fail)
    with pytest.raises(DatabaseError):
        back(archive)

    assert rows_of(acme.pk) == now


WAITING = """
SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE NOT granted AND datname = current_database()
"""


def superuser_url() -> str:
    name = connection.settings_dict["NAME"]
    return embedded.database_url(settings.LOCAL_DIRECTORY, role="superuser", database=name)


def _alone(act, *arguments):
    """Do this in a thread of its own, whose connection ends with it."""
    try:
        return act(*arguments)
    finally:
        connection.close()


def test_where_two_wait_for_each_other_nothing_is_changed_and_it_says_so(acme, rows_of, tmp_path):
    archive, superuser = out(acme, tmp_path), superuser_url()
    now = rows_of(acme.pk)
    with psycopg.connect(superuser) as other, ThreadPoolExecutor() as beside:
        other.execute("SET deadlock_timeout = '1min'")  # so that it is not the one broken off
        other.execute("SELECT FROM outreach.campaigns FOR UPDATE")
        restoring = beside.submit(_alone, back, archive)
        while other.execute(WAITING).fetchone() == (0,) and not restoring.done():
            other.execute("SELECT pg_stat_clear_snapshot()")  # else it is the first one's answer
            time.sleep(0.05)
        other.execute("SELECT FROM iam.organisations FOR UPDATE")
        with pytest.raises(WrittenTo, match="nothing was changed: try again"):
            restoring.result()

    assert rows_of(acme.pk) == now


def test_two_people_are_never_made_one(acme, tmp_path):
    with tenant(acme.pk):
        one = make_row(Membership, user=make_user(cognito_sub="sub-1")).user
        two = make_row(Membership).user
    archive = out(acme, tmp_path)
    gone(acme)
    User.objects.filter(pk__in=[one.pk, two.pk]).delete()
    make_user(cognito_sub="sub-1", email=two.email)

    with pytest.raises(PeopleMerged, match=f"{one.email}, {two.email} are two people"):
        back(archive)

    assert not Organisation.objects.filter(pk=acme.pk).exists()


def test_what_is_another_organisations_here_is_not_taken_from_it(acme, tmp_path):
    archive = out(acme, tmp_path)
    with tenant(acme.pk):
        client_id = ServiceAccount.objects.get().client_id
    gone(acme)
    squatter = make_organisation(slug="acme")
    with pytest.raises(TakenHere, match="has the slug here"):
        back(archive)

    with tenant(squatter.pk):
        Organisation.objects.filter(pk=squatter.pk).update(slug="squatter")
        make_row(ServiceAccount, client_id=client_id)
    with pytest.raises(TakenHere, match="A program of the archive acts for another organisation"):
        back(archive)

    assert not Organisation.objects.filter(pk=acme.pk).exists()


def test_rows_that_do_not_fit_here_are_not_called_another_organisations(
    acme, owner_url, rows_of, tmp_path
):
    archive, now = out(acme, tmp_path), rows_of(acme.pk)
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("ALTER TABLE crm.companies ADD CONSTRAINT strict CHECK (false) NOT VALID")
        try:
            with pytest.raises(
                ArchiveRefused, match=r"do not fit .* \(strict\): nothing was changed"
            ):
                back(archive)
        finally:
            owner.execute("ALTER TABLE crm.companies DROP CONSTRAINT strict")

    assert rows_of(acme.pk) == now


def test_whoever_signs_up_with_an_address_of_the_archive_meanwhile_is_nobodys_row(
    acme, tmp_path, monkeypatch
):
    archive, person = out(acme, tmp_path), make_user(email="new@example.com")
    with tenant(acme.pk):
        Membership.objects.create(user=person)
    archive = out(acme, tmp_path, at=NOON)
    gone(acme)
    User.objects.filter(pk=person.pk).delete()

    def sign_up(rows):
        make_user(email="new@example.com")
        make(rows)

    make = people._make
    monkeypatch.setattr(people, "_make", sign_up)
    with pytest.raises(WrittenTo, match="try again"):
        back(archive)


def resealed(archive: Path, change, name: str = "outreach.campaigns") -> Path:
    """The same archive with other rows of a table, as if it had been made with them."""
    copy = archive.with_name("resealed.zip")
    contents = opened(archive).contents
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(copy, "w") as new:
        rows = change(old.read(f"{name}.csv"))
        part = archives.Part(contents.parts[name].rows, sha256(rows).hexdigest())
        told = replace(contents, parts=contents.parts | {name: part}).sealed()
        for member in old.namelist():
            given = {f"{name}.csv": rows, "contents.json": told}
            new.writestr(member, given.get(member, old.read(member)))
    return copy


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda rows: rows[: rows.rindex(b"\n", 0, -1) + 1], "other rows of outreach.campaigns"),
        (lambda rows: rows[:-60], "rows do not fit this database"),
        (lambda rows: rows.replace(b"id", b"di", 1), "rows do not fit this database"),
        (lambda rows: rows + b"\xff", "rows do not fit this database"),
        (lambda rows: random.Random(3).randbytes(len(rows)), "rows do not fit this database"),
    ],
    ids=["a row less", "broken off", "other columns", "not text", "noise"],
)
def test_rows_that_are_wrong_below_a_right_seal_bring_nothing_in(
    acme, rows_of, tmp_path, change, sentence
):
    archive, now = resealed(out(acme, tmp_path), change), rows_of(acme.pk)

    with pytest.raises(ArchiveRefused, match=sentence):
        back(archive)

    assert rows_of(acme.pk) == now


@pytest.mark.parametrize("name", ["outreach.campaigns", "iam.audit_events", "iam.organisations"])
def test_an_archive_with_a_row_of_another_organisation_is_refused_and_brings_in_nothing(
    acme, other, rows_of, tmp_path, name
):
    mine, others = str(acme.pk).encode(), str(other.pk).encode()
    archive = resealed(out(acme, tmp_path), lambda rows: rows.replace(mine, others, 1), name)
    was = rows_of(acme.pk), rows_of(other.pk)

    with pytest.raises(ArchiveRefused, match=f"of another organisation in {name}: nothing was"):
        back(archive)

    assert (rows_of(acme.pk), rows_of(other.pk)) == was
