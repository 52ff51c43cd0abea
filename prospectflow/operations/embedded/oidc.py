"""oidc-provider-mock: an OpenID provider that asks for no password and forgets when it stops."""

import json
import os
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from .errors import EmbeddedError, explained
from .processes import Daemon, answer
from .signing import key_file
from .state import State, claim_ports

CLIENT_ID = "prospectflow"
API_AUDIENCE = "prospectflow-api"
PROJECT = Path(__file__).resolve().parents[3]
MODULE = "prospectflow.operations.embedded.provider"


@dataclass(frozen=True)
class Person:
    """Somebody whom the provider's page offers to sign in as, by the subject."""

    subject: str
    email: str
    first_name: str
    last_name: str

    def claims(self) -> dict[str, str | bool]:
        """What the provider says of them."""
        names = {"given_name": self.first_name, "family_name": self.last_name}
        return {"sub": self.subject, "email": self.email, "email_verified": True, **names}


# The demo's people.
PEOPLE = (
    Person("camille", "demo@example.com", "Camille", "Durand"),
    Person("lina", "lina@example.com", "Lina", "Roche"),
)


def subject_of(email: str) -> str:
    """As whom the provider knows this address: one of its people, or else the address itself."""
    return next((each.subject for each in PEOPLE if each.email == email), email)


def issuer(state: State) -> str:
    """The provider's name and address, also before it has ever run."""
    return f"http://127.0.0.1:{state.port('oidc')}"


def daemon(directory: Path, state: State) -> Daemon:
    """The provider of this directory, running or not."""
    folder = directory / "oidc"
    return Daemon(
        name="The OpenID provider",
        folder=folder,
        pid_file=folder / "pid",
        marks=(f"prospectflow={folder} ",),
        port_marks=(MODULE, _port_option(state)),
        ports={"oidc": state.port("oidc")},
    )


def start(directory: Path, state: State) -> State:
    """Have the provider run; the port may be a new one."""
    server = daemon(directory, state)
    if server.serves() and answer(server.ports.values()):
        return state
    server.stop()
    if find_spec("oidc_provider_mock") is None:
        raise EmbeddedError(
            "The embedded OpenID provider is not installed: install requirements-dev.txt."
        )
    state = claim_ports(directory, state, "oidc")
    server = daemon(directory, state)
    with explained(directory):
        server.folder.mkdir(mode=0o700, exist_ok=True)
        log_from = server.log_size()
        pid = server.launch(_command(server, state), _environment())
        server.pid_file.write_text(str(pid))
        try:
            server.wait_until_ready(pid, lambda: answer(server.ports.values()), log_from)
        except EmbeddedError:
            server.stop()
            raise
    return state


def _port_option(state: State) -> str:
    return f"--port={state.port('oidc')}"


def _command(server: Daemon, state: State) -> list[str | Path]:
    # Python keeps any -X option for itself; by this one the process is recognised.
    python = [sys.executable, "-X", f"prospectflow={server.folder}"]
    people = [f"--user-claims={json.dumps(person.claims())}" for person in PEOPLE]
    options = [_port_option(state), f"--key={key_file(server.folder.parent)}", *people]
    return [*python, "-m", MODULE, *options]


def _environment() -> dict[str, str]:
    return dict(os.environ) | {"PYTHONPATH": str(PROJECT)}  # it runs in another folder
