"""One organisation out and in again: whole, by itself, and never at the price of a second mail."""

import fcntl
import random
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.conf import settings
from django.db import DatabaseError, connection

from iam.models import AuditEvent, Membership, Organisation, ServiceAccount, User
from outreach.models import Campaign, Draft, Enrollment, Suppression, Task
from outreach.services.suppressing import entry_of, suppress_address
from outreach.services.switches import closed_switches, resume_organisation
from outreach.tests.making import MORNING
from outreach.tests.postbox import Postbox, World
from prospectflow.operations import embedded
from prospectflow.operations.organisations import archives, bringing_back, people, taking_out
from prospectflow.operations.organisations.archives import ArchiveRefused, opened
from prospectflow.operations.organisations.bringing_back import TakenHere, WrittenTo, bring_back
from prospectflow.operations.organisations.people import PeopleMerged
from prospectflow.operations.organisations.tables import tables
from prospectflow.operations.organisations.taking_out import NotWritten, take_out
from prospectflow.tenancy.checks import tenant_models
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import (
    NOON,
    make_campaign,
    make_enrollment,
    make_mailbox,
    make_organisation,
    make_user,
)
from prospectflow.testing.rows import make_message, make_row

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEFORE = NOON - DAY  # nothing is due yet
JOINED = {"iam.audit_events", "outreach.suppressions"}
type Rows = dict[str, list[Any]]


@pytest.fixture
def acme(committed) -> Organisation:
    """An organisation with a row in every table, and with what only time brings about."""
    organisation = make_organisation(name="Acme", slug="acme")
    with tenant(organisation.pk):
        for model in tenant_models():
            make_row(model)
        deleted = make_message().draft_id
        Draft.objects.filter(pk=deleted).delete()
        campaign = make_campaign(from_mailbox=make_mailbox())
        alone = make_enrollment(campaign=campaign)
        Enrollment.objects.filter(pk=alone.pk).update(mailbox=None)
    return organisation


@pytest.fixture
def other(committed) -> Organisation:
    organisation = make_organisation(name="Other Ltd", slug="other")
    with tenant(organisation.pk):
        make_message()
    return organisation


@pytest.fixture
def rows_of(owner_url):
    """What the tables hold of an organisation, as their owner sees it, and its own row."""

    def read(organisation_id: UUID) -> Rows:
        with psycopg.connect(owner_url) as owner:
            return {each.name: _rows(owner, each.name, organisation_id) for each in tables()}

    return read


def _rows(owner: psycopg.Connection, table: str, organisation_id: UUID) -> list[Any]:
    query = f"SELECT to_jsonb(t) FROM {table} t WHERE organisation_id = %s ORDER BY id"
    return [row for (row,) in owner.execute(query.encode(), [organisation_id]).fetchall()]


def out(organisation: Organisation, folder: Path, at=BEFORE) -> Path:
    return take_out(organisation, folder, now=at)[0]


def back(archive: Path, at=BEFORE):
    return bring_back(opened(archive), now=at)


def gone(organisation: Organisation) -> None:
    with tenant(organisation.pk):
        Organisation.objects.filter(pk=organisation.pk).delete()


def test_a_deleted_organisation_comes_back_row_by_row(acme, other, rows_of, tmp_path):
    was, others = rows_of(acme.pk), rows_of(other.pk)
    archive = out(acme, tmp_path)
    gone(acme)
    assert not any(rows_of(acme.pk).values())

    back(archive)

    now = rows_of(acme.pk)
    trail = now.pop("iam.audit_events")
    assert [event["action"] for event in trail[len(was["iam.audit_events"]) :]] == ["restored"]
    assert trail[:-1] == was.pop("iam.audit_events")
    assert now == was
    assert rows_of(other.pk) == others


def test_every_table_of_an_organisation_is_in_the_round_trip(acme, rows_of):
    assert [table for table, rows in rows_of(acme.pk).items() if not rows] == []


