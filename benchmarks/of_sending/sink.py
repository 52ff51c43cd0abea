"""A mail server that takes everything and keeps nothing; it prints its port, and serves."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DOT = b"\r\n.\r\n"


class Sink(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.buffer, self.is_in_content = b"", False
        self.transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer all that has come in whole."""
        self.buffer += data
        while (end := self.buffer.find(DOT if self.is_in_content else b"\r\n")) >= 0:
            line = self.buffer[:end]
            self.buffer = self.buffer[end + (len(DOT) if self.is_in_content else 2) :]
            if self.is_in_content:
                self.is_in_content = False
                self.transport.write(b"250 2.0.0 Taken\r\n")
            else:
                self._answer(line[:4].upper())

    def _answer(self, verb: bytes) -> None:
        if verb == b"EHLO":
            self.transport.write(b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
        elif verb == b"DATA":
            self.is_in_content = True
            self.transport.write(b"354 go on\r\n")
        elif verb == b"QUIT":
            self.transport.write(b"221 bye\r\n")
            self.transport.close()
        else:
            self.transport.write(b"250 OK\r\n")


async def serve() -> None:
    """Serve on a free port until killed."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


@contextmanager
def sink() -> Iterator[int]:
    """The port of a sink in a process of its own."""
    with subprocess.Popen(  # noqa: S603
        [sys.executable, Path(__file__)], stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdout is None:
            raise AssertionError("The sink says nothing.")
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(serve())
