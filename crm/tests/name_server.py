"""A nameserver of the tests' own, on 127.0.0.1: it knows what it is told, and counts."""

from collections import Counter
from collections.abc import Iterator
from socket import AF_INET, SOCK_DGRAM, socket
from threading import Thread
from typing import Any, Self

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
from dns.resolver import Resolver

from crm.verifying import make_resolver

SILENT, BROKEN = "silent", "broken"
PATIENCE = 0.3  # seconds


class NameServer:
    """Domain → its records by kind, SILENT (no answer) or BROKEN (SERVFAIL); others are nowhere."""

    def __init__(self) -> None:
        self.domains: dict[str, Any] = {}
        self.asked: Counter[str] = Counter()
        self._socket = socket(AF_INET, SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket(AF_INET, SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def resolver(self, settings: Any) -> Resolver:
        """What asks this server, and waits a moment only."""
        settings.VERIFICATION_NAMESERVERS = [("127.0.0.1", self.port)]
        settings.VERIFICATION_DNS_SECONDS = PATIENCE
        return make_resolver()

    def _serve(self) -> None:
        while True:
            wire, whence = self._socket.recvfrom(65_535)
            if not wire:
                return
            if answer := self._answer(dns.message.from_wire(wire)):
                self._socket.sendto(answer.to_wire(), whence)

    def _answer(self, query: dns.message.Message) -> dns.message.Message | None:
        question = query.question[0]
        name, kind = question.name.to_text(True), dns.rdatatype.to_text(question.rdtype)
        self.asked[name] += 1
        known = self.domains.get(name)
        if known == SILENT:
            return None
        answer = dns.message.make_response(query)
        if known == BROKEN:
            answer.set_rcode(dns.rcode.SERVFAIL)
            return answer
        for each, told in self._chain(name):
            if told is None:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            for found in {"CNAME", kind} & set(told or ()):
                answer.answer.append(dns.rrset.from_text(f"{each}.", 60, "IN", found, *told[found]))
        return answer

    def _chain(self, name: str) -> Iterator[tuple[str, Any]]:
        """The domain and what it is an alias of."""
        told = self.domains.get(name)
        yield name, told
        if told and "CNAME" in told:
            yield from self._chain(told["CNAME"][0].rstrip("."))
