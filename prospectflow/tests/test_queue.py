"""What may be deferred, and when: ids alone, in the transaction that makes it necessary."""

import logging
import threading
from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID

import psycopg
import pytest
from django.apps import apps
from django.contrib.admin import site
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateEvent, ProcrastinateJob

from prospectflow import queue
from prospectflow.queue import declaring, keeping
from prospectflow.queue.running import (
    AGAIN,
    MOST_ATTEMPTS,
    GivenAway,
    Stopped,
    TriedTooOften,
    _held,
    run,
)
from prospectflow.queue.ticking import ticking
from prospectflow.testing import tasks

ACME, OTHER = UUID(int=7), UUID(int=8)


def waiting():
    return list(ProcrastinateJob.objects.order_by("pk").values_list("task_name", "args", "lock"))


def defer(organisation=ACME, job=1):
    return queue.defer("prospectflow.count", organisation_id=organisation, job=job, numbers=3)


# Deferring --------------------------------------------------------------------------------------


def test_a_job_holds_ids_alone_and_the_lock_of_its_organisation(db):
    assert defer() is True

    args = {"organisation_id": str(ACME), "job": 1, "numbers": 3}
    assert waiting() == [("prospectflow.count", args, f"count:{ACME}")]


def test_a_transaction_that_is_rolled_back_leaves_no_job(db):
    with transaction.atomic():
        defer()
        transaction.set_rollback(True)

    assert waiting() == []


def test_a_job_is_seen_by_others_when_its_transaction_is_committed(committed, owner_url):
    with psycopg.connect(owner_url, autocommit=True) as other:
        count = "SELECT count(*) FROM procrastinate_jobs"
        with transaction.atomic():
            defer()
            assert other.execute(count).fetchone() == (0,)
        assert other.execute(count).fetchone() == (1,)


def test_outside_of_a_transaction_nothing_is_deferred(committed):
    with pytest.raises(queue.NotInATransaction):
        defer()
    assert waiting() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"organisation_id": str(ACME)},
        {"job": "ada@acme.example"},
        {"job": True},
        {"numbers": 1.5},
        {"verb": 7},
    ],
)
def test_nothing_but_the_declared_ids_is_deferred(db, wrong):
    ids = {"organisation_id": ACME, "job": 1, "numbers": 3}
    with pytest.raises(queue.NotAnId):
        queue.defer("prospectflow.count", **(ids | wrong))
    assert waiting() == []


def test_a_task_that_takes_more_than_ids_cannot_be_declared():
    def invite(address: str, *, stopping: queue.Stopping) -> None: ...

    with pytest.raises(queue.NotAnId, match=r"invite\(address\)"):
        queue.task(queue="imports")(invite)


def test_a_task_that_nobody_declares_cannot_be_deferred(db):
    with pytest.raises(queue.UnknownTask, match=r"outreach\.whatever"):
        queue.defer("outreach.whatever", organisation_id=ACME)


def test_what_waits_once_is_not_deferred_again_and_breaks_no_transaction(db):
    assert queue.defer("prospectflow.fail", organisation_id=ACME, job=1)
    assert not queue.defer("prospectflow.fail", organisation_id=ACME, job=1)
    assert queue.defer("prospectflow.fail", organisation_id=OTHER, job=1)
    assert len(waiting()) == 2


def test_a_function_that_is_a_task_is_still_a_function(db, tmp_path, monkeypatch):
    monkeypatch.setenv(tasks.FOLDER, str(tmp_path))
    tasks.count(ACME, 1, 2, stopping=lambda: False)

    assert [word for _, word in tasks.counted(1)] == ["begins", "1", "2", "ends"]


def test_a_lock_may_be_of_another_id_or_of_all(db):
    def lock(per):
        @queue.task(queue="test", lock="lock", per=per, once=True)
        def locked(organisation_id: UUID, job: int, *, stopping: queue.Stopping) -> None: ...

        try:
            with transaction.atomic():
                queue.defer("prospectflow.locked", organisation_id=ACME, job=5)
                found = ProcrastinateJob.objects.get().lock
                transaction.set_rollback(True)
        finally:
            app.tasks.pop("prospectflow.locked")
            declaring.DECLARED.pop("prospectflow.locked")
        return found

    assert [lock("organisation_id"), lock("job"), lock("")] == [f"lock:{ACME}", "lock:5", "lock"]


