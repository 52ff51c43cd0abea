"""The embedded servers, really started in a folder of their own."""

import imaplib
import json
import os
import signal
import smtplib
import socket
import subprocess
import sys
from contextlib import closing, suppress
from email.message import EmailMessage
from pathlib import Path

import psycopg
import pytest
import redis
import requests
from redis.backoff import NoBackoff
from redis.retry import Retry

from prospectflow.operations import embedded
from prospectflow.operations.embedded import EmbeddedError
from prospectflow.operations.embedded.errors import failed
from prospectflow.operations.embedded.mail import EVERYONE, SENDERS
from prospectflow.operations.embedded.oidc import PEOPLE


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Running servers for the tests that leave them as they are."""
    directory = tmp_path_factory.mktemp("shared servers") / ".local"
    embedded.start(directory)
    yield directory
    embedded.reset(directory)


@pytest.fixture
def directory(tmp_path):
    """A folder without servers, for the tests that harm them."""
    local = tmp_path / ".local"
    yield local
    with suppress(EmbeddedError):
        embedded.stop(local)


@pytest.fixture
def foreign_port():
    """A port on which another program listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def ask(directory, question, *, role="app", database="prospectflow"):
    url = embedded.database_url(directory, role=role, database=database)
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(question)
        return cursor.fetchone() if cursor.description else None


def change_state(directory, change):
    path = directory / "servers.json"
    state = json.loads(path.read_text())
    change(state)
    path.write_text(json.dumps(state))


def test_a_second_start_keeps_the_running_servers(shared):
    assert embedded.start(shared) == embedded.status(shared)
    before = embedded.status(shared)
    assert before.postgres.running
    assert before.valkey.running
    assert embedded.start(shared) == before


def test_the_serving_role_reaches_the_database_and_valkey(shared):
    assert ask(shared, "SELECT current_user, current_database()") == (
        "prospectflow_app",
        "prospectflow",
    )
    with redis.from_url(embedded.redis_url(shared)) as valkey:
        assert valkey.ping()


def test_valkey_answers_nobody_without_the_password(shared):
    port = embedded.status(shared).valkey.port
    stranger = redis.Redis(port=port, retry=Retry(NoBackoff(), retries=0))
    with stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_urls_are_known_before_the_first_start_and_hold_after_it(directory):
    before = embedded.database_url(directory), embedded.redis_url(directory)
    assert (directory / "servers.json").stat().st_mode & 0o777 == 0o600
    assert not embedded.status(directory).postgres.running
    embedded.start(directory)
    assert (embedded.database_url(directory), embedded.redis_url(directory)) == before
    assert ask(directory, "SELECT 1") == (1,)


@pytest.mark.faults
def test_committed_rows_survive_a_hard_kill(directory):
    pid = embedded.start(directory).postgres.pid
    ask(directory, "CREATE TABLE kept AS SELECT 7 AS number", role="owner")
    os.kill(pid, signal.SIGKILL)
    assert embedded.start(directory).postgres.pid != pid
    assert ask(directory, "SELECT number FROM kept", role="owner") == (7,)


@pytest.mark.faults
def test_valkey_killed_hard_runs_again(directory):
    pid = embedded.start(directory).valkey.pid
    os.kill(pid, signal.SIGKILL)
    assert embedded.start(directory).valkey.pid != pid
    with redis.from_url(embedded.redis_url(directory)) as valkey:
        assert valkey.ping()


@pytest.mark.faults
def test_a_hard_kill_under_an_open_session_does_not_hinder_the_next_start(directory):
    pid = embedded.start(directory).postgres.pid
    busy = "SELECT sum(n) FROM generate_series(1, 3000000) AS n"
    with closing(psycopg.connect(embedded.database_url(directory))) as session:
        session.pgconn.send_query(busy.encode())
        os.kill(pid, signal.SIGKILL)
        embedded.start(directory)
    assert ask(directory, "SELECT 1") == (1,)


def test_a_pid_file_that_names_another_program_is_no_server(directory):
    embedded.start(directory)
    pid_file = directory / "postgres" / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    embedded.stop(directory)
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert not embedded.status(directory).postgres.running
    embedded.start(directory)
    assert ask(directory, "SELECT 1") == (1,)


def test_an_empty_pid_file_is_no_server(directory):
    embedded.start(directory)
    embedded.stop(directory)
    (directory / "postgres" / "data" / "postmaster.pid").touch(mode=0o600)
    assert embedded.start(directory).postgres.running


def test_ports_taken_by_another_program_are_replaced_for_good(directory, foreign_port):
    embedded.status(directory)
    change_state(directory, lambda state: state["ports"].update(postgres=foreign_port))
    assert embedded.start(directory).postgres.port != foreign_port
    assert ask(directory, "SELECT 1") == (1,)
    assert str(foreign_port) not in embedded.database_url(directory)


def test_a_taken_port_that_was_asked_for_is_refused_and_named(directory, foreign_port, monkeypatch):
    monkeypatch.setenv("EMBEDDED_POSTGRES_PORT", str(foreign_port))
    with pytest.raises(
        EmbeddedError, match=f"Port {foreign_port} is taken.*EMBEDDED_POSTGRES_PORT"
    ):
        embedded.start(directory)
    monkeypatch.delenv("EMBEDDED_POSTGRES_PORT")
    assert embedded.start(directory).postgres.running


