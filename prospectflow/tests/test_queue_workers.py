"""Real workers, told to stop, killed and put to sleep: every job is run, never twice at once."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connection, transaction
from procrastinate.contrib.django.models import ProcrastinateJob, ProcrastinateWorker

from prospectflow import queue
from prospectflow.operations.beside import worker_beside
from prospectflow.testing import processes, tasks

ACME, OTHER = UUID(int=7), UUID(int=8)
PATIENCE_SECONDS = 60
SILENT_SECONDS = 2

pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture(autouse=True)
def _counting(tmp_path, monkeypatch):
    """Processes that know the tests' tasks, and write what they do into a folder of this test."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "prospectflow.testing.settings")
    monkeypatch.setenv("WORKER_STALLED_SECONDS", str(SILENT_SECONDS))
    monkeypatch.setenv(tasks.FOLDER, str(tmp_path))


@pytest.fixture
def start():
    """Start workers, which do not outlive the test."""
    with ExitStack() as stack:

        def start(*options):
            process = stack.enter_context(processes.start("worker", *options))
            stack.callback(process.kill)
            return process

        yield start


def defer(job=1, *, organisation=ACME, numbers=40, name="prospectflow.count"):
    ids = {"numbers": numbers} if name == "prospectflow.count" else {}
    with transaction.atomic():
        queue.defer(name, organisation_id=organisation, job=job, **ids)


def until(holds):
    """Wait until it holds; what never does fails the test."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := holds()):
        assert time.monotonic() < end, "It never came to be."
        time.sleep(0.05)
    return found


def words(job=1):
    return [word for _, word in tasks.counted(job)]


def numbers(job=1):
    return [int(word) for word in words(job) if word.isdigit()]


def who(job=1):
    """The processes that worked on a job, in order."""
    return list(dict.fromkeys(process for process, _ in tasks.counted(job)))


def statuses():
    return sorted(ProcrastinateJob.objects.values_list("status", flat=True))


def in_whole(job=1, *, up_to=40):
    """Counted to the end, each number once: a line that was written is never written again."""
    return words(job)[-1:] == ["ends"] and numbers(job) == list(range(1, up_to + 1))


# As it should be ------------------------------------------------------------------------------


def test_one_shot_works_off_what_is_there_of_its_queues_and_ends(start):
    defer(1, numbers=2)
    defer(2, numbers=2)
    defer(3, name="prospectflow.fail")
    worker = start("--one-shot", "--queues", "imports")

    assert worker.wait(PATIENCE_SECONDS) == 0
    assert in_whole(1, up_to=2)
    assert in_whole(2, up_to=2)
    assert words(3) == []
    assert statuses() == ["todo"]
    assert not ProcrastinateWorker.objects.exists()


def test_a_worker_refuses_a_queue_that_is_none():
    code, _, said = processes.run("worker", "--queues", "sending,sendnig", "--one-shot")

    assert code == 2
    assert "There is no queue sendnig: choose from imports, reading, sending, upkeep" in said


def test_a_waiting_worker_begins_with_what_is_deferred_and_ends_with_its_input(start):
    worker = start_attached()
    until(lambda: ProcrastinateWorker.objects.exists())
    defer(numbers=2)
    until(lambda: in_whole(up_to=2))
    worker.stdin.close()

    assert worker.wait(PATIENCE_SECONDS) == 0


def start_attached():
    return subprocess.Popen(
        [sys.executable, "manage.py", "worker", "--attached"],
        cwd=settings.BASE_DIR,
        env=processes.environment(),
        stdin=subprocess.PIPE,
    )


def test_jobs_of_one_organisation_wait_for_one_another_and_those_of_two_do_not(start):
    defer(1, numbers=20)
    defer(2, numbers=20)
    defer(3, numbers=20, organisation=OTHER)
    start("--one-shot"), start("--one-shot")
    until(lambda: words(1)[:2] == ["begins", "1"] and words(3)[:2] == ["begins", "1"])

    assert words(2) == []
    until(lambda: in_whole(2, up_to=20))
    assert in_whole(1, up_to=20)
    assert in_whole(3, up_to=20)


def test_a_job_that_fails_is_kept_as_failed_and_told_in_the_log(start):
    defer(1, name="prospectflow.fail")
    worker = start("--one-shot")

    assert "ValueError" in worker.communicate(timeout=PATIENCE_SECONDS)[1]
    assert statuses() == ["failed"]


def test_a_job_whose_database_went_away_waits_for_its_next_try(start):
    defer(2, name="prospectflow.fail")
    start("--one-shot").wait(PATIENCE_SECONDS)

    job = ProcrastinateJob.objects.get()
    assert (job.status, job.attempts) == ("todo", 1)


# Told to stop ---------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_told_to_stop_puts_its_job_back_and_the_next_goes_on(start, by):
    defer()
    worker = start()
    until(lambda: len(numbers()) > 3)
    worker.send_signal(by)

    assert worker.wait(PATIENCE_SECONDS) == 0
    assert words()[-1] == "stops"
    assert statuses() == ["todo"]
    assert start("--one-shot").wait(PATIENCE_SECONDS) == 0
    assert in_whole()
    assert len(who()) == 2
    assert statuses() == []


@pytest.mark.faults
def test_a_worker_ends_though_a_job_does_not_and_another_takes_that_over(start):
    defer(name="prospectflow.ignore")
    worker = start()
    until(lambda: words() == ["begins"])
    worker.send_signal(signal.SIGTERM)

    complained = worker.communicate(timeout=PATIENCE_SECONDS)[1]
    assert worker.returncode == 1
    assert "A job did not stop in time: it is left to other workers" in complained
    start()
    until(lambda: words() == ["begins", "begins"])


# Killed ---------------------------------------------------------------------------------------


@pytest.mark.faults
def test_a_job_of_a_killed_worker_is_taken_over_by_the_next(start):
    defer()
    killed = start()
    until(lambda: len(numbers()) > 3)
    killed.kill()
    killed.wait()
    assert statuses() == ["doing"]
    start()
    until(in_whole)

    assert len(who()) == 2
    assert words().count("begins") == 2
    until(lambda: statuses() == [])


@pytest.mark.faults
def test_a_job_of_a_killed_worker_is_taken_over_by_one_that_runs_already(start):
    defer()
    first, second = start(), start()
    until(lambda: len(numbers()) > 3)
    worked, waits = (first, second) if who() == [first.pid] else (second, first)
    worked.kill()
    until(in_whole)

    assert who() == [worked.pid, waits.pid]


@pytest.mark.faults
def test_a_sleeping_worker_keeps_its_job_as_long_as_its_session_lives(start):
    defer()
    sleeping = start()
    until(lambda: len(numbers()) > 3)
    sleeping.send_signal(signal.SIGSTOP)
    awake = start()
    until(lambda: ProcrastinateWorker.objects.count() == 1)  # it gave the sleeping one up
    time.sleep(2 * SILENT_SECONDS)  # and looked for jobs to take over, again and again
    assert who() == [sleeping.pid]
    assert awake.poll() is None
    sleeping.send_signal(signal.SIGCONT)
    until(in_whole)

    assert who() == [sleeping.pid]
    assert words().count("begins") == 1
    until(lambda: statuses() == [])


@pytest.mark.faults
def test_a_job_whose_session_is_ended_by_the_server_is_run_again(start):
    defer()
    start()
    until(lambda: len(numbers()) > 3)
    end_sessions("query LIKE 'CREATE TEMP TABLE%'")
    until(in_whole)

    assert words().count("begins") >= 1
    until(lambda: statuses() == [])


@pytest.mark.faults
def test_a_worker_outlives_its_server(start):
    worker = start()
    until(lambda: ProcrastinateWorker.objects.exists())
    end_sessions("true")
    defer(numbers=2)
    until(lambda: in_whole(up_to=2))

    assert worker.poll() is None


def end_sessions(which):
    """End other sessions of this database's, as a server that restarts does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            f" AND datname = current_database() AND application_name = 'worker' AND {which}"
        )
        assert cursor.fetchall()


