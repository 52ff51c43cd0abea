"""An end for a conversation over the network, however slowly the other side speaks."""

from collections.abc import Callable
from contextlib import suppress
from socket import SHUT_RDWR, SOCK_STREAM, create_connection, getaddrinfo, socket
from threading import Timer
from time import monotonic
from typing import Self

type Dial = Callable[[tuple[str, int], float], socket]
"""Opens a connection to a host and port, each step on which may take so many seconds."""


class Deadline:
    """Cuts off whatever was dialled under it once its seconds have passed.

    It then ends in TimeoutError, whatever the break looked like to who was reading. A socket's
    own timeout begins anew with every byte, so that alone it never ends a dribble. Looking up a
    name takes as long as the system's resolver allows.
    """

    def __init__(self, seconds: float) -> None:
        self._end = monotonic() + seconds
        self._passed = False
        self._twins: list[socket] = []
        self._timer = Timer(seconds, self._cut_off)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._timer.cancel()
        self._timer.join()
        for twin in self._twins:
            twin.close()
        if self._passed:
            raise TimeoutError("It took too long.") from error

    def dial(self, address: tuple[str, int], timeout: float) -> socket:
        """A connection to the host's first address that answers; OSError where none does.

        Each step on it may take `timeout` seconds, all of them what remains.
        """
        refusal = OSError("The host has no address.")
        for *_, found in getaddrinfo(*address, type=SOCK_STREAM):
            try:
                return self._reached((str(found[0]), address[1]), timeout)
            except OSError as error:
                refusal = error
        raise refusal

    def _reached(self, address: tuple[str, int], timeout: float) -> socket:
        connection = create_connection(address, min(timeout, self._remaining()))
        try:
            # TLS takes a socket's descriptor away; its twin's stays.
            self._twins.append(connection.dup())
            self._remaining()
        except OSError:
            connection.close()
            raise
        connection.settimeout(timeout)
        return connection

    def _remaining(self) -> float:
        seconds = self._end - monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds

    def _cut_off(self) -> None:
        self._passed = True
        for twin in self._twins:
            with suppress(OSError):
                twin.shutdown(SHUT_RDWR)
