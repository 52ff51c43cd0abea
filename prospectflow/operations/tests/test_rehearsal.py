"""The rehearsal is content with nothing less than an installation that is well."""

import json
import re
import socket
from pathlib import Path

import pytest
from django.db import connection

from deploy.rehearsal import prometheus
from deploy.rehearsal.composition import Service, resolved, services
from deploy.rehearsal.examined import SERVICES, by_the_doctor
from deploy.rehearsal.machine import Machine
from deploy.rehearsal.stage import Failed, Stage
from prospectflow.operations.tests.test_deployment import given
from prospectflow.testing import processes

DOCTOR = ["python", "manage.py", "doctor"]


@pytest.fixture
def stage(tmp_path):
    """A stage on which the web has the settings of this test."""
    web = Service(
        name="web",
        command=("python",),
        environment=processes.environment() | {"BACKUP_DIRECTORY": str(tmp_path)},
        health=(),
        needs={},
        patience=10,
        ports=(),
        folders={},
        is_built_here=True,
        restart="no",
        profiles=(),
    )
    return Stage(Machine(tmp_path, [web]), [web])


def test_what_the_doctor_itself_finds_ends_the_rehearsal_and_is_told(stage, committed):
    nobody_works = "services, worker: is not well, asked in .* ms \\(No worker is alive"
    with pytest.raises(Failed, match=f"^python manage.py doctor: .*{nobody_works}"):
        by_the_doctor(stage, "web", DOCTOR)

    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
    with pytest.raises(Failed) as failure:  # a test's settings are none of a server's
        by_the_doctor(stage, "web", DOCTOR)
    assert "services" not in str(failure.value)


def saying(*ill, code):
    """A command that prints a page on which these subjects need attention."""
    told = {
        subject: [{"name": "it", "told": "is ill", "advice": "Mend it.", "ok": subject not in ill}]
        for subject in ("disk", "queue", "backup")
    }
    return ["sh", "-c", f"echo '{json.dumps({'subjects': told})}'; exit {code}"]


def test_only_a_disk_of_this_machine_may_need_attention(stage):
    by_the_doctor(stage, "web", saying("disk", code=1))

    with pytest.raises(Failed, match=r": queue, it: is ill \(Mend it.\); backup, it"):
        by_the_doctor(stage, "web", saying("disk", "queue", "backup", code=1))


def test_a_doctor_that_breaks_off_has_not_looked(stage):
    with pytest.raises(Failed, match="exited 2"):
        by_the_doctor(stage, "web", saying(code=2))


@pytest.fixture
def watched(tmp_path):
    """A stage on which Prometheus alone was started."""
    every = list(services(resolved(given(), "monitoring")))
    stage = Stage(Machine(tmp_path, every), every)
    prometheus.start(stage)
    yield stage
    stage.stop(["prometheus"])


def test_prometheus_misses_whatever_it_cannot_reach_at_the_addresses_of_here(watched):
    missed = re.findall(r"(\S+) is (?:not asked|unknown|down)", prometheus.complaint_of(watched))

    assert set(missed) == {watched.machine.address(name) for name in SERVICES}
    assert prometheus._figure_missed(watched) == "it has no sample of prospectflow_workers"


def test_prometheus_listens_to_nobody_but_this_machine(watched):
    port = watched.machine.ports["prometheus", 9090]

    socket.create_connection(("127.0.0.1", port)).close()
    with pytest.raises(ConnectionRefusedError):  # who listens everywhere is found here as well
        socket.create_connection(("127.0.0.2", port))


def test_prometheus_has_every_rule_and_a_group_that_it_has_not_is_missed(watched):
    assert "are not there" not in prometheus._rules_missed(watched)

    folder = Path(watched.services["prometheus"].folders["/etc/prometheus"])
    (folder / "alerts.yml").write_text("groups: [{ name: later, rules: [] }]")

    assert prometheus._rules_missed(watched).startswith("the rules of later are not there")
