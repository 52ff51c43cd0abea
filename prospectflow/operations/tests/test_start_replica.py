"""deploy/database/start-replica: what it copies, and what it never takes away."""

import subprocess
import time
from contextlib import contextmanager

import psycopg
import pytest
from django.conf import settings

from outreach.tests.faults.cluster import Cluster
from outreach.tests.mail_server import free_port
from prospectflow.operations import embedded
from prospectflow.operations.embedded import postgres

SCRIPT = settings.BASE_DIR / "deploy" / "database" / "start-replica"
HBA_FILE = settings.BASE_DIR / "deploy" / "database" / "pg_hba.conf"


class Replica:
    """The script in an account that PostgreSQL accepts, on a port of its own."""

    def __init__(self, primary, folder):
        self.primary, self.data, self.port = primary, folder / "replica", free_port()
        self.environment = postgres.environment() | {
            "PATH": f"{postgres.binaries()}:/usr/bin:/bin",
            "PRIMARY_URL": primary.url("superuser").replace("/prospectflow", "/postgres"),
            "HBA_FILE": str(HBA_FILE),
            "PGDATA": str(self.data),
            "PGPORT": str(self.port),
        }

    def start(self):
        account = postgres._account()
        return subprocess.Popen(
            [*account.prefix, str(SCRIPT)],
            env=self.environment,
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **account.options,
        )

    @contextmanager
    def running(self):
        process = self.start()
        try:
            self.wait(process)
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=60)

    def wait(self, process):
        while process.poll() is None:
            try:
                return self.run("SELECT 1")
            except psycopg.OperationalError:
                time.sleep(0.05)
        raise AssertionError(process.stdout.read())

    def run(self, statement):
        url = self.primary.url("superuser").rpartition("@")
        where = f"{url[0]}@127.0.0.1:{self.port}/postgres"
        with psycopg.connect(where, autocommit=True) as connection:
            asked = connection.execute(statement)
            return asked.fetchone()[0] if asked.description else None


@pytest.fixture
def primary(tmp_path_factory):
    folder = tmp_path_factory.mktemp("primary")
    yield Cluster(folder)
    embedded.stop(folder)


@pytest.fixture
def replica(primary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("replica")
    folder.chmod(0o777)
    return Replica(primary, folder)


def test_a_replica_that_was_promoted_starts_with_what_it_took_since(replica, primary):
    with replica.running():
        assert replica.run("SELECT pg_is_in_recovery()")
        replica.run("SELECT pg_promote()")
        replica.run("CREATE TABLE written_since AS SELECT 7 AS number")
    with replica.running():  # its primary still answers, and could be copied once more
        assert not replica.run("SELECT pg_is_in_recovery()")
        assert replica.run("SELECT number FROM written_since") == 7


def test_a_copy_that_broke_off_is_made_anew_and_never_taken_for_a_whole_one(replica, primary):
    beside = replica.data.with_name("replica.partial")
    primary_url = replica.environment["PRIMARY_URL"]
    replica.environment["PRIMARY_URL"] = f"postgres://postgres@127.0.0.1:{free_port()}/postgres"
    process = replica.start()
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert not replica.data.exists()

    beside.mkdir()  # as one that was killed leaves it
    (beside / "PG_VERSION").write_text("18\n")
    (beside / "half").touch()
    beside.chmod(0o777)
    replica.environment["PRIMARY_URL"] = primary_url
    with replica.running():
        assert replica.run("SELECT pg_is_in_recovery()")
    assert not beside.exists()
    assert not (replica.data / "half").exists()
