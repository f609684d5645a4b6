"""What kinds of message there are, how each is composed, and how long each is worth trying."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from sqlalchemy.orm import Session

from flask_outbox.message.addresses import Address, AddressLike
from flask_outbox.message.email import BadHeaderError, Email

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

FAST_RETRY = (MINUTE, 3 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, HOUR, HOUR)
"""Delays for mail that a person waits for. Greylisting wants a second try within minutes, and
RFC 5321, section 4.5.4.1, half an hour between tries in general: the later steps keep to it."""

SLOW_RETRY = (
    5 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    4 * HOUR,
    8 * HOUR,
    12 * HOUR,
    DAY,
)
"""Delays for mail that can wait."""

JITTER = 0.1


class Priority(IntEnum):
    """Lower numbers overtake higher ones."""

    PROMPT = 0
    NORMAL = 1
    BULK = 2


@dataclass(frozen=True, slots=True)
class ComposeContext:
    """What a composer is told: the message that was meant, and the moment it is composed at.

    `now` is Unix time in seconds; `attempt` counts from 1.
    """

    recipient: Address
    locale: str
    arguments: Mapping[str, Any]
    now: float
    attempt: int


@dataclass(frozen=True, slots=True)
class Discard:
    """There is nothing to send; the reason is for the operator's eyes."""

    reason: str


Composer = Callable[[Session, ComposeContext], Email | Discard]


@dataclass(frozen=True)
class EmailType:
    """One kind of message.

    `lifetime` is the seconds after which the message is worthless. `delays` are the seconds before
    each further attempt; when they are spent, the message is dead. `repeat_unknown` says whether to
    send again when the connection or the process died, perhaps after the final dot: a second copy
    carries the same Message-ID; otherwise the message is held for the operator.

    `guarded` kinds can be triggered by strangers, so that one address gets few of them together. Of
    one that is the `way_back` into an account the address gets as many beside the others.
    `automatic` ones are not written by a person. A message that was sent loses its arguments, but
    for those named in `kept`. `unsubscribe` gives the https address that ends messages of a kind
    that is not transactional, when it is posted to. `sample` makes what a preview in a language
    needs, in a session that is rolled back.
    """

    name: str
    compose: Composer
    sender: AddressLike | None = None
    lane: Priority = Priority.NORMAL
    lifetime: float | None = None
    delays: tuple[float, ...] = SLOW_RETRY
    repeat_unknown: bool = True
    guarded: bool = False
    way_back: bool = False
    automatic: bool = True
    kept: tuple[str, ...] = ()
    unsubscribe: Callable[[str, Mapping[str, Any]], str] | None = None
    sample: Callable[[Session, str], ComposeContext] | None = None

    def headers(self, recipient: str, arguments: Mapping[str, Any]) -> dict[str, str]:
        """Headers that every message of this kind has (RFC 3834; RFC 8058, RFC 2369).

        Raises BadHeaderError where the address of `unsubscribe` is none that mail programs take.
        """
        headers = {"Auto-Submitted": "auto-generated"} if self.automatic else {}
        if self.unsubscribe is not None:
            address = self.unsubscribe(recipient, arguments)
            if not re.fullmatch(r"https://[!-;=?-~]+", address):
                raise BadHeaderError("List-Unsubscribe needs an https address (RFC 8058)")
            headers["List-Unsubscribe"] = f"<{address}>"
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return headers

    @property
    def attempts(self) -> int:
        """How many attempts a message of this kind has."""
        return 1 + len(self.delays)

    def delay(self, failures: int) -> float | None:
        """Seconds until the next attempt after `failures` failed ones; None when all are spent."""
        if failures >= self.attempts:
            return None
        return self.delays[failures - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