@pytest.mark.parametrize("value", ["many", "0", "65536", "-1", "²"])
def test_a_port_that_is_none_is_refused_and_named(directory, monkeypatch, value):
    monkeypatch.setenv("EMBEDDED_REDIS_PORT", value)
    with pytest.raises(EmbeddedError, match="EMBEDDED_REDIS_PORT must be a port"):
        embedded.redis_url(directory)


def test_a_file_in_place_of_the_folder_is_refused_and_named(tmp_path):
    (tmp_path / ".local").write_text("not a folder")
    with pytest.raises(EmbeddedError, match=r"cannot use .*\.local.*writable"):
        embedded.start(tmp_path / ".local")


def test_a_full_disk_is_named_and_leaves_nothing_behind(directory):
    directory.mkdir()
    (directory / "servers.new").symlink_to("/dev/full")
    with pytest.raises(EmbeddedError, match="The disk is full: make room"):
        embedded.start(directory)
    assert [path.name for path in directory.iterdir()] == ["servers.lock"]
    assert embedded.start(directory).postgres.running


def test_damaged_settings_are_refused_and_named(directory):
    embedded.status(directory)
    (directory / "servers.json").write_text('{"ports":')
    with pytest.raises(EmbeddedError, match=r"servers\.json is damaged"):
        embedded.start(directory)


def test_a_half_made_data_folder_is_made_anew(directory):
    half_made = directory / "postgres" / "data.new"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    assert embedded.start(directory).postgres.running
    assert not half_made.exists()


def test_a_server_that_cannot_start_says_why_and_runs_again_once_mended(directory):
    embedded.start(directory)
    embedded.stop(directory)
    configuration = directory / "postgres" / "data" / "postgresql.conf"
    good = configuration.read_text()
    configuration.write_text("nonsense = on\n")
    with pytest.raises(EmbeddedError, match="PostgreSQL did not start.*nonsense"):
        embedded.start(directory)
    configuration.write_text(good)
    assert embedded.start(directory).postgres.running


def test_two_starts_at_once_make_one_server(directory):
    code = (
        "import sys; from pathlib import Path; from prospectflow.operations import embedded;"
        " print(embedded.start(Path(sys.argv[1])).postgres.pid)"
    )
    root = Path(embedded.__file__).parents[3]
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", code, directory], cwd=root, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    pids = {start.communicate()[0].strip() for start in starts}
    assert pids == {str(embedded.status(directory).postgres.pid)}


def hello(recipient):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@acme.test", recipient, "Hello"
    message.set_content("Hello.")
    return message


def mails_of(address, server):
    with imaplib.IMAP4(server.host, server.imap_port) as imap:
        imap.login(address, server.password)
        return int(imap.select("INBOX")[1][0])


def test_stopped_servers_keep_their_rows_and_reset_ones_do_not(directory):
    embedded.start(directory)
    ask(directory, "CREATE TABLE kept ()", role="owner")
    embedded.stop(directory)
    assert not any(server.running for server in embedded.status(directory).servers)
    embedded.start(directory)
    assert ask(directory, "SELECT to_regclass('kept') IS NOT NULL", role="owner") == (True,)
    embedded.reset(directory)
    assert not (directory / "postgres").exists()
    embedded.start(directory)
    assert ask(directory, "SELECT to_regclass('kept') IS NULL", role="owner") == (True,)


def test_the_mail_server_takes_mail_for_the_senders_and_for_everyone_else(directory):
    embedded.start(directory, mail=True)
    server = embedded.mail_settings(directory)
    with smtplib.SMTP(server.host, server.smtp_port) as smtp:
        for recipient in (SENDERS[0], "b@other.test", "c@other.test"):
            smtp.send_message(hello(recipient))
    assert mails_of(SENDERS[0], server) == 1
    assert mails_of(EVERYONE, server) == 2
    assert mails_of(EVERYONE, embedded.empty_mail(directory)) == 0
    embedded.stop(directory)
    assert not embedded.status(directory).mail.running


def test_the_openid_provider_runs_when_asked_for_and_names_its_people(directory):
    embedded.start(directory)
    assert not embedded.status(directory).oidc.running
    issuer = embedded.provider_settings(directory)["OIDC_ISSUER"]

    embedded.start(directory, sign_in=True)

    discovery = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=5).json()
    asked = {"client_id": "any", "response_type": "code", "redirect_uri": "http://a.test/"}
    page = requests.get(discovery["authorization_endpoint"], asked, timeout=5).text
    assert discovery["issuer"] == issuer
    assert all(f'value="{person.subject}"' in page for person in PEOPLE)
    embedded.stop(directory)
    assert not embedded.status(directory).oidc.running


def test_a_port_that_an_older_file_lacks_is_added_and_the_others_stay(directory):
    embedded.status(directory)
    before = json.loads((directory / "servers.json").read_text())
    change_state(directory, lambda state: state["ports"].pop("oidc"))

    embedded.status(directory)

    after = json.loads((directory / "servers.json").read_text())
    assert after["ports"] == before["ports"] | {"oidc": after["ports"]["oidc"]}
    assert after["passwords"] == before["passwords"]


@pytest.mark.parametrize(
    "said",
    [
        "could not write: No space left on device",
        "could not extend file: wrote only 4096 of 8192 bytes\nHINT:  Check free disk space.",
    ],
)
def test_a_full_disk_is_named_however_the_server_says_it(tmp_path, said):
    assert "The disk is full" in str(failed("initdb", tmp_path, said))


def test_another_failure_is_not_called_a_full_disk(tmp_path):
    assert "initdb: no permission" in str(failed("initdb", tmp_path, "no permission"))
