"""`docker compose …` as people type it, played on the stage."""

from argparse import REMAINDER, ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from .stage import Stage

ARCHIVE, STAMP = "prospectflow_full_", "%Y%m%d_%H%M%S"
EXAMPLE, EXAMPLE_AT = "20261124_020000", "2026-11-24T02:00+00:00"  # on the page
TELLING = ("doctor", "status")  # exit code 1 is an answer of theirs, no failure


def play(stage: Stage, words: Sequence[str]) -> None:
    """Do what Compose would; Failed when it fails."""
    given = parsed([_real(stage, word) for word in words])
    VERBS[given.verb](stage, given)


def parsed(words: Sequence[str]) -> Namespace:
    """The command in its parts; SystemExit for one that the stage cannot play."""
    return _parser().parse_args(words[2:])  # after `docker compose`


def _real(stage: Stage, word: str) -> str:
    """The word, with the example of an archive and its time replaced by the newest there is."""
    archives = stage.machine.outside(stage.services["backup"], "/backups").glob(f"{ARCHIVE}*.json")
    newest = max((path.stem.removeprefix(ARCHIVE) for path in archives), default=EXAMPLE)
    made_at = datetime.strptime(newest[:15], STAMP).replace(tzinfo=UTC)
    return word.replace(EXAMPLE, newest[:15]).replace(EXAMPLE_AT, made_at.isoformat())


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
    tells = any(word in TELLING for word in given.command)
    stage.run(given.service, given.command, answers=(0, 1) if tells else (0,))


VERBS: dict[str, Callable[[Stage, Namespace], object]] = {
    "build": lambda stage, given: stage.outdate(),
    "up": _up,
    "stop": lambda stage, given: stage.stop(given.services),
    "run": _run,
    "exec": _run,
    "ps": _look,
    "logs": _look,
}
