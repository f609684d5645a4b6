"""The recipients of one message after an attempt: who remains, and what the history records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask_outbox.message.addresses import Address
from flask_outbox.message.email import Email
from flask_outbox.smtp.errors import Meaning, SmtpError

REDIRECTED = "X-Redirected-From"
"""The header with the recipients of a message that MAIL_REDIRECT_TO sends to others."""

NAMED_IN_HEADER = 20

Refusals = Sequence[tuple[str, SmtpError]]

NAMED = 3
"""Of those who were refused for now with the same answer, so many are named in the history."""


def remaining(refused: Refusals) -> list[str]:
    """Those who were not refused for good, first those of whom there were only too many.

    The others would probably be refused again at once.
    """
    left = [one for one in refused if one[1].meaning is not Meaning.REJECT]
    return [who for who, _ in sorted(left, key=lambda one: not one[1].is_too_many)]


def is_unknown(refused: Refusals) -> bool:
    """Whether somebody of them may have got it all the same."""
    return any(error.meaning is Meaning.UNKNOWN for _, error in refused)


def describe(refused: Refusals) -> list[str]:
    """What the history records: each refusal for good, and who waits for the next attempt."""
    final = [one for one in refused if one[1].meaning is Meaning.REJECT]
    lines = [f"{who} was refused ({error})" for who, error in final]
    waiting: dict[str, list[str]] = {}
    for who, error in refused:
        if error.meaning is not Meaning.REJECT:
            waiting.setdefault(str(error), []).append(who)
    for words, people in waiting.items():
        lines += [f"{who} was refused for now ({words})" for who in people[:NAMED]]
        if len(people) > NAMED:
            lines.append(f"so were {len(people) - NAMED} others")
    return lines


def accepted_before(history: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a server accepted the message for somebody before: with an answer of 2yz."""
    return any(str(entry.get("answer") or "").startswith("2") for entry in history)


def redirected(email: Email, recipients: Sequence[str]) -> Email:
    """The same email with a header that names whom it was for: it goes to somebody else."""
    named = ", ".join(recipients[:NAMED_IN_HEADER])
    if len(recipients) > NAMED_IN_HEADER:
        named += f" and {len(recipients) - NAMED_IN_HEADER} others"
    return replace(email, headers={**email.headers, REDIRECTED: named})


def without_beyond_ascii(email: Email) -> Email:
    """The same email without the recipients that only a server with SMTPUTF8 can serve."""

    def keep(group: Sequence[Address]) -> tuple[Address, ...]:
        return tuple(one for one in group if not one.needs_smtputf8)

    return replace(email, to=keep(email.to), cc=keep(email.cc), bcc=keep(email.bcc))
