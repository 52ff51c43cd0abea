"""`docker compose …` as people type it, played on the stage."""

import re
from argparse import REMAINDER, ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from . import examined
from .stage import Stage

ARCHIVE, STAMP = "prospectflow_full_", "%Y%m%d_%H%M%S"
EXAMPLE, EXAMPLE_AT = "20261124_020000", "2026-11-24T02:00+00:00"  # on the page
EXAMPLES = re.compile(rf"(prospectflow_\w+_){EXAMPLE}")


def play(stage: Stage, words: Sequence[str]) -> None:
    """Do what Compose would; Failed when it fails."""
    given = parsed([_real(stage, word) for word in words])
    VERBS[given.verb](stage, given)


def parsed(words: Sequence[str]) -> Namespace:
    """The command in its parts; SystemExit for one that the stage cannot play."""
    return _parser().parse_args(words[2:])  # after `docker compose`


def _real(stage: Stage, word: str) -> str:
    """The word, with the example of an archive and its time replaced by the newest there is."""
    example = EXAMPLES.search(word)
    beginning = example[1] if example else ARCHIVE
    there = stage.machine.outside(stage.services["backup"], "/backups").glob(f"{beginning}[0-9]*")
    newest = max((path.name.removeprefix(beginning)[:15] for path in there), default=EXAMPLE)
    made_at = datetime.strptime(newest, STAMP).replace(tzinfo=UTC)
    return word.replace(EXAMPLE, newest).replace(EXAMPLE_AT, made_at.isoformat())


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="docker compose")
    parser.add_argument("--profile", action="append")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("build", "ps"):
        verbs.add_parser(verb)
    logs = verbs.add_parser("logs")
    logs.add_argument("--since")
    up = verbs.add_parser("up")
    for flag in ("--build", "--detach", "--wait", "--no-deps"):
        up.add_argument(flag, action="store_true")
    up.add_argument("--scale", action="append", default=[])
    for named in (logs, up, verbs.add_parser("stop")):
        named.add_argument("services", nargs="*")
    for verb in ("run", "exec"):
        inside = verbs.add_parser(verb)
        inside.add_argument("--rm", action="store_true")
        inside.add_argument("service")
        inside.add_argument("command", nargs=REMAINDER)
    return parser


def _up(stage: Stage, given: Namespace) -> None:
    copies = {name: int(n) for name, _, n in (each.partition("=") for each in given.scale)}
    stage.up(given.services, copies)


def _look(stage: Stage, given: Namespace) -> None:
    for name in getattr(given, "services", ()):
        stage.log(stage.services[name])


def _run(stage: Stage, given: Namespace) -> None:
    """The doctor's exit code says too little: this machine's disk is no matter of ours."""
    if "doctor" in given.command:
        examined.by_the_doctor(stage, given.service, given.command)
    else:
        stage.run(given.service, given.command)


VERBS: dict[str, Callable[[Stage, Namespace], object]] = {
    "build": lambda stage, given: stage.outdate(),
    "up": _up,
    "stop": lambda stage, given: stage.stop(given.services),
    "run": _run,
    "exec": _run,
    "ps": _look,
    "logs": _look,
}