def test_a_job_may_wait_for_its_hour(db):
    hour = timezone.now() + timedelta(minutes=5)
    queue.defer("prospectflow.fail", at=hour, organisation_id=ACME, job=1)

    assert ProcrastinateJob.objects.get().scheduled_at == hour


def test_of_what_is_missing_only_that_is_deferred_of_which_no_job_waits_or_runs(db):
    def missing(*numbers):
        wanted = [{"organisation_id": ACME, "job": number} for number in numbers]
        return queue.defer_missing("prospectflow.fail", wanted)

    assert missing(1, 2) == 2
    fetched()
    assert missing(1, 2, 3, 3) == 1
    assert ProcrastinateJob.objects.count() == 3


# What others see --------------------------------------------------------------------------------


def test_the_queue_has_no_page_in_the_console():
    models = list(apps.get_app_config("procrastinate").get_models())

    assert ProcrastinateJob in models
    assert [model for model in models if site.is_registered(model)] == []


@pytest.mark.parametrize("statement", ["DELETE FROM", "UPDATE", "TRUNCATE"])
def test_what_happened_in_the_queue_is_not_rewritten_by_the_serving_role(db, statement):
    table = "procrastinate_events" + (" SET type = 'failed'" if statement == "UPDATE" else "")
    with pytest.raises(Exception, match="permission denied"), connection.cursor() as cursor:
        cursor.execute(f"{statement} {table}")


def test_a_temporary_table_takes_nothing_from_what_runs_with_the_owners_rights(db):
    """The owner puts NULL where a deleted worker stood, and a trigger runs with that."""
    defer()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM procrastinate_register_worker_v1()")
        [(worker,)] = cursor.fetchall()
        cursor.execute(
            "UPDATE procrastinate_jobs SET worker_id = %s, scheduled_at = now()", [worker]
        )
        cursor.execute("CREATE TEMP TABLE procrastinate_events (job_id bigint, type text, at text)")
        cursor.execute("DELETE FROM procrastinate_workers")
        cursor.execute("SELECT count(*) FROM pg_temp.procrastinate_events")
        assert cursor.fetchone() == (0,)
        cursor.execute("DROP TABLE pg_temp.procrastinate_events")
    assert ProcrastinateEvent.objects.filter(type="scheduled").count() == 2


# The worker's own clock -------------------------------------------------------------------------


def test_whatever_goes_wrong_in_a_tick_is_told_and_the_next_one_is_tried(caplog):
    ends, ticks = threading.Event(), []

    def tick():
        ticks.append(len(ticks))
        if len(ticks) == 3:
            ends.set()
        raise [OperationalError("the server\nis away"), ZeroDivisionError, ValueError][ticks[-1]]

    with ticking(tick, seconds=0.01):
        assert ends.wait(60)

    first, second, *_ = caplog.records
    assert (first.message, first.exc_info) == ("Nothing was deferred: the server is away", None)
    assert second.exc_info is not None


def test_a_worker_that_must_not_tick_does_not():
    with ticking(lambda: pytest.fail("It ticked."), seconds=0):
        pass


# Whether it runs again --------------------------------------------------------------------------


def decided(exception, *, attempts=0):
    return AGAIN.get_retry_decision(exception=exception, job=SimpleNamespace(attempts=attempts))


def test_a_job_that_was_stopped_or_lost_its_database_runs_again_and_no_other_does():
    assert decided(Stopped())
    assert decided(OperationalError())
    assert decided(InterfaceError())
    assert decided(ValueError()) is None
    assert decided(GivenAway()) is None


def test_a_database_that_stays_away_is_asked_ever_more_seldom():
    first, later, last = (decided(OperationalError(), attempts=each) for each in (0, 3, 20))

    assert first.retry_at < later.retry_at < last.retry_at