# On a laptop, and behind a pooler -------------------------------------------------------------


def test_the_worker_beside_the_web_process_ends_with_it(tmp_path, monkeypatch):
    for name, value in processes.environment().items():
        monkeypatch.setenv(name, value)
    defer(numbers=2)
    with worker_beside(tmp_path):
        until(lambda: in_whole(up_to=2))
        [worker] = who()

    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def test_a_worker_beside_the_web_process_that_is_killed_is_started_again(
    tmp_path, monkeypatch, caplog
):
    for name, value in processes.environment().items():
        monkeypatch.setenv(name, value)
    with worker_beside(tmp_path):
        defer(1, numbers=2)
        until(lambda: in_whole(1, up_to=2))
        [first] = who(1)
        os.kill(first, signal.SIGKILL)
        defer(2, numbers=2)
        until(lambda: in_whole(2, up_to=2))
        [second] = who(2)

    assert second != first
    assert [each.getMessage() for each in caplog.records if "worker ended" in each.msg] == [
        "The worker ended with code -9: another one is started"
    ]
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)


@pytest.fixture
def pooler():
    """What PgBouncer answers to a session's own settings, on a port of its own."""
    refusal = b"SERROR\0C08P01\0Munsupported startup parameter: options\0\0"
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            while True:
                try:
                    caller, _ = server.accept()
                except OSError:
                    return
                with caller:
                    if caller.recv(4096)[4:8] == b"\x04\xd2\x16\x2f":  # asks for TLS
                        caller.send(b"N")
                        caller.recv(4096)
                    caller.send(b"E" + (len(refusal) + 4).to_bytes(4) + refusal)

        thread = threading.Thread(target=answer)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_a_worker_refuses_to_work_through_a_pooler(pooler, monkeypatch):
    url = f"postgres://prospectflow_app:secret@127.0.0.1:{pooler}/prospectflow"
    monkeypatch.setenv("WORKER_DATABASE_URL", url)
    code, _, complained = processes.run("worker", "--one-shot")

    assert code == 2
    assert complained == (
        "A pooler stands before PostgreSQL, and a worker must go past it:"
        " set WORKER_DATABASE_URL.\n"
    )
