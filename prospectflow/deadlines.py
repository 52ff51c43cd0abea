"""An end for a conversation over the network, however slowly the other side speaks."""

from collections.abc import Callable
from contextlib import suppress
from socket import SHUT_RDWR, SOCK_STREAM, getaddrinfo, socket
from threading import Event, Thread, Timer
from time import monotonic
from typing import Any, Self

type Dial = Callable[[tuple[str, int], float], socket]
"""Opens a connection to a host and port, each step on which may take so many seconds."""

GLANCE_SECONDS = 0.1


class Conversations:
    """Connections that another thread can cut off, all at once and for good.

    Whoever reads or writes then, or dials later, meets an OSError. Looking up a name takes as long
    as the system's resolver allows.
    """

    def __init__(self) -> None:
        self.is_cut = False
        self._twins: list[socket] = []

    def dial(self, address: tuple[str, int], timeout: float) -> socket:
        """A connection to the host's first address that answers; OSError where none does.

        Each step on it may take `timeout` seconds.
        """
        refusal = OSError("The host has no address.")
        for family, kind, protocol, _, found in getaddrinfo(*address, type=SOCK_STREAM):
            connection = socket(family, kind, protocol)
            try:
                # TLS takes a socket's descriptor away; its twin's stays.
                self._twins.append(connection.dup())
                connection.settimeout(self._patience(timeout))
                connection.connect(found)
                self._patience(timeout)
                connection.settimeout(timeout)
            except OSError as error:
                connection.close()
                refusal = error
            else:
                return connection
        raise refusal

    def cut(self) -> None:
        """End every connection, and every attempt at one."""
        self.is_cut = True
        for twin in self._twins:
            with suppress(OSError):
                twin.shutdown(SHUT_RDWR)

    def forget(self) -> None:
        """Nothing can be cut off any more."""
        for twin in self._twins:
            twin.close()

    def _patience(self, timeout: float) -> float:
        """How long the next step may take; TimeoutError once all is cut off."""
        if self.is_cut:
            raise TimeoutError
        return timeout


class Deadline(Conversations):
    """Cuts off whatever was dialled under it once its seconds have passed.

    It then ends in TimeoutError, whatever the break looked like to who was reading. A socket's
    own timeout begins anew with every byte, so that alone it never ends a dribble.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._end = monotonic() + seconds
        self._timer = Timer(seconds, self.cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._timer.cancel()
        self._timer.join()
        self.forget()
        if self.is_cut:
            raise TimeoutError("It took too long.") from error

    def _patience(self, timeout: float) -> float:
        seconds = self._end - monotonic()
        if self.is_cut or seconds <= 0:
            raise TimeoutError
        return min(timeout, seconds)


class Grace(Conversations):
    """Cuts off what was dialled under it so many seconds after `stopping` first says so.

    `stopping` is asked from another thread.
    """

    def __init__(self, seconds: float, stopping: Callable[[], bool]) -> None:
        super().__init__()
        self._seconds = seconds
        self._stopping = stopping
        self._over = Event()
        self._watch = Thread(target=self._wait, daemon=True)

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._over.set()
        self._watch.join()
        self.forget()

    def _wait(self) -> None:
        while not self._over.wait(GLANCE_SECONDS):
            if self._stopping():
                if not self._over.wait(self._seconds):
                    self.cut()
                return
