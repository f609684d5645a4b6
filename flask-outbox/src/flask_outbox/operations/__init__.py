"""What an operator may ask about the outbox, and do with it, in code of the application's own.

- `is_stuck`: whether mail is due and none leaves.
- `message_outcomes`, `MessageOutcome`, `MessageCursor`, `OwnershipPeriod`, `words_of_refusal`: what
  became of the mail to somebody, to be shown to them.
- `messages_within`, `erase_address`, `erase_messages`, `erase_within`: somebody's data, to be
  handed out or erased.
- `suppression`, `lift_suppression`, `Suppression`: the addresses that nothing is sent to.

Each takes a session, and is part of its transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_outbox.lazy_names import lazy_names

if TYPE_CHECKING:
    from flask_outbox.operations.backlog import is_stuck
    from flask_outbox.operations.history import (
        MessageCursor,
        MessageOutcome,
        OwnershipPeriod,
        message_outcomes,
        words_of_refusal,
    )
    from flask_outbox.operations.personal_data import (
        erase_address,
        erase_messages,
        erase_within,
        messages_within,
    )
    from flask_outbox.outbox.models import Suppression
    from flask_outbox.outbox.suppressions import lift_suppression, suppression

__all__ = [
    "MessageCursor",
    "MessageOutcome",
    "OwnershipPeriod",
    "Suppression",
    "erase_address",
    "erase_messages",
    "erase_within",
    "is_stuck",
    "lift_suppression",
    "message_outcomes",
    "messages_within",
    "suppression",
    "words_of_refusal",
]

_NAMES = {
    "backlog": ("is_stuck",),
    "history": (
        "MessageCursor",
        "MessageOutcome",
        "OwnershipPeriod",
        "message_outcomes",
        "words_of_refusal",
    ),
    "personal_data": ("erase_address", "erase_messages", "erase_within", "messages_within"),
    ".outbox.models": ("Suppression",),
    ".outbox.suppressions": ("lift_suppression", "suppression"),
}

__getattr__, __dir__ = lazy_names(__name__, _NAMES)
