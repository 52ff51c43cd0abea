"""How a function becomes a task of the queue."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple, get_type_hints
from uuid import UUID

from procrastinate import JobContext
from procrastinate.contrib.django import app

from .counting import counted
from .running import AGAIN, run

type Stopping = Callable[[], bool]

IDS = (UUID, int)


class NotAnId(TypeError):
    """A job is told ids and nothing else: a UUID or an int."""


class Declared(NamedTuple):
    """What is known of a task before any job of it runs."""

    lock: str
    per: str
    once: bool
    ids: dict[str, type]


DECLARED: dict[str, Declared] = {}


def task[Function: Callable[..., None]](
    *,
    queue: str,
    lock: str = "",
    per: str = "organisation_id",
    once: bool = False,
    given_up: Callable[..., None] = lambda **ids: None,
) -> Callable[[Function], Function]:
    """Make a function of ids a task, named `<app>.<function>`; called directly it just runs.

    It is also given `stopping`, and returns soon after that says so; then it is run again later,
    so it must go on where it was. With `lock` at most one job of that lock runs at a time for each
    organisation, or whatever id `per` names ("" for one in all); with `once` a job that still
    waits is not deferred again. `given_up` is told the same ids when a job was tried too often and
    never will be again. Raises NotAnId for parameters of another kind.
    """

    def declare(function: Function) -> Function:
        name = f"{function.__module__.partition('.')[0]}.{function.__name__}"
        DECLARED[name] = Declared(lock, per, once, _ids(function))

        @wraps(function)
        def runs(context: JobContext, **told: Any) -> None:
            ids = {key: kind(told[key]) for key, kind in DECLARED[name].ids.items()}
            with counted(queue):
                run(
                    context,
                    lambda stopping: function(**ids, stopping=stopping),
                    lambda: given_up(**ids),
                )

        register: Any = app.task(name=name, queue=queue, pass_context=True, retry=AGAIN)
        register(runs)
        return function

    return declare


def _ids(function: Callable[..., None]) -> dict[str, type]:
    hints = get_type_hints(function)
    kinds = {name: hints.get(name) for name in inspect.signature(function).parameters}
    kinds.pop("stopping")
    wrong = [name for name, kind in kinds.items() if kind not in IDS]
    if wrong:
        raise NotAnId(f"{function.__qualname__}({wrong[0]}): {NotAnId.__doc__}")
    return {name: kind for name, kind in kinds.items() if kind is not None}
