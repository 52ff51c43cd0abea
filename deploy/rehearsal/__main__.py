"""Rehearse the deployment: start, ask, stop. Exit 0 when everything answered as it must."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from prospectflow.operations.embedded import EmbeddedError, oidc, state
from prospectflow.operations.embedded.signing import key_file

from . import prometheus, smoke
from .compose_commands import play
from .composition import ROOT, Refused, resolved, services
from .machine import Machine
from .page import sections, words
from .stage import Failed, Stage
from .visitors import nobody_is_turned_away

ASK_AFTER = (INSTALLING := "Installing", UPGRADING := "Upgrading", "Restoring")
PROFILES = ("monitoring", "replica", "tools", "upgrade")


def main() -> int:
    """Everything in a folder that is gone afterwards, also when this is told to end."""
    signal.signal(signal.SIGTERM, lambda *told: sys.exit(1))
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
    wanted = list(services(resolved(_environment(issuer), *PROFILES)))
    stage = Stage(Machine(folder, wanted), wanted)
    try:
        _follow_the_page(stage, key_file(folder))
    except BaseException:
        stage.kill()
        raise
    stage.stop(stage.services)


def _follow_the_page(stage: Stage, token_key: Path) -> None:
    """Type what docs/operations.md has people type, each command once; ask everything."""
    typed: set[str] = set()
    for heading, commands in sections().items():
        new = [each for each in commands if each not in typed and each.startswith("docker compose")]
        typed.update(new)
        with nobody_is_turned_away(stage) if heading == UPGRADING else nullcontext():
            for command in new:
                print(f"\n$ {command}", flush=True)  # noqa: T201
                play(stage, words(command))
        if heading in ASK_AFTER:
            smoke.ask(stage, token_key)
        if heading == INSTALLING:
            prometheus.start(stage)
    prometheus.is_content(stage)


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
