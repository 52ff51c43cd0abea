"""mail-devel: SMTP, IMAP and a web page for any mailbox, kept in memory until it stops."""

import os
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from .errors import EmbeddedError, explained
from .processes import Daemon, answer
from .state import State, claim_ports

PORTS = ("smtp", "imap", "web")
# These mailboxes have an inbox of their own; whatever goes to anybody else lands in one place.
SENDERS = ("camille@studio-lumiere.example.com", "sofia@agence-calanque.example.com")
EVERYONE = "everyone@recipients.example.com"


@dataclass(frozen=True)
class MailSettings:
    """Where the mail server answers; every mailbox has the same password."""

    host: str
    smtp_port: int
    imap_port: int
    web_port: int
    password: str


def settings(state: State) -> MailSettings:
    """Where the mail server of this state answers, once it runs."""
    return MailSettings(
        host="127.0.0.1",
        smtp_port=state.port("smtp"),
        imap_port=state.port("imap"),
        web_port=state.port("web"),
        password=state.passwords["mail"],
    )


def daemon(directory: Path, state: State) -> Daemon:
    """The mail server of this directory, running or not."""
    folder = directory / "mail"
    return Daemon(
        name="The mail server",
        folder=folder,
        pid_file=folder / "pid",
        marks=("mail_devel", f"prospectflow={folder} "),
        port_marks=tuple(_port_options(state)),
        ports={name: state.port(name) for name in PORTS},
    )


def start(directory: Path, state: State) -> State:
    """Have the server run; the ports may be new ones."""
    server = daemon(directory, state)
    if server.serves() and answer(server.ports.values()):
        return state
    server.stop()
    if find_spec("mail_devel") is None:
        raise EmbeddedError(
            "The embedded mail server is not installed: install requirements-dev.txt."
        )
    state = claim_ports(directory, state, *PORTS)
    server = daemon(directory, state)
    with explained(directory):
        server.folder.mkdir(mode=0o700, exist_ok=True)
        log_from = server.log_size()
        pid = server.launch(_command(server, state), _environment(state))
        server.pid_file.write_text(str(pid))
        try:
            server.wait_until_ready(pid, lambda: answer(server.ports.values()), log_from)
        except EmbeddedError:
            server.stop()
            raise
    return state


def _port_options(state: State) -> list[str]:
    return [
        f"--smtp-port={state.port('smtp')}",
        f"--imap-port={state.port('imap')}",
        f"--http-port={state.port('web')}",
    ]


def _command(server: Daemon, state: State) -> list[str | Path]:
    # Python keeps any -X option for itself; by this one the process is recognised.
    python = [sys.executable, "-X", f"prospectflow={server.folder}"]
    aliases = [f"--alias={address}:{address}" for address in SENDERS]
    options = ["--host=127.0.0.1", "--multi-user", *aliases, f"--alias=*:{EVERYONE}"]
    return [*python, "-m", "mail_devel", *options, *_port_options(state)]


def _environment(state: State) -> dict[str, str]:
    # By the environment, since everyone on the machine can read a command line.
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MAIL_")}
    return kept | {"MAIL_PASSWORD": state.passwords["mail"]}
