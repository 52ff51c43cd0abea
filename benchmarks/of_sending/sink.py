"""A mail server that takes everything and keeps nothing; it prints its port, and serves.

It offers PIPELINING (RFC 2920), as the servers of all large providers do.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


class Nowhere:
    """Where the mails go."""

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, name: str, offers: list[str]
    ) -> list[str]:
        """Offer what the library offers, and to take commands in groups."""
        session.host_name = name
        return [offers[0], "250-PIPELINING", *offers[1:]]

    async def handle_DATA(self, *_: object) -> str:  # noqa: N802
        """Take one."""
        return "250 2.0.0 Taken"


async def serve() -> None:
    """Serve on a free port until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Nowhere(), hostname="sink"), "127.0.0.1", 0)
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
