"""What the outbox refuses to enqueue, with the reason, before anything is written."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from flask_outbox.message.email import Email

KIND_MAXIMUM = 64
"""Characters in the name of a kind; the column has so many."""

# A language, perhaps with a script and a region, in the short form of RFC 5646 (or with Babel's
# underscores); the column has 16 characters.
_LOCALE = re.compile(r"(?=.{2,16}$)[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")


class OutboxError(ValueError):
    """The message cannot be enqueued; nothing was written."""


def check_locale(locale: object) -> str:
    """The locale. Raises OutboxError if it cannot be the name of a language."""
    if not isinstance(locale, str) or not _LOCALE.fullmatch(locale):
        raise OutboxError(f"{locale!r} is not the name of a language.")
    return locale


def check_arguments(arguments: object, *, maximum_bytes: int) -> dict[str, Any]:
    """The arguments as a dictionary.

    Raises OutboxError if they cannot be stored as JSON or are larger than a message may be.
    """
    if not isinstance(arguments, Mapping) or not all(isinstance(name, str) for name in arguments):
        raise OutboxError("The arguments are not names with values.")
    try:
        written = json.dumps(dict(arguments), allow_nan=False, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise OutboxError(
            "The arguments cannot be stored as JSON: they contain a lone surrogate."
        ) from None
    except RecursionError:
        raise OutboxError("The arguments cannot be stored as JSON: too deeply nested.") from None
    except (TypeError, ValueError) as error:
        raise OutboxError(f"The arguments cannot be stored as JSON: {error}") from None
    if len(written) > maximum_bytes:
        raise OutboxError(
            f"The arguments have {len(written)} bytes; at most {maximum_bytes} may be stored"
            " (MAIL_MAX_BYTES)."
        )
    return dict(arguments)


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
