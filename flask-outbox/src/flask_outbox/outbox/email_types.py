"""Email types: how a kind of message is composed, limited, and tried again."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import Any

from sqlalchemy.orm import Session

from flask_outbox.message.addresses import Address, AddressLike
from flask_outbox.message.email import BadHeaderError, Email

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

FAST_RETRY = (MINUTE, 3 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, HOUR, HOUR)
"""Delays for mail that a person waits for. Greylisting servers expect a second attempt within
minutes; in general, RFC 5321, section 4.5.4.1, asks for half an hour between attempts: the later
delays respect that."""

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

LIST_MAXIMUM = 64
"""Characters in the name of a list, which a List-Id begins with (RFC 2919, section 2)."""

_LIST = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")


class Priority(IntEnum):
    """Which messages leave first: lower numbers overtake higher ones.

    HIGH is for mail that somebody waits for, over a connection that is kept for it; LOW is for
    mail to many. The others are NORMAL.
    """

    HIGH = 0
    NORMAL = 1
    LOW = 2


@dataclass(frozen=True, slots=True)
class ComposeContext:
    """What a composer is told about the message that it composes.

    `recipient` is the address for which it was enqueued, `locale` that person's language, such as
    "en" or "pt_BR"; `arguments` are those with which the message was enqueued; `now` is Unix time
    in seconds; `attempt` counts from 1. `unsubscribe_url` is the address of a page for ending mail
    of its list, to be linked in the text; it is empty where the type has no list.
    """

    recipient: Address
    locale: str
    arguments: Mapping[str, Any]
    now: float
    attempt: int
    unsubscribe_url: str = ""


@dataclass(frozen=True, slots=True)
class Discard:
    """What a composer returns if there is nothing to send; the reason is shown to operators.

    return Discard("The order was withdrawn.")
    """

    reason: str


Composer = Callable[[Session, ComposeContext], Email | Discard]


@dataclass(frozen=True)
class EmailType:
    """One type of email. `outbox.email` of FlaskOutbox makes them, and checks arguments.

    - `name` is stored with each message: it must stay while such messages wait.
    - `compose` writes the message when it leaves, or returns a Discard.
    - `sender` is the author, unless the message or the outbox names one.
    - `priority`: mail of a higher priority leaves first.
    - `expires_after`, a timedelta: how long the message is worth sending; without it, it never
      expires.
    - `delays`: seconds before each further attempt; when they are used up, the message is dead.
    - `repeat_unknown`: send again if the connection or the process died when the server may have
      accepted the message; the second copy has the same Message-ID. Otherwise it ends as `unknown`.
    - `guarded`: strangers can trigger it, so one address gets only few of all such types together.
    - `way_back`: it leads back into an account, so its messages are counted apart from the others.
    - `automatic`: it is not written by a person.
    - `kept`: the names of the arguments that stay in the row once the message is sent.
    - `list`: for mail that people can do without, the name of the list that it belongs to, such as
      "digest": a message goes to one recipient, and not to one who has unsubscribed.
    - `unsubscribe`: instead of a list, for an application that does all this itself, returns the
      https address that ends such mail when it is posted to (RFC 8058).
    - `sample`: makes the context of a preview in a language, in a session that is rolled back.
    - `label`: what operators call it, such as "order confirmation"; without one they see its name.
      A lazy text of Flask-Babel is translated into the reader's language.
    - `check_arguments`: raises OutboxError where a message is enqueued with wrong arguments.
    """

    name: str
    compose: Composer
    sender: AddressLike | None = None
    priority: Priority = Priority.NORMAL
    expires_after: timedelta | None = None
    delays: tuple[float, ...] = SLOW_RETRY
    repeat_unknown: bool = True
    guarded: bool = False
    way_back: bool = False
    automatic: bool = True
    kept: tuple[str, ...] = ()
    unsubscribe: Callable[[str, Mapping[str, Any]], str] | None = None
    sample: Callable[[Session, str], ComposeContext] | None = None
    label: object = None
    check_arguments: Callable[[Mapping[str, Any]], None] | None = None
    list: str | None = None

    def __post_init__(self) -> None:
        if self.list is None:
            return
        if len(self.list) > LIST_MAXIMUM or not _LIST.fullmatch(self.list):
            raise ValueError(
                f"{self.list!r} cannot be the name of a list: it has small letters, digits, hyphens"
                f" and dots between them, and at most {LIST_MAXIMUM} of all."
            )
        if self.unsubscribe is not None:
            raise ValueError(
                f"The email type {self.name!r} has a list, which has links of its own: leave"
                " unsubscribe= out."
            )
        if self.way_back:
            raise ValueError(
                f"The email type {self.name!r} leads back into an account, which nobody can do"
                " without: leave list= out."
            )

    def headers(self, recipient: str, arguments: Mapping[str, Any]) -> dict[str, str]:
        """The headers of every message of this type (RFC 3834; RFC 8058, RFC 2369).

        Raises BadHeaderError if mail programs would not accept the address of `unsubscribe`.
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
        """How many attempts a message of this type has."""
        return 1 + len(self.delays)

    def delay(self, failures: int) -> float | None:
        """Seconds until the next attempt after `failures` failed ones; None after the last."""
        if failures >= self.attempts:
            return None
        return self.delays[failures - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
