"""Start, stop, look at and reset the servers of one directory."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from . import mail, oidc, postgres, valkey
from .errors import explained
from .mail import MailSettings
from .processes import Daemon
from .state import State, load, lock

Role = Literal["app", "owner", "superuser"]
KINDS = {"postgres": postgres, "valkey": valkey, "mail": mail, "oidc": oidc}


@dataclass(frozen=True)
class Server:
    """What is known of one server."""

    name: str
    pid: int | None
    ports: dict[str, int]

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self.pid is not None

    @property
    def port(self) -> int:
        """The first of its ports."""
        return next(iter(self.ports.values()))


@dataclass(frozen=True)
class Status:
    """What is known of all servers of a directory."""

    postgres: Server
    valkey: Server
    mail: Server
    oidc: Server

    @property
    def servers(self) -> tuple[Server, ...]:
        """Each server, in the order in which they start."""
        return (self.postgres, self.valkey, self.mail, self.oidc)


def start(directory: Path, *, mail: bool = False, sign_in: bool = False) -> Status:
    """Have PostgreSQL and Valkey run, and if asked the mail server and the OpenID provider.

    What runs already is kept.
    """
    directory = directory.absolute()
    load(directory)
    wanted = {"mail": mail, "oidc": sign_in}
    with lock(directory):
        state = load(directory)
        for name, kind in KINDS.items():
            if wanted.get(name, True):
                state = kind.start(directory, state)
    return status(directory)


def stop(directory: Path) -> None:
    """Stop every server of this directory."""
    directory = directory.absolute()
    if not directory.is_dir():
        return
    with lock(directory):
        _stop(directory)


def status(directory: Path) -> Status:
    """Which servers run now, as what process and on which ports."""
    directory = directory.absolute()
    found = _daemons(directory, load(directory))
    return Status(**{name: Server(name, one.pid(), one.ports) for name, one in found.items()})


def reset(directory: Path) -> None:
    """Stop every server and delete its data; ports and passwords stay the same."""
    directory = directory.absolute()
    if not directory.is_dir():
        return
    with lock(directory), explained(directory):
        _stop(directory)
        for name in KINDS:
            if (directory / name).exists():
                shutil.rmtree(directory / name)


def empty_mail(directory: Path) -> MailSettings:
    """Have the mail server run with nothing in it."""
    directory = directory.absolute()
    with lock(directory):
        _daemons(directory, load(directory))["mail"].stop()
    start(directory, mail=True)
    return mail_settings(directory)


def database_url(directory: Path, *, role: Role = "app", database: str = "prospectflow") -> str:
    """The URL of a database for a role, also before the server has ever run."""
    return postgres.url(load(directory.absolute()), role, database)


def redis_url(directory: Path) -> str:
    """The URL of Valkey, also before the server has ever run."""
    return valkey.url(load(directory.absolute()))


def addresses(directory: Path) -> tuple[str, str, str]:
    """Where settings look for PostgreSQL, Valkey and the OpenID provider."""
    issuer = provider_settings(directory)["OIDC_ISSUER"]
    return database_url(directory), redis_url(directory), issuer


def provider_settings(directory: Path) -> dict[str, str]:
    """The OIDC_* variables of the OpenID provider, also before it has ever run."""
    state = load(directory.absolute())
    return {
        "OIDC_ISSUER": oidc.issuer(state),
        "OIDC_CLIENT_ID": oidc.CLIENT_ID,
        "OIDC_API_AUDIENCE": oidc.API_AUDIENCE,
    }


def mail_settings(directory: Path) -> MailSettings:
    """Where the mail server answers, also before it has ever run."""
    return mail.settings(load(directory.absolute()))


def create_database(directory: Path, name: str) -> None:
    """Make another database in the running cluster, with roles, extensions and operators."""
    directory = directory.absolute()
    postgres.create_database(directory, load(directory), name)


def drop_database(directory: Path, name: str) -> None:
    """Delete a database of the running cluster, whoever is connected to it."""
    postgres.drop_database(load(directory.absolute()), name)


def _daemons(directory: Path, state: State) -> dict[str, Daemon]:
    return {name: kind.daemon(directory, state) for name, kind in KINDS.items()}


def _stop(directory: Path) -> None:
    for server in reversed(_daemons(directory, load(directory)).values()):
        server.stop()
