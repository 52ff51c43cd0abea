"""One organisation out and in again: whole, by itself, and never at the price of a second mail."""

import fcntl
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from iam.models import AuditEvent, Membership, Organisation, ServiceAccount, User
from outreach.models import Campaign, Suppression, Task
from outreach.services.suppressing import entry_of, suppress_address
from outreach.services.switches import closed_switches, resume_organisation
from outreach.tests.making import MORNING
from outreach.tests.postbox import World
from prospectflow.operations import embedded
from prospectflow.operations.organisations import taking_out
from prospectflow.operations.organisations.taking_out import NotWritten, take_out
from prospectflow.operations.tests.organisations.moving import BEFORE, DAY, HOUR, back, gone, out
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import NOON, make_campaign, make_user
from prospectflow.testing.rows import make_row

JOINED = {"iam.audit_events", "outreach.suppressions"}


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
