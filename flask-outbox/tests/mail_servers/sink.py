"""A receiving mail server that answers by the local part of the recipient."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.ports import HOST, free_port

SIZE_MAXIMUM = 20_000

ANSWERS = {
    "unknown": "550 5.1.1 Recipient address rejected: User unknown",
    "uncoded": "550 No such user here",
    "policy": "550 5.7.1 Message rejected: poor reputation of the sending host",
    "full": "452 4.2.2 Mailbox full",
}
"""What RCPT is answered for these local parts, whatever follows a plus; all others are taken."""


@dataclass
class Sink:
    """A running server, and whom it took mail for."""

    port: int
    taken: list[str] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        answer = ANSWERS.get(re.split("[+@]", address)[0])
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd calls it so
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        self.taken += envelope.rcpt_tos
        return "250 2.0.0 OK"


class _Controller(Controller):
    def factory(self) -> Any:
        return SMTP(self.handler, hostname="sink.test", data_size_limit=SIZE_MAXIMUM)


@contextmanager
def sink() -> Iterator[Sink]:
    """Start it; it ends with the block."""
    running = Sink(free_port())
    controller = _Controller(running, hostname=HOST, port=running.port)
    controller.start()
    try:
        yield running
    finally:
        controller.stop()
