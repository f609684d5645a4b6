"""What the outbox refuses to enqueue, with the reason, before anything is written."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Dialect

from flask_outbox.message.email import Email

KIND_MAXIMUM = 64
"""Characters in the name of a kind; the column has so many."""

OLDEST_SQLITE = (3, 35, 0)
"""The first that has RETURNING."""

MESSAGE = ("to", "arguments", "locale", "key", "send_at")
"""What a message of `enqueue_many` may hold."""

# A language, perhaps with a script and a region, in the short form of RFC 5646 (or with Babel's
# underscores); the column has 16 characters.
_LOCALE = re.compile(r"(?=.{2,16}$)[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")


_encode = json.JSONEncoder(allow_nan=False, ensure_ascii=False).encode


class OutboxError(ValueError):
    """The message cannot be enqueued; nothing was written."""


def explain(message: object, place: int) -> None:
    """Raise OutboxError if this is no message of `enqueue_many`."""
    if not isinstance(message, Mapping):
        raise OutboxError(f"Message {place} isn't a mapping with 'to', but {message!r:.100}.")
    if "to" not in message:
        raise OutboxError(f"Message {place} has no 'to', which is an address.")
    for name in message:
        if name not in MESSAGE:
            raise OutboxError(f"Message {place} has {name!r}, not one of: {', '.join(MESSAGE)}.")


def check_locale(locale: object) -> str:
    """The locale. Raises OutboxError if it cannot be the name of a language."""
    if not isinstance(locale, str) or not _LOCALE.fullmatch(locale):
        raise OutboxError(f"{locale!r} is not the name of a language.")
    return locale


def arguments_json(arguments: object, *, maximum_bytes: int) -> str:
    """The arguments as JSON.

    Raises OutboxError if they cannot be stored as JSON or are larger than a message may be.
    """
    if not isinstance(arguments, Mapping):
        raise OutboxError("The arguments are not names with values.")
    for name in arguments:
        if not isinstance(name, str):
            raise OutboxError(f"The arguments are not names with values: {name!r} is no text.")
    try:
        written = _encode(arguments if type(arguments) is dict else dict(arguments))
        size = len(written.encode())
    except UnicodeEncodeError:
        raise OutboxError(
            "The arguments cannot be stored as JSON: they contain a lone surrogate."
        ) from None
    except RecursionError:
        raise OutboxError("The arguments cannot be stored as JSON: too deeply nested.") from None
    except (TypeError, ValueError) as error:
        raise OutboxError(f"The arguments cannot be stored as JSON: {error}") from None
    if size > maximum_bytes:
        raise OutboxError(
            f"The arguments have {size} bytes; at most {maximum_bytes} may be stored"
            " (MAIL_MAX_BYTES)."
        )
    return written


def key_digest(key: object) -> str | None:
    """What the row stores of a key: keys are long, and may name people.

    Raises OutboxError if it is no text, or empty.
    """
    if key is None:
        return None
    if not isinstance(key, str) or not key:
        raise OutboxError(f"A key is a text that is not empty; {key!r} is none.")
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def check_send_at(send_at: object) -> float | None:
    """The moment as Unix time. Raises OutboxError if it is no datetime with a time zone."""
    if send_at is None:
        return None
    if not isinstance(send_at, datetime):
        raise OutboxError(f"send_at is a datetime; {send_at!r} is none.")
    if send_at.tzinfo is None:
        raise OutboxError("send_at needs a time zone, as datetime.now(UTC) has one.")
    return send_at.timestamp()


def as_text(part: str, value: object) -> str:
    """A part of a message as text, even if it is a lazy translation.

    Raises OutboxError if it is missing or cannot be encoded.
    """
    if value is None:
        raise OutboxError(f"The message has no {part}.")
    text = str(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise OutboxError(f"The {part} contains a lone surrogate.") from None
    return text


def check_size(email: Email, *, maximum_bytes: int) -> None:
    """Raise OutboxError if the message has no recipients or is too large."""
    if not email.recipients:
        raise OutboxError("The message has no recipients.")
    size = email.size_estimate()
    if size > maximum_bytes:
        raise OutboxError(
            f"The message would have about {size} bytes; at most {maximum_bytes} may be sent"
            " (MAIL_MAX_BYTES)."
        )


def check_dialect(dialect: Dialect) -> None:
    """Raise OutboxError for a database that the outbox cannot work with."""
    if dialect.name not in {"sqlite", "postgresql"}:
        raise OutboxError(
            f"The outbox works with SQLite and PostgreSQL; this is {dialect.name}, with which mail"
            " could be lost or sent twice."
        )
    if dialect.name == "sqlite" and sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(str(part) for part in OLDEST_SQLITE)
        raise OutboxError(f"The outbox needs SQLite {oldest}; this is {sqlite3.sqlite_version}.")
