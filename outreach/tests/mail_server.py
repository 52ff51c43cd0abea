"""A real mail server with SMTP and IMAP, which other people's mail programs read as well."""

import imaplib
import os
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "correct horse"


@dataclass(frozen=True)
class MailServer:
    """A mail server that takes in everything and keeps it in memory."""

    imap_port: int
    smtp_port: int

    def deliver(self, address: str, *messages: bytes) -> None:
        with smtplib.SMTP("127.0.0.1", self.smtp_port) as smtp:
            for message in messages:
                smtp.sendmail("jean@exemple.fr", [address], message)

    def client(self, address: str) -> imaplib.IMAP4:
        client = imaplib.IMAP4("127.0.0.1", self.imap_port)
        client.login(address, PASSWORD)
        return client


@contextmanager
def running_mail_server(log: Path) -> Iterator[MailServer]:
    """The server on ports of its own, for as long as it is needed."""
    ports = free_port(), free_port()
    command = [sys.executable, "-m", "mail_devel", "--host", "127.0.0.1",
               "--multi-user", "--no-http",
               "--imap-port", str(ports[0]), "--smtp-port", str(ports[1])]  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env=os.environ | {"MAIL_PASSWORD": PASSWORD}
        )
    try:
        for port in ports:
            wait_for(port, process)
        yield MailServer(*ports)
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port: int, process: subprocess.Popen) -> None:
    for _ in range(200):
        assert process.poll() is None, "the mail server did not start"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"nothing listens on port {port}")
