"""The process that senders are forked from, since loading Django takes longer than sending.

Each line of its input starts some, each line of its output tells of them: first who they are,
then how they ended. A sender that is told to die does so after its nth statement.
"""

import json
import os
import signal
import smtplib
import sys
import time
import traceback
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import django

django.setup()

from django.db import connection  # noqa: E402

from outreach.services.sending import send_batch  # noqa: E402
from tracking.services import place_pixel  # noqa: E402

OURS = f"{os.sep}outreach{os.sep}"


class Points:
    """The points between two statements: of SQL, and of the conversation with the server."""

    def __init__(self, die_at: int, tell: Callable[[str], None]) -> None:
        self.left, self.tell = die_at, tell

    def install(self) -> None:
        """Have every statement of this process end at a point."""
        connection.execute_wrappers.append(self._statement)
        self._after(connection, "_commit", "COMMIT")
        self._after(connection, "_rollback", "ROLLBACK")
        self._after(smtplib.SMTP, "connect", "connect")
        self._after(smtplib.SMTP, "send", "send")
        self._after(smtplib.SMTP, "getreply", "reply")

    def _statement(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found = execute(sql, params, many, context)
        self._reached(" ".join(sql.split()[:3]))
        return found

    def _after(self, owner: Any, name: str, what: str) -> None:
        does = getattr(owner, name)

        def then_dies(*args: Any, **named: Any) -> Any:
            found = does(*args, **named)
            self._reached(what)
            return found

        setattr(owner, name, then_dies)

    def _reached(self, what: str) -> None:
        self.left -= 1
        if self.left == 0:
            self.tell(f"{what} in {_place()}")
            os.kill(os.getpid(), signal.SIGKILL)


def _place() -> str:
    """The innermost function of the engine that is at work."""
    frame = sys._getframe()
    while frame.f_back and (OURS not in frame.f_code.co_filename or frame.f_globals is globals()):
        frame = frame.f_back
    return f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_name}"


def send(told: dict[str, Any], tell: Callable[[str], None]) -> None:
    """What a worker does for one mailbox, until nothing more may leave."""
    if told["die_at"]:
        Points(told["die_at"], tell).install()
    now = datetime.fromisoformat(told["now"])
    send_batch(
        UUID(told["organisation_id"]),
        UUID(told["mailbox_id"]),
        clock=lambda: now,
        worker=f"sender {os.getpid()}",
        frozen=place_pixel,
    )


def born(told: dict[str, Any], tell: Callable[[str], None]) -> int:
    """A new sender; returns only where it was forked from."""
    if pid := os.fork():
        return pid
    try:
        send(told, tell)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def bring_up(told: dict[str, Any]) -> None:
    """Some senders at once, until all of them are dead."""
    reader, writer = os.pipe()
    pids = [born(told, lambda point: _write(writer, point)) for _ in range(told["senders"])]
    os.close(writer)
    _say(pids)
    if told["kill_after"] is not None:
        time.sleep(told["kill_after"])
        for pid in pids:
            os.kill(pid, signal.SIGKILL)  # dead or alive, it is still ours
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    with os.fdopen(reader) as points:
        _say({"codes": codes, "point": points.read()})


def _say(what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _write(writer: int, point: str) -> None:
    os.write(writer, point.encode())


if __name__ == "__main__":
    for line in sys.stdin:
        bring_up(json.loads(line))
