"""The command that confirms a restored database: it tells, asks, obeys lost stops, and reopens."""

import io
import json
import logging
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from outreach.management.commands import confirm_restore
from outreach.models import Platform, Suppression, Task
from outreach.services.recalling import Recalled
from outreach.services.stop_lines import StopUnreadable, read_lines
from outreach.services.stopping import opt_out, suppress_by_hand
from outreach.services.suppressing import suppressed_among
from outreach.services.switches import is_restored
from outreach.tests.making import make_open_campaign, make_ready
from outreach.tests.postbox import World
from prospectflow.logs.lines import JsonLines
from prospectflow.tenancy.context import tenant

HOUR = timedelta(hours=1)
ADDRESS = "jean.martin@societe-exemple.fr"


@pytest.fixture
def due(world: World) -> Task:
    """A mail whose hour came an hour ago."""
    with world.open() as mailbox:
        return make_ready(make_open_campaign(mailbox), at=timezone.now() - HOUR)


def copied() -> None:
    """Let this database bear the mark of another, as a restored copy does."""
    Platform.objects.update(database_mark="1:2:3")


def said(*arguments: str, to: str = "confirm_restore") -> str:
    out = io.StringIO()
    call_command(to, *arguments, stdout=out, stderr=out)
    return out.getvalue()


def refusal(*arguments: str) -> tuple[int, str]:
    with pytest.raises(CommandError) as refused:
        said(*arguments)
    return refused.value.returncode, str(refused.value)


def status(world: World, task: Task) -> str:
    return world.state(task)[0].status


def stop_lines(caplog) -> list[str]:
    return [
        f"2026-11-23 12:00:00,000 INFO {entry.name} [-] {entry.getMessage()}\n"
        for entry in caplog.records
        if entry.name == "outreach.stops"
    ]


def test_a_database_that_was_not_restored_needs_no_confirmation(world, due):
    assert "nothing is to be done" in said("--yes")

    assert status(world, due) == "scheduled"


def test_a_copy_is_confirmed_and_says_what_became_of_its_mails(world, due):
    copied()

    told = said("--yes")

    assert "1 mail(s) may have left meanwhile" in told
    assert "1 in doubt" in told
    assert "Mails may leave again." in told
    assert status(world, due) == "unknown"
    assert not is_restored()


def test_a_mailbox_whose_sent_mails_cannot_be_looked_through_is_named_and_paused(world, due):
    copied()

    told = said("--yes")

    assert "could not be looked for. The IMAP server 127.0.0.1:2143 cannot be reached" in told
    assert "It is paused." in told
    assert world.state(due)[3].status == "paused"


def test_forgotten_mails_are_counted_and_are_written_down_before_anything_leaves(
    world, monkeypatch
):
    restored_when_looked = []

    def recall(organisation_id, *, since, now):
        restored_when_looked.append(is_restored())
        return Recalled(found=3)

    monkeypatch.setattr(confirm_restore, "recall", recall)
    copied()

    assert "3 forgotten mail(s) found." in said("--yes")
    assert set(restored_when_looked) == {True}


def test_sent_mails_are_looked_through_once_more_when_the_backups_time_is_said(world):
    since = (timezone.now() - HOUR).isoformat()

    with pytest.raises(CommandError, match="1 mailbox") as refused:
        said("--since", since, to="reconcile_sent")

    assert refused.value.returncode == 1
    with world.open() as mailbox:
        assert mailbox.status == "paused"


def test_whoever_does_not_say_yes_changes_nothing(world, due, monkeypatch):
    copied()

    for answer in ("no\n", "\n", ""):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        assert refusal() == (1, "Nothing was changed, and nothing leaves.")

    assert status(world, due) == "scheduled"
    assert is_restored()


def test_whoever_says_yes_confirms(world, due, monkeypatch):
    copied()
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))

    said()

    assert not is_restored()


def test_a_disk_that_was_set_back_looks_like_itself_and_is_confirmed_by_its_time(world, due):
    assert not is_restored()

    said("--since", (timezone.now() - 2 * HOUR).isoformat(), "--yes")

    assert status(world, due) == "unknown"
    assert not is_restored()


@pytest.mark.parametrize("wrong", ["yesterday", "2026-11-20T02:00", "2999-01-01T00:00+00:00"])
def test_what_is_no_moment_of_the_past_is_refused(world, due, wrong):
    copied()

    code, sentence = refusal("--since", wrong, "--yes")

    assert code == 2
    assert f'"{wrong}" is no moment of the past' in sentence
    assert is_restored()


