"""A mail server for development: accepts every message, delivers none, and keeps the last ones.

Caught messages are files in one folder, so that an inbox in another process can show them. The
envelope is in the trace headers that a delivering server adds (RFC 5321, section 4.4).
"""

from __future__ import annotations

import email
import email.policy
import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from flask_outbox.message.addresses import without_bidi_controls
from flask_outbox.process_signals import on_end

KEPT = 500
SIZE_MAXIMUM = 32 * 1024 * 1024

_NAME = re.compile(r"[0-9]{15,20}")
_URL = re.compile(r"https?://[^\s<>\"')\]]+")


@dataclass(frozen=True)
class CaughtMessage:
    """One message in the folder; `caught_at` is Unix time in seconds."""

    id: str
    caught_at: float
    source: bytes

    @property
    def parsed(self) -> EmailMessage:
        message = email.message_from_bytes(self.source, policy=email.policy.default)
        assert isinstance(message, EmailMessage)  # noqa: S101 - what this policy makes
        return message

    @property
    def subject(self) -> str:
        return self._header("Subject")

    @property
    def sender(self) -> str:
        return self._header("From")

    @property
    def recipients(self) -> list[str]:
        trace = self.source.partition(b"\r\nReceived:")[0].decode("utf-8", "replace")
        return re.findall(r"(?m)^X-Original-To: (.*?)\r?$", trace)

    @property
    def text(self) -> str | None:
        return self._body("plain")

    @property
    def html(self) -> str | None:
        return self._body("html")

    @property
    def links(self) -> list[str]:
        """The links in the text, or in the HTML if there is no text, each once."""
        found = _URL.findall(self.text or self.html or "")
        return list(dict.fromkeys(one.rstrip(".,;") for one in found))

    @property
    def attachments(self) -> list[str]:
        names = (part.get_filename() for part in self.parsed.iter_attachments())
        return [without_bidi_controls(name or "?") for name in names]

    def _header(self, name: str) -> str:
        try:
            return str(self.parsed[name] or "")
        except Exception:  # noqa: BLE001 - a broken header breaks the parser in many ways
            return str(email.message_from_bytes(self.source)[name] or "")

    def _body(self, subtype: str) -> str | None:
        part = self.parsed.get_body((subtype,))
        if part is None:
            return None
        try:
            return str(part.get_content())
        except (LookupError, UnicodeError):
            payload = part.get_payload(decode=True)
            return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else None


class CaughtMail:
    """The folder of caught messages; it keeps the newest KEPT of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, envelope: Envelope, *, client: str) -> CaughtMessage:
        """Store one message, completely or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        number = str(time.time_ns())
        content = envelope.original_content or b""
        trace = [f"Return-Path: <{envelope.mail_from or ''}>"]
        trace += [f"X-Original-To: {one}" for one in envelope.rcpt_tos]
        trace.append(f"Received: from {client}\r\n by the mail catcher; {formatdate()}")
        source = "".join(f"{line}\r\n" for line in trace).encode("utf-8", "replace") + content
        partial = self.folder / f"{number}.partial"
        partial.write_bytes(source)
        partial.rename(self._path(number))
        for old in self._numbers()[KEPT:]:
            self._path(old).unlink(missing_ok=True)
        return CaughtMessage(number, int(number) / 1e9, source)

    def all(self) -> list[CaughtMessage]:
        return [message for number in self._numbers() if (message := self.get(number))]

    def get(self, number: str) -> CaughtMessage | None:
        if not _NAME.fullmatch(number):
            return None
        try:
            return CaughtMessage(number, int(number) / 1e9, self._path(number).read_bytes())
        except FileNotFoundError:
            return None

    def clear(self) -> None:
        for number in self._numbers():
            self._path(number).unlink(missing_ok=True)

    def _numbers(self) -> list[str]:
        if not self.folder.is_dir():
            return []
        names = (Path(entry.name) for entry in os.scandir(self.folder))
        return sorted((one.stem for one in names if one.suffix == ".eml"), reverse=True)

    def _path(self, number: str) -> Path:
        return self.folder / f"{number}.eml"


class Catcher:
    """The SMTP server itself, in a thread of its own. `caught` is called with each message.

    `start` raises OSError if the port is in use.
    """

    def __init__(
        self,
        mail: CaughtMail,
        *,
        host: str = "localhost",
        port: int = 8025,
        caught: Callable[[CaughtMessage], None] = lambda _message: None,
    ) -> None:
        self._mail = mail
        self._caught = caught
        self._controller = _Controller(self, hostname=host, port=port)

    def start(self) -> None:
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        peer = session.peer[0] if session.peer else "nowhere"
        self._caught(self._mail.add(envelope, client=f"{session.host_name} ({peer})"))
        return "250 2.0.0 Caught, and delivered to nobody"


def run_catcher(
    mail: CaughtMail,
    *,
    host: str = "localhost",
    port: int = 8025,
    caught: Callable[[CaughtMessage], None] = lambda _message: None,
) -> None:
    """Catch mail until SIGINT or SIGTERM; `caught` is called with each message.

    Raises OSError if the port is in use. Must be called in the main thread.
    """
    catcher = Catcher(mail, host=host, port=port, caught=caught)
    ended = threading.Event()
    on_end(ended.set)
    catcher.start()
    ended.wait()
    catcher.stop()


class _Controller(Controller):
    def factory(self) -> SMTP:
        return SMTP(
            self.handler, ident="Flask-Outbox mail catcher", enable_SMTPUTF8=True,
            data_size_limit=SIZE_MAXIMUM,
        )  # fmt: skip