def test_what_was_changed_is_undone(acme, other, rows_of, tmp_path):
    was, others = rows_of(acme.pk), rows_of(other.pk)
    archive = out(acme, tmp_path)
    with tenant(acme.pk):
        Campaign.objects.all().delete()
        make_campaign(name="By mistake")

    back(archive)

    now = rows_of(acme.pk)
    assert {name: now[name] for name in now if name not in JOINED} == {
        name: was[name] for name in was if name not in JOINED
    }
    assert rows_of(other.pk) == others


def test_whom_it_must_not_write_to_now_stays_so(acme, tmp_path):
    archive = out(acme, tmp_path)
    with tenant(acme.pk):
        kept = set(Suppression.objects.values_list("pk", flat=True))
        suppress_address("ada@example.com", reason="unsubscribed", source="link", at=BEFORE)
        Suppression.objects.filter(pk__in=kept).delete()

    back(archive)

    with tenant(acme.pk):
        assert entry_of("ada@example.com")
        assert kept < set(Suppression.objects.values_list("pk", flat=True))


def test_who_was_shut_out_stays_outside_and_the_trail_tells_of_it(acme, tmp_path):
    with tenant(acme.pk):
        member = make_row(Membership)
    archive = out(acme, tmp_path)
    with tenant(acme.pk):
        Membership.objects.filter(pk=member.pk).update(status="disabled")
        newest = AuditEvent.objects.order_by("-pk").first()
        ServiceAccount.objects.all().delete()

    back(archive)

    with tenant(acme.pk):
        assert Membership.objects.get(pk=member.pk).status == "disabled"
        assert AuditEvent.objects.filter(pk=newest.pk).exists()
        assert not ServiceAccount.objects.exists()


def test_nothing_leaves_until_somebody_resumes(acme, tmp_path):
    archive = out(acme, tmp_path)

    back(archive)

    with tenant(acme.pk):
        assert [switch.code for switch in closed_switches()] == ["organisation_stopped"]
        assert "brought back from a backup of 2026-11-23 12:00 UTC" in closed_switches()[0].sentence
        resume_organisation(at=BEFORE)
        assert closed_switches() == []


def statuses(world: World) -> list[str]:
    with world.open():
        return sorted(Task.objects.values_list("status", flat=True))


def resumed(world: World) -> None:
    with world.open():
        resume_organisation(at=MORNING)


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    running = Postbox()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def world(committed, postbox) -> World:
    return World(postbox)


def whose(world: World) -> Organisation:
    return Organisation.objects.get(pk=world.organisation_id)


def test_mails_that_left_since_are_not_sent_again_and_those_that_did_not_leave(
    world, postbox, tmp_path
):
    world.queue(3)
    archive = out(whose(world), tmp_path, MORNING - HOUR)
    world.send(MORNING)
    assert len(postbox.mails) == 1

    assert back(archive, MORNING).doubtful == 1

    assert statuses(world) == ["scheduled", "scheduled", "unknown"]
    resumed(world)
    for n in range(5):
        world.send(MORNING + 10 * n * timedelta(minutes=1))
    recipients = [recipient for recipient, _ in postbox.mails]
    assert len(recipients) == len(set(recipients)) == 3


def test_a_mail_that_left_earlier_than_was_planned_is_not_sent_again(world, postbox, tmp_path):
    task = world.queue()
    with world.open():
        Task.objects.filter(pk=task.pk).update(scheduled_for=MORNING + DAY)
    archive = out(whose(world), tmp_path, MORNING - HOUR)
    with world.open():
        Task.objects.filter(pk=task.pk).update(scheduled_for=MORNING - HOUR)
    world.send(MORNING)

    assert back(archive, MORNING).doubtful == 1
    resumed(world)
    world.send(MORNING + DAY)

    assert len(postbox.mails) == 1


