"""The recipients of one message: who is done with, who is left, and what is told of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask_outbox.message.addresses import Address
from flask_outbox.message.email import Email
from flask_outbox.smtp.errors import Meaning, SmtpError

Refusals = Sequence[tuple[str, SmtpError]]

NAMED = 3
"""Of those who are put off for the same reason, so many are named in the history."""


def left_over(refused: Refusals) -> list[str]:
    """Who may be served yet: first those of whom there were only too many.

    Who was put off for another reason would only be put off again by the next turn.
    """
    left = [one for one in refused if one[1].meaning is not Meaning.REJECT]
    return [who for who, _ in sorted(left, key=lambda one: not one[1].is_too_many)]


def told(refused: Refusals) -> list[str]:
    """What the history says: each refusal for good by name, and who waits for the next attempt."""
    final = [one for one in refused if one[1].meaning is Meaning.REJECT]
    said = [f"{who} was refused ({error})" for who, error in final]
    waiting: dict[str, list[str]] = {}
    for who, error in refused:
        if error.meaning is not Meaning.REJECT:
            waiting.setdefault(str(error), []).append(who)
    for words, people in waiting.items():
        said += [f"{who} was refused for now ({words})" for who in people[:NAMED]]
        if len(people) > NAMED:
            said.append(f"so were {len(people) - NAMED} others")
    return said


def served_before(history: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the server took it for somebody at an earlier attempt: its answer begins with 2."""
    return any(str(entry.get("answer") or "").startswith("2") for entry in history)


def without_beyond_ascii(email: Email) -> Email:
    """The same e-mail without the recipients whom only a server with SMTPUTF8 can serve."""

    def keep(group: Sequence[Address]) -> tuple[Address, ...]:
        return tuple(one for one in group if not one.needs_smtputf8)

    return replace(email, to=keep(email.to), cc=keep(email.cc), bcc=keep(email.bcc))
