"""`docker compose …` as people type it, played on the stage."""

from argparse import REMAINDER, ArgumentParser, Namespace
from collections.abc import Callable, Sequence

from .stage import Stage

TELLING = ("doctor", "status")  # exit code 1 is an answer of theirs, no failure


def play(stage: Stage, words: Sequence[str]) -> None:
    """Do what Compose would; Failed when it fails."""
    given = parsed(words)
    VERBS[given.verb](stage, given)


def parsed(words: Sequence[str]) -> Namespace:
    """The command in its parts; SystemExit for one that the stage cannot play."""
    return _parser().parse_args(words[2:])  # after `docker compose`


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
