"""A server that keeps whoever listens to it waiting."""

from socket import create_server
from threading import Thread
from time import sleep


class Dribbler(Thread):
    """Greets one byte at a time, until it is done or nobody listens any more."""

    def __init__(self, greeting: bytes) -> None:
        super().__init__(daemon=True)
        self.greeting = greeting
        self.listener = create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.was_left = False
        self.start()

    def run(self) -> None:
        connection, _ = self.listener.accept()
        with self.listener, connection:
            try:
                for byte in self.greeting:
                    connection.sendall(bytes([byte]))
                    sleep(0.02)
            except OSError:
                self.was_left = True