def test_where_nobody_knows_what_left_all_that_was_due_is_in_doubt(world, postbox, tmp_path):
    world.queue(2)
    archive = out(whose(world), tmp_path, MORNING - HOUR)
    world.send(MORNING)
    gone(whose(world))

    assert back(archive, MORNING).doubtful == 2
    resumed(world)
    world.send(MORNING + HOUR)

    assert statuses(world) == ["unknown", "unknown"]
    assert len(postbox.mails) == 1


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


def test_an_export_is_of_one_instant_and_leaves_nothing_half_written(
    acme, owner_url, tmp_path, monkeypatch
):
    class Full(zipfile.ZipFile):
        def writestr(self, *arguments: Any, **options: Any) -> None:
            raise OSError(28, "No space left on device")

    with tenant(acme.pk):
        count = Campaign.objects.count()
    real, calls = taking_out._copy, []

    def meanwhile(packed, table, where=""):
        if not calls:
            with psycopg.connect(owner_url) as owner:
                owner.execute("DELETE FROM outreach.campaigns")
        calls.append(table)
        return real(packed, table, where)

    monkeypatch.setattr(taking_out, "_copy", meanwhile)
    _, contents = take_out(acme, tmp_path, now=BEFORE)
    assert contents.parts["outreach.campaigns"].rows == count

    monkeypatch.setattr(taking_out, "ZipFile", Full)
    with pytest.raises(NotWritten, match="No space left on device"):
        take_out(acme, tmp_path / "full", now=BEFORE)
    assert list((tmp_path / "full").iterdir()) == []


def test_only_its_owner_may_read_an_archive_and_none_is_overwritten(acme, tmp_path):
    archive = out(acme, tmp_path)

    assert archive.name == "prospectflow_organisation_acme_20261123_120000.zip"
    assert archive.stat().st_mode & 0o777 == 0o600
    with pytest.raises(NotWritten, match="is there already"):
        out(acme, tmp_path)


@contextmanager
def another_database() -> Iterator[None]:
    """A copy of the test's database, served in its place."""
    original = str(connection.settings_dict["NAME"])
    copy, superuser = (
        f"{original}_elsewhere",
        embedded.database_url(settings.LOCAL_DIRECTORY, role="superuser", database="postgres"),
    )
    connection.close()
    with psycopg.connect(superuser, autocommit=True) as session:
        session.execute(f"CREATE DATABASE {copy} TEMPLATE {original}".encode())
    connection.settings_dict["NAME"] = copy
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = original
        embedded.drop_database(settings.LOCAL_DIRECTORY, copy)


def test_in_another_database_people_are_known_by_subject_or_address(acme, tmp_path):
    with tenant(acme.pk):
        owner = Membership.objects.get(role="owner").user
        member = make_row(Membership, user=make_user(cognito_sub="sub-1")).user
        newcomer = make_row(Membership).user
    archive = out(acme, tmp_path)

    with another_database():
        gone(acme)
        User.objects.all().delete()
        same_address = make_user(email=owner.email)
        same_subject = make_user(cognito_sub="sub-1")
        back(archive)

        with tenant(acme.pk):
            people = set(Membership.objects.values_list("user_id", flat=True))
        assert {same_address.pk, same_subject.pk, newcomer.pk} <= people
        assert not {owner.pk, member.pk} & people
        found = User.objects.get(pk=newcomer.pk)
        assert (found.email, found.cognito_sub, found.is_staff) == (newcomer.email, None, False)
        assert not found.has_usable_password()


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


def test_what_a_killed_export_left_is_cleared_away_and_what_is_being_written_is_not(acme, tmp_path):
    left = tmp_path / "prospectflow_organisation_other_20261101_120000.zip.7.partial"
    strange = tmp_path / "somebody_elses.zip.7.partial"
    for path in (left, strange):
        path.write_bytes(b"PK")

    with left.open("rb") as writing:
        fcntl.flock(writing, fcntl.LOCK_EX)
        out(acme, tmp_path)
        assert left.exists()
    out(acme, tmp_path, at=NOON)

    assert (left.exists(), strange.exists()) == (False, True)
