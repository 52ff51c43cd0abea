"""The tick: what is due becomes a job, once, whoever ticks."""

from datetime import timedelta

import psycopg
import pytest
from django.db import transaction
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from outreach.models import Campaign, Mailbox, Task, WebhookDelivery
from outreach.services.drafting import compose
from outreach.tests.making import MORNING
from prospectflow import queue
from prospectflow.tenancy.context import tenant
from prospectflow.testing import processes
from prospectflow.testing.factories import make_mailbox, make_organisation
from prospectflow.testing.rows import make_row
from prospectflow.tests.workplace import approve_all, forget_jobs, found, mailbox_of
from prospectflow.ticking import OURS, tick

pytestmark = pytest.mark.usefixtures("committed")


class NoServer:
    """The tick talks to no server."""

    smtp_port = imap_port = 9


def ready(name, **mailbox):
    """An organisation whose one mail is due and approved."""
    organisation = found(NoServer, name, **mailbox)
    with tenant(organisation.pk):
        compose(Task.objects.get(), at=MORNING)
    approve_all(organisation)
    return organisation


def ticked(now=MORNING):
    """What a tick defers, but for what is done every day."""
    deferred = tick(now=now)
    deferred.pop("prospectflow.begin_day", None)
    return {name.partition(".")[2]: number for name, number in deferred.items()}


def of(name):
    return list(ProcrastinateJob.objects.filter(task_name=f"prospectflow.{name}"))


def change(organisation, model=Mailbox, **fields):
    with tenant(organisation.pk):
        model.objects.update(**fields)


def test_what_is_due_becomes_a_job_of_its_mailbox_or_organisation():
    acme = ready("due")

    assert ticked() == {"send_mailbox": 1, "read_mailbox": 1, "write_drafts": 1}
    ids = {"organisation_id": str(acme.pk), "mailbox_id": str(mailbox_of(acme).pk)}
    [sending], [reading], [writing] = map(of, ("send_mailbox", "read_mailbox", "write_drafts"))
    assert sending.args == reading.args == ids
    assert writing.args == {"organisation_id": str(acme.pk)}
    assert {each.queue_name for each in (sending, reading, writing)} == {
        "sending",
        "reading",
        "upkeep",
    }
    assert sending.lock == f"send:{ids['mailbox_id']}"


def test_nothing_is_deferred_twice():
    ready("twice")
    ticked()

    assert ticked() == {}
    ProcrastinateJob.objects.filter(task_name="prospectflow.send_mailbox").update(status="doing")
    assert ticked() == {}
    forget_jobs("send_mailbox")
    assert ticked() == {"send_mailbox": 1}


def test_while_another_tick_runs_none_is_begun(owner_url):
    ready("other")
    with psycopg.connect(owner_url) as other:
        other.execute(OURS)
        assert tick(now=MORNING) is None

    assert ticked() != {}


def test_mailboxes_that_may_not_send_yet_get_no_job():
    waits, stopped, later = ready("waits"), ready("stopped"), ready("later")
    change(waits, next_send_at=MORNING + timedelta(seconds=1))
    change(stopped, status="paused")
    change(later, Task, scheduled_for=MORNING + timedelta(seconds=1))

    assert "send_mailbox" not in ticked()


def test_a_mailbox_whose_clock_was_a_year_ahead_does_not_wait_for_it():
    change(ready("ahead"), next_send_at=MORNING + timedelta(days=365))

    assert ticked()["send_mailbox"] == 1


def test_a_mailbox_may_pause_for_days_where_its_pace_says_so():
    change(ready("slow"), next_send_at=MORNING + timedelta(days=2), pace_max_seconds=200_000)

    assert "send_mailbox" not in ticked()


def test_mailboxes_are_read_every_five_minutes_whatever_their_state():
    fresh, stale = found(NoServer, "fresh"), found(NoServer, "stale", status="paused")
    change(fresh, last_synced_at=MORNING - timedelta(minutes=4))
    change(stale, last_synced_at=MORNING - timedelta(minutes=5))
    ticked()

    assert [job.args["organisation_id"] for job in of("read_mailbox")] == [str(stale.pk)]


def test_a_mailbox_that_was_read_in_the_future_is_read_again():
    change(found(NoServer, "back"), last_synced_at=MORNING + timedelta(days=1))

    assert ticked()["read_mailbox"] == 1


def test_tasks_whose_lease_has_ended_are_accounted_for():
    acme = ready("lost")
    change(acme, Task, status="transmitting", leased_until=MORNING)

    assert "account_for_the_lost" not in ticked()
    assert ticked(MORNING + timedelta(seconds=1))["account_for_the_lost"] == 1


def test_programs_that_are_to_be_told_are_told():
    acme = make_organisation()
    with tenant(acme.pk):
        make_row(WebhookDelivery, due_at=MORNING)

    assert ticked() == {"tell_programs": 1}


def test_the_day_begins_once_for_the_whole_platform():
    assert tick(now=MORNING) == {"prospectflow.begin_day": 1}
    assert tick(now=MORNING) == {}

    [job] = of("begin_day")
    assert (job.args, job.lock) == ({}, "begin_day")


def test_what_ran_is_due_again_only_when_its_hour_comes():
    acme = ready("rests")
    mailbox = mailbox_of(acme).pk
    with transaction.atomic():
        queue.defer(
            "prospectflow.send_mailbox",
            at=timezone.now() + timedelta(minutes=5),
            organisation_id=acme.pk,
            mailbox_id=mailbox,
        )

    assert "send_mailbox" not in ticked()


def test_when_the_clock_was_set_back_nothing_waits_for_it():
    acme = ready("ahead")
    mailbox = mailbox_of(acme).pk
    with transaction.atomic():
        for name in ("send_mailbox", "read_mailbox"):
            queue.defer(
                f"prospectflow.{name}",
                at=timezone.now() + timedelta(hours=1),
                organisation_id=acme.pk,
                mailbox_id=mailbox,
            )
    tick(now=MORNING)

    hours = [job.scheduled_at for job in of("send_mailbox") + of("read_mailbox")]
    assert len(hours) == 2
    assert all(hour <= timezone.now() for hour in hours)


def test_tomorrow_is_not_hastened():
    tick(now=MORNING)
    forget_jobs()
    with transaction.atomic():
        queue.defer("prospectflow.begin_day", at=timezone.now() + timedelta(days=1))
    tick(now=MORNING)

    [job] = of("begin_day")
    assert job.scheduled_at > timezone.now()


def test_the_number_of_queries_does_not_grow_with_what_waits_already(
    django_assert_max_num_queries,
):
    for number in range(3):
        with tenant(ready(f"many{number}").pk):
            make_mailbox()
            Campaign.objects.update(from_mailbox=Mailbox.objects.first())
    ticked()

    with django_assert_max_num_queries(15):
        assert tick(now=MORNING) == {}


def test_the_command_says_in_one_line_what_it_deferred():
    found(NoServer, "said")

    code, said, complained = processes.run("tick")
    assert (code, complained) == (0, "")
    assert said == "Deferred: read_mailbox 1, write_drafts 1, begin_day 1.\n"
    assert processes.run("tick")[1] == "Nothing is due that has no job yet.\n"


def test_the_command_says_when_another_ticks(owner_url):
    with psycopg.connect(owner_url) as other:
        other.execute(OURS)
        assert processes.run("tick")[:2] == (0, "Another tick is under way.\n")
