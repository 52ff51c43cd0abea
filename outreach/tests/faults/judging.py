"""The judge: what the server took, against what the database says of it."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from email.message import Message as Mail
from email.parser import BytesHeaderParser
from typing import Any, Protocol

from outreach.models import Enrollment, Mailbox, Task
from outreach.services.approval import approve
from outreach.services.drafting import compose
from outreach.states import WAITING, TaskStatus
from outreach.tests.postbox import World
from prospectflow.jobs import account_for_the_lost

NEVER_LEFT = {*WAITING, TaskStatus.CANCELLED, TaskStatus.SKIPPED, TaskStatus.FAILED}
ALL_DAY = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), [["00:00", "24:00"]])
AT_ONCE = {"pace_min_seconds": 0, "pace_max_seconds": 0, "windows": ALL_DAY, "daily_limit": 2000}


class Taker(Protocol):
    """A server that keeps what it took."""

    mails: list[tuple[str, bytes]]


def twice(values: Iterable[Any]) -> list[Any]:
    """What is there more than once."""
    return [value for value, times in Counter(values).items() if times > 1]


def headers(postbox: Taker) -> list[Mail]:
    """The headers of all that the server took, in order."""
    return [BytesHeaderParser().parsebytes(raw) for _, raw in postbox.mails]


def step_of(mail: Mail) -> tuple[str, str]:
    """To whom, and which step of the campaign."""
    return str(mail["To"]), str(mail["Feedback-ID"]).split(":")[1]


def hold_to_account(world: World, postbox: Taker) -> Counter[str]:
    """Nothing left twice, and each task says of its mail what the server says; how many of each."""
    mails = headers(postbox)
    taken = [step_of(mail) for mail in mails]
    assert twice(str(mail["Message-ID"]) for mail in mails) == []
    assert twice(taken) == []
    with world.open():
        tasks = Task.objects.values_list("enrollment__position__email", "step_index", "status")
        told = {(address, f"step{step}"): status for address, step, status in tasks}
    assert told.keys() >= set(taken)
    said_sent = {step for step, status in told.items() if status == TaskStatus.SENT}
    said_not = {step for step, status in told.items() if status in NEVER_LEFT}
    assert said_sent - set(taken) == set(), "said to be sent, and the server never had it"
    assert said_not & set(taken) == set(), "said not to have left, and the server has it"
    return Counter(told.values())


def hold_nobody_lost(world: World) -> None:
    """Every enrolment that goes on has something ahead of it, and no task is in mid-air."""
    with world.open():
        in_the_air = Task.objects.filter(status__in=["leased", "transmitting"])
        assert list(in_the_air) == []
        going = Enrollment.objects.filter(state__in=["active", "paused"])
        assert list(going.exclude(tasks__status__in=WAITING)) == []


def prepare(world: World, at: datetime) -> None:
    """Account for the dead as other workers do, write and approve what is due, read the inbox."""
    account_for_the_lost(world.organisation_id, now=at)
    with world.open():
        due = Task.objects.filter(status__in=WAITING, drafts__isnull=True)
        for task in due.filter(scheduled_for__lte=at + timedelta(days=1)):
            approve(compose(task, at=at), at=at, rule="test")
        Mailbox.objects.update(last_synced_at=at, next_send_at=None)
