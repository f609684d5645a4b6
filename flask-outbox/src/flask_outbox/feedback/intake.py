"""Storing what came in about mail: all that is done before it is answered for."""

from __future__ import annotations

import re
from email.parser import BytesHeaderParser
from email.policy import compat32
from hashlib import sha256

from sqlalchemy import text
from sqlalchemy.orm import Session

from flask_outbox.message.return_path import find_tokens
from flask_outbox.outbox.models import MailReport

KEPT_BYTES = 1_000_000
"""Of a message that came back. What it says stands before the message that it returns (RFC 3462),
which may have any size."""

_LONGEST_EVENT_ID = 255
_LONGEST_RECIPIENT = 320

_LONGEST_HEADER = 65_536

_END_OF_HEADER = re.compile(rb"\r?\n\r?\n")

_DELIVERED_TO = ("X-Original-To", "Delivered-To", "Envelope-To", "X-Delivered-To")
"""Where servers note the envelope's recipient, before or after it was rewritten."""

_STORE = text(
    "INSERT INTO mail_reports"
    " (source, event_id, received_at, due_at, envelope_recipient, content)"
    " VALUES (:source, :event_id, :now, :due_at, :envelope_recipient, :content)"
    " ON CONFLICT (source, event_id) DO NOTHING RETURNING id"
)


def store(
    session: Session,
    *,
    source: str,
    event_id: str,
    content: bytes,
    envelope_recipient: str = "",
    now: float,
    due_at: float | None = None,
) -> bool:
    """Write a row of `mail_reports`; return False if its event is there already.

    It is worked off from `due_at` on, by default from now on; times are Unix seconds. The
    `event_id` is stored as `fitting_event_id` makes it.
    """
    stored = session.scalar(
        _STORE,
        {
            "source": source,
            "event_id": fitting_event_id(event_id),
            "now": now,
            "due_at": now if due_at is None else due_at,
            "envelope_recipient": _address(envelope_recipient),
            "content": content,
        },
        bind_arguments={"mapper": MailReport},
    )
    return stored is not None


def store_message(
    session: Session, *, source: str, content: bytes, envelope_recipient: str = "", now: float
) -> bool:
    """Store a message that came in by mail, and of a large one its beginning.

    Without an `envelope_recipient`, that is the one that a server wrote into the header. Its event
    is the digest of what is stored, so that the same message counts once however often a server
    hands it over. Returns False if it is there already.
    """
    kept = content[:KEPT_BYTES]
    envelope_recipient = envelope_recipient or _delivered_to(kept)
    return store(
        session,
        source=source,
        event_id=sha256(envelope_recipient.encode(errors="replace") + b"\0" + kept).hexdigest(),
        content=kept,
        envelope_recipient=envelope_recipient,
        now=now,
    )


def _delivered_to(content: bytes) -> str:
    """The address that a server says it delivered to: one with a token, where several are said.

    Anybody can write such a header: what it says is worth as much as the token in it.
    """
    end = _END_OF_HEADER.search(content)
    header = content[: end.start() if end else _LONGEST_HEADER][:_LONGEST_HEADER]
    written = BytesHeaderParser(policy=compat32).parsebytes(header)
    found = [str(one) for name in _DELIVERED_TO for one in written.get_all(name, [])]
    return next(filter(find_tokens, found), found[0] if found else "")


def fitting_event_id(event_id: str) -> str:
    """The id as columns hold it: its digest, where it is too long or not printable."""
    # PostgreSQL takes no NUL, and no surrogates.
    if len(event_id) <= _LONGEST_EVENT_ID and event_id.isprintable():
        return event_id
    return sha256(event_id.encode(errors="surrogatepass")).hexdigest()


def _address(written: str) -> str:
    """The address that a message was delivered to; nothing where it cannot be one of ours."""
    bare = written.strip().removeprefix("<").removesuffix(">")
    return bare if len(bare) <= _LONGEST_RECIPIENT and bare.isascii() and bare.isprintable() else ""