def test_an_objection_that_the_backup_has_forgotten_is_obeyed_again(world, tmp_path, caplog):
    with world.open():
        opt_out(ADDRESS, reason="unsubscribed", source="the link", at=timezone.now())
        suppress_by_hand("example.org", reason="by_hand", source="", at=timezone.now())
        Suppression.objects.all().delete()
    log = tmp_path / "log"
    log.write_text("".join(["something else\n", *stop_lines(caplog), *stop_lines(caplog)]))
    copied()

    told = said("--stops", str(log), "--yes")

    assert "2 stop(s) more" in told
    with world.open():
        assert suppressed_among([ADDRESS, "a@example.org", "b@example.com"]) == {
            ADDRESS,
            "a@example.org",
        }
        assert Suppression.objects.get(domain=None).reason == "unsubscribed"


def test_a_log_of_json_lines_is_obeyed_as_well(world, tmp_path, caplog):
    with world.open():
        opt_out(ADDRESS, reason="unsubscribed", source="the link", at=timezone.now())
        Suppression.objects.all().delete()
    told = [entry for entry in caplog.records if entry.name == "outreach.stops"]
    lines = [JsonLines("testing").format(entry) for entry in told]
    log = tmp_path / "log"
    log.write_text("\n".join(['{"event": "something else"}', f"sender-1  | {lines[0]}", *lines]))
    copied()

    said("--stops", str(log), "--yes")

    with world.open():
        assert suppressed_among([ADDRESS]) == {ADDRESS}


def test_a_log_without_any_stop_is_refused_before_anything_is_done(world, due, tmp_path):
    log = tmp_path / "web.log"
    log.write_text("2026-11-23 12:00:00 INFO django [-] something else\n")
    copied()

    assert refusal("--stops", str(log), "--yes") == (
        2,
        f"{log} tells of no stop: give the log that has lines of outreach.stops, or leave --stops"
        " out where nobody objected since the backup.",
    )
    assert status(world, due) == "scheduled"
    assert is_restored()


def test_the_log_tells_of_a_stop_but_never_the_address(world, caplog):
    with world.open():
        opt_out(ADDRESS, reason="unsubscribed", source=f"{ADDRESS} said so", at=timezone.now())

    (line,) = stop_lines(caplog)
    told = json.loads(line[line.index("{") :])
    assert ADDRESS not in line
    assert "martin" not in line
    assert told["organisation"] == str(world.organisation_id)
    with world.open():
        assert Suppression.objects.filter(address_hash=told["address_hash"]).exists()


def test_the_log_tells_of_nothing_that_was_rolled_back(world, caplog):
    def give_up():
        with tenant(world.organisation_id):
            opt_out(ADDRESS, reason="unsubscribed", source="", at=timezone.now())
            raise InterruptedError

    with pytest.raises(InterruptedError):
        give_up()

    assert stop_lines(caplog) == []


def test_stops_are_told_however_quiet_the_log_is(world, caplog):
    logging.getLogger().setLevel(logging.ERROR)
    try:
        with world.open():
            opt_out(ADDRESS, reason="unsubscribed", source="", at=timezone.now())
    finally:
        logging.getLogger().setLevel(logging.WARNING)

    assert len(stop_lines(caplog)) == 1


@pytest.mark.parametrize(
    "line",
    [
        "outreach.stops [-] {",
        "outreach.stops [-] nothing",
        'outreach.stops {"organisation": "x"}',
        '{"module": "outreach.stops", "event": "nothing"}',
        '{"module": "outreach.stops", "event": 1}',
        '{"module": "outreach.stops", "ev',
        '{"log": "outreach.stops [-] {}"}',
        'outreach.stops {"organisation": "0198c0de-0000-7000-8000-000000000000", "reason": "odd",'
        ' "at": "2026-11-24T09:00:00+00:00", "address_hash": null, "key_mark": null,'
        ' "domain": "a.fr"}',
        'outreach.stops {"organisation": "0198c0de-0000-7000-8000-000000000000", "reason":'
        ' "by_hand", "at": "2026-11-24T09:00:00+00:00", "address_hash": null, "key_mark": null,'
        ' "domain": null}',
    ],
)
def test_a_line_that_cannot_be_read_is_named_and_nothing_is_done(world, due, tmp_path, line):
    log: Path = tmp_path / "log"
    log.write_text(f"something else\n{line}\n")
    copied()

    with pytest.raises(StopUnreadable, match="Line 2 "):
        list(read_lines(log.read_text().splitlines()))
    code, sentence = refusal("--stops", str(log), "--yes")

    assert (code, sentence.startswith("Line 2 ")) == (2, True)
    assert status(world, due) == "scheduled"
    assert is_restored()


def test_a_log_that_is_not_there_is_refused(world):
    copied()

    code, sentence = refusal("--stops", "/nowhere/log", "--yes")

    assert (code, sentence) == (2, "/nowhere/log cannot be read: No such file or directory.")
    assert is_restored()
