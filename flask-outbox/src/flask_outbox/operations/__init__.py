"""What an operator may ask about the outbox, and do with it, in code of the application's own.

- `is_stuck`: whether mail is due and none leaves.
- `overview`, `Overview`, `Trouble`: what waits, what left, and what is wrong with the mail server.
- `message_outcomes`, `MessageOutcome`, `MessageCursor`, `OwnershipPeriod`, `words_of_refusal`: what
  became of the mail to somebody, to be shown to them.
- `messages_within`, `events_within`, `erase_address`, `erase_messages`, `erase_within`: somebody's
  data, to be handed out or erased.
- `suppression`, `lift_suppression`, `Suppression`: the addresses that nothing is sent to.
- `opt_out`, `opt_in`, `opt_outs_of`, `is_opted_out`, `OptOut`, `OptOutReason`, `ALL_LISTS`: those
  that get no mail of a list.

Each takes a session, and is part of its transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_outbox.lazy_names import lazy_names

if TYPE_CHECKING:
    from flask_outbox.operations.backlog import Overview, Trouble, is_stuck, overview
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
        events_within,
        messages_within,
    )
    from flask_outbox.outbox.models import OptOut, Suppression
    from flask_outbox.outbox.opt_outs import (
        ALL_LISTS,
        OptOutReason,
        is_opted_out,
        opt_in,
        opt_out,
        opt_outs_of,
    )
    from flask_outbox.outbox.suppressions import lift_suppression, suppression

__all__ = [
    "ALL_LISTS",
    "MessageCursor",
    "MessageOutcome",
    "OptOut",
    "OptOutReason",
    "Overview",
    "OwnershipPeriod",
    "Suppression",
    "Trouble",
    "erase_address",
    "erase_messages",
    "erase_within",
    "events_within",
    "is_opted_out",
    "is_stuck",
    "lift_suppression",
    "message_outcomes",
    "messages_within",
    "opt_in",
    "opt_out",
    "opt_outs_of",
    "overview",
    "suppression",
    "words_of_refusal",
]

_NAMES = {
    "backlog": ("Overview", "Trouble", "is_stuck", "overview"),
    "history": (
        "MessageCursor",
        "MessageOutcome",
        "OwnershipPeriod",
        "message_outcomes",
        "words_of_refusal",
    ),
    "personal_data": (
        "erase_address",
        "erase_messages",
        "erase_within",
        "events_within",
        "messages_within",
    ),
    ".outbox.models": ("OptOut", "Suppression"),
    ".outbox.opt_outs": (
        "ALL_LISTS",
        "OptOutReason",
        "is_opted_out",
        "opt_in",
        "opt_out",
        "opt_outs_of",
    ),
    ".outbox.suppressions": ("lift_suppression", "suppression"),
}

__getattr__, __dir__ = lazy_names(__name__, _NAMES)
