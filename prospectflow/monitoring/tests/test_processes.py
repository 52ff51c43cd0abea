"""Real processes are asked: a web server of two, and a worker."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest
from django.conf import settings
from django.db import transaction

from outreach.tests.mail_server import free_port
from prospectflow import queue
from prospectflow.monitoring.serving import answering
from prospectflow.monitoring.tests.reading import TOKEN, Metrics
from prospectflow.testing import processes
from prospectflow.testing.factories import make_organisation

pytestmark = pytest.mark.usefixtures("committed")

PATIENCE_SECONDS = 60


@contextmanager
def running(*command, **variables):
    """A process that serves at a port of its own; gives a way to ask it, and ends it."""
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=settings.BASE_DIR,
        env=processes.environment() | {"METRICS_TOKEN": TOKEN, "METRICS_ALLOWED": ""} | variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_SECONDS)
        finally:
            process.kill()
            process.wait()


def ask(port, path, *, token=TOKEN):
    """The status and the text of an answer."""
    request = Request(
        f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def until_live(port):
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return ask(port, "/health/live")
        except (URLError, OSError):
            assert time.monotonic() < end, "nothing answers"
            time.sleep(0.1)


def test_two_processes_of_one_web_server_tell_their_sum_whichever_is_asked(tmp_path):
    port = free_port()
    command = f"-m granian --interface wsgi --host 127.0.0.1 --port {port} --workers 2".split()
    shared = tmp_path / "metrics"
    with running(*command, "prospectflow.wsgi:application", PROMETHEUS_MULTIPROC_DIR=str(shared)):
        until_live(port)
        asked = until_both_answered(port, shared)
        said = [Metrics(ask(port, "/metrics")[1]) for _ in range(6)]

    labels = {"route": "/u/<str:token>", "status_code": "200", "service": "web"}
    assert [each.value("http_requests_total", **labels) for each in said] == [asked] * 6
    assert min(each.value("process_resident_memory_bytes") for each in said) > 20_000_000


def until_both_answered(port, shared):
    """Ask for a page until each process was asked; how often that took."""
    end, asked, answered = time.monotonic() + PATIENCE_SECONDS, 0, []
    while len(answered) < 2:
        assert ask(port, "/u/a-token")[0] == 200
        asked += 1
        files = shared.glob("histogram_*.db")
        answered = [file for file in files if b"<str:token>" in file.read_bytes()]
        assert time.monotonic() < end, "one process answers everything"
    return asked


def test_a_worker_tells_its_health_and_what_it_did():
    port = free_port()
    organisation = make_organisation()
    with transaction.atomic():
        queue.defer("prospectflow.count_statistics", organisation_id=organisation.pk)
    with running("manage.py", "worker", WORKER_METRICS=f"127.0.0.1:{port}") as worker:
        assert until_live(port) == (200, '{"status": "ok"}\n')
        metrics = until_worked(port)
        refused = ask(port, "/metrics", token="guessed")[0]
        elsewhere = ask(port, "/login/")
        ready = until_ready(port)
        assert worker.poll() is None

    done = {"queue": "upkeep", "service": "worker"}
    assert metrics.value("queue_messages_total", action="succeeded", **done) == 1
    assert metrics.value("queue_processing_duration_seconds_count", success="true", **done) == 1
    assert "queue_depth" not in metrics.names, "the web tells it already"
    assert (refused, elsewhere[0], ready) == (403, 404, 200)


def until_worked(port):
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := Metrics(ask(port, "/metrics")[1])).value(
        "queue_messages_total", action="succeeded"
    ):
        assert time.monotonic() < end, found.text
        time.sleep(0.1)
    return found


def until_ready(port):
    end = time.monotonic() + PATIENCE_SECONDS
    while '"status": "ok"' not in (answer := ask(port, "/health/ready"))[1]:
        assert time.monotonic() < end, answer
        time.sleep(0.1)
    return answer[0]


def test_a_worker_whose_port_is_taken_refuses_in_a_sentence(monkeypatch):
    port = free_port()
    monkeypatch.setitem(os.environ, "WORKER_METRICS", f"127.0.0.1:{port}")
    with answering(("127.0.0.1", port)):
        code, _, said = processes.run("worker", "--one-shot")

    assert code == 2
    assert f"127.0.0.1:{port} cannot be used for WORKER_METRICS." in said


def test_a_worker_answers_at_an_address_of_ipv6_as_well():
    port = free_port()
    with answering(("::1", port)), urlopen(f"http://[::1]:{port}/health/live") as answer:
        assert (answer.status, answer.headers["Server"].strip()) == (200, "ProspectFlow")
