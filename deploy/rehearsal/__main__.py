"""Rehearse the deployment: start, ask, stop. Exit 0 when everything answered as it must."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from prospectflow.operations.embedded import EmbeddedError, oidc, state
from prospectflow.operations.embedded.signing import key_file

from . import smoke
from .composition import ROOT, Refused, resolved, services
from .machine import Machine
from .stage import Failed, Stage


def main() -> int:
    """Everything in a folder that is gone afterwards."""
    with TemporaryDirectory(prefix="rehearsal-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL's own account finds its data below
        try:
            with _provider(folder) as issuer:
                _rehearse(folder, issuer)
        except (Refused, Failed, EmbeddedError) as error:
            sys.stderr.write(f"{error}\n")
            return 1
    return 0


def _rehearse(folder: Path, issuer: str) -> None:
    wanted = list(services(resolved(_environment(issuer))))
    stage = Stage(Machine(folder, wanted), wanted)
    try:
        stage.up()
        smoke.register_program(stage)
        smoke.ask(stage, key_file(folder))
    except BaseException:
        stage.kill()
        raise
    stage.stop()


@contextmanager
def _provider(folder: Path) -> Iterator[str]:
    """The address of a sign-in provider of this machine."""
    chosen = oidc.start(folder, state.load(folder))
    try:
        yield oidc.issuer(chosen)
    finally:
        oidc.daemon(folder, chosen).stop()


def _environment(issuer: str) -> dict[str, str]:
    """What deploy/make-secrets prints, and this provider."""
    printed = subprocess.run(["deploy/make-secrets"], cwd=ROOT, capture_output=True, check=True)
    lines = printed.stdout.decode().splitlines()
    made = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    return made | {
        "OIDC_ISSUER": issuer,
        "OIDC_CLIENT_ID": oidc.CLIENT_ID,
        "OIDC_API_AUDIENCE": oidc.API_AUDIENCE,
    }


if __name__ == "__main__":
    sys.exit(main())
