"""A name server with given records, over real UDP."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset

TTL = 60


@dataclass
class NameServer:
    """A name server; `records` holds texts by (name, kind), such as ("example.com.", "TXT").

    While it is `silent` it answers nothing.
    """

    port: int
    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    fails: bool = False
    silent: bool = False

    def answer(self, asked: bytes) -> bytes:
        query = dns.message.from_wire(asked)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        (question,) = query.question
        name, kind = str(question.name), question.rdtype.name
        found = self.records.get((name, kind))
        if self.fails:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif found:
            answer.answer.append(dns.rrset.from_text(name, TTL, "IN", kind, *found))
        elif not any(name == known for known, _kind in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer.to_wire()

    def resolver(self) -> dns.resolver.Resolver:
        """A resolver that asks this server alone."""
        made = dns.resolver.Resolver(configure=False)
        made.nameservers, made.port = ["127.0.0.1"], self.port
        return made


@contextmanager
def name_server(address: tuple[str, int] = ("127.0.0.1", 0)) -> Iterator[NameServer]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.settimeout(0.05)
        made = NameServer(listener.getsockname()[1])
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                try:
                    asked, who = listener.recvfrom(4096)
                except TimeoutError:
                    continue
                if not made.silent:
                    listener.sendto(made.answer(asked), who)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield made
        finally:
            ended.set()
            thread.join()
