"""A persistent connection to the mail server, replaced when it is used up, stale or broken."""

from __future__ import annotations

import os
import time
from typing import Protocol

from flask_outbox.smtp.client import SmtpClient, SmtpServer
from flask_outbox.smtp.submission import Accepted, Envelope, open_connection, transmit

CHECK_AFTER_SECONDS = 5.0
CLOSE_AFTER_SECONDS = 30.0

FRESH_SECONDS = 0.01
"""A delivery opens the transport before it composes, before it sends, and in sending: so soon after
one look at the socket, another tells nothing."""


class Transport(Protocol):
    """Hands messages to a server. Belongs to one thread."""

    def open(self) -> None:
        """Get ready to send. Raises SmtpError."""

    def offers(self, keyword: str, /) -> bool:
        """Whether the server has an extension, such as "smtputf8", once the transport is open."""

    def send(self, envelope: Envelope) -> Accepted:
        """Hand over one message. Raises SmtpError."""

    def close_if_idle(self) -> None:
        """Close a connection that has not been used for a while."""

    def close(self) -> None:
        """Close the connection."""


class SmtpTransport:
    """A connection that is kept between messages.

    At most `max_emails` messages go over one connection. One that was idle is tested with NOOP
    before it is used. A forked process opens its own.
    """

    def __init__(self, server: SmtpServer, *, max_emails: int | None = None) -> None:
        self.server = server
        self.max_emails = max_emails
        self._client: SmtpClient | None = None
        self._process = 0
        self._sent = 0
        self._used_at = 0.0
        self._checked_at = 0.0

    def open(self) -> None:
        if self._client is not None and not self._is_usable(self._client):
            self.close()
        if self._client is None:
            self._client = open_connection(self.server)
            self._process = os.getpid()
            self._sent = 0
            self._used_at = time.monotonic()

    def _is_usable(self, client: SmtpClient) -> bool:
        used_up = self.max_emails is not None and self._sent >= self.max_emails
        if used_up or client.is_used_up or not client.is_open or self._process != os.getpid():
            return False
        now = time.monotonic()
        if self._used_at < self._checked_at and now - self._checked_at < FRESH_SECONDS:
            return True
        if not client.is_in_step():
            # What the server sent unasked would be taken for its next answer.
            client.close()
            return False
        self._checked_at = now
        if now - self._used_at > CHECK_AFTER_SECONDS:
            self._used_at = now
            return client.is_alive()
        return True

    def offers(self, keyword: str, /) -> bool:
        return self._client is not None and keyword in self._client.features

    def send(self, envelope: Envelope) -> Accepted:
        self.open()
        assert self._client is not None  # noqa: S101 - open() raises or sets it
        accepted = transmit(self._client, envelope)
        self._sent += 1
        self._used_at = time.monotonic()
        return accepted

    def close_if_idle(self) -> None:
        if self._client and time.monotonic() - self._used_at > CLOSE_AFTER_SECONDS:
            self.close()

    def close(self) -> None:
        if self._client is None:
            return
        if self._process == os.getpid():
            self._client.quit()
        else:
            # The process that opened it may be in the middle of a message.
            self._client.close()
        self._client = None


class SuppressedTransport:
    """For MAIL_SUPPRESS_SEND: everything is done except sending."""

    def open(self) -> None:
        pass

    def offers(self, _keyword: str, /) -> bool:
        return True

    def send(self, envelope: Envelope) -> Accepted:
        return Accepted(f"not sent to {len(envelope.recipients)} (MAIL_SUPPRESS_SEND)")

    def close_if_idle(self) -> None:
        pass

    def close(self) -> None:
        pass