def fetched():
    """The job that comes next, as a new worker has fetched it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT worker_id FROM procrastinate_register_worker_v1()")
        [(worker,)] = cursor.fetchall()
        cursor.execute("SELECT id FROM procrastinate_fetch_job_v2(NULL, %s)", [worker])
        [(job,)] = cursor.fetchall()
    return SimpleNamespace(
        id=job,
        worker_id=worker,
        attempts=0,
        call_string=f"count[{job}]",
        task_name="prospectflow.count",
        task_kwargs={"organisation_id": str(ACME)},
    )


def told(query, job, **more):
    with connection.cursor() as cursor:
        cursor.execute(query, {"job_id": job.id, "worker_id": job.worker_id} | more)


def anothers(job):
    return SimpleNamespace(**(vars(job) | {"worker_id": job.worker_id + 1}))


def test_each_line_of_the_log_names_the_job_and_the_organisation_it_is_for(committed, entries):
    with transaction.atomic():
        defer()
    job = fetched()

    run(
        SimpleNamespace(job=job, should_abort=lambda: False),
        lambda stopping: logging.getLogger("outreach").warning("A mailbox did not send"),
    )
    logging.getLogger("outreach").warning("Nothing to do")

    within, after = entries()
    assert (within["job"], within["task"]) == (job.id, "prospectflow.count")
    assert within["organisationId"] == str(ACME)
    assert not {"job", "task", "organisationId"} & after.keys()


def test_a_job_that_became_anothers_is_not_run(committed):
    with transaction.atomic():
        defer()
    job = fetched()

    with pytest.raises(GivenAway), _held(anothers(job)):
        pytest.fail("It ran.")
    with _held(job) as still_held:
        assert still_held()
        connection.close()
        assert not still_held()


def test_a_job_that_became_anothers_is_neither_ended_nor_put_back(db):
    defer()
    job = fetched()
    told(keeping.FINISH, anothers(job), status="failed", delete_job=False)
    told(keeping.RETRY, anothers(job), at=timezone.now())
    assert ProcrastinateJob.objects.get().status == "doing"

    told(keeping.RETRY, job, at=timezone.now())
    assert ProcrastinateJob.objects.get().status == "todo"


def test_a_job_is_not_put_back_beside_its_like(db):
    queue.defer("prospectflow.fail", organisation_id=ACME, job=1)
    first = fetched()
    assert queue.defer("prospectflow.fail", organisation_id=ACME, job=1)
    told(keeping.RETRY, first, at=timezone.now())

    [left] = ProcrastinateJob.objects.all()
    assert (left.status, left.pk == first.id) == ("todo", False)


def test_a_job_that_ended_its_process_too_often_is_not_tried_again(db):
    job = SimpleNamespace(attempts=MOST_ATTEMPTS, call_string="count[1]")

    with pytest.raises(TriedTooOften, match=r"count\[1\]"):
        run(SimpleNamespace(job=job), lambda stopping: pytest.fail("It ran."))


def test_a_job_that_is_given_up_is_told_of(db):
    job, told = SimpleNamespace(attempts=MOST_ATTEMPTS, call_string="count[1]"), []

    with pytest.raises(TriedTooOften):
        run(SimpleNamespace(job=job), lambda stopping: None, lambda: told.append("given up"))

    assert told == ["given up"]


def test_a_task_whose_job_is_given_up_is_told_its_ids():
    told = []

    @queue.task(queue="test", given_up=lambda **ids: told.append(ids))
    def tried(organisation_id: UUID, *, stopping: queue.Stopping) -> None:
        pytest.fail("It ran.")

    job = SimpleNamespace(attempts=MOST_ATTEMPTS, call_string="tried[1]")
    try:
        with pytest.raises(TriedTooOften):
            app.tasks["prospectflow.tried"](SimpleNamespace(job=job), organisation_id=str(ACME))
    finally:
        app.tasks.pop("prospectflow.tried")
        declaring.DECLARED.pop("prospectflow.tried")

    assert told == [{"organisation_id": ACME}]


def test_a_job_is_under_way_until_it_has_ended(db):
    assert not queue.is_under_way(organisation_id=ACME)
    defer()
    assert queue.is_under_way(organisation_id=ACME)
    assert queue.is_under_way(organisation_id=ACME, job=1)
    assert not queue.is_under_way(organisation_id=ACME, job=2)
    job = fetched()
    assert queue.is_under_way(organisation_id=ACME)
    told(keeping.FINISH, job, status="failed", delete_job=False)
    assert not queue.is_under_way(organisation_id=ACME)


def test_the_app_of_the_web_defers_by_djangos_connection():
    assert type(app.connector).__name__ == "DjangoConnector"
