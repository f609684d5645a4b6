"""The limit on how much mail that strangers can trigger one address gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_outbox.defaults import RECIPIENT_DAILY, RECIPIENT_MESSAGES, RECIPIENT_MINUTES
from flask_outbox.outbox.email_types import DAY, MINUTE


@dataclass(frozen=True)
class RecipientLimit:
    """How many messages of types that strangers can trigger (`guarded`) one address gets.

    At most `messages` within `seconds`, and `daily` within a day, of all such types together; those
    that lead back into an account (`way_back`) are counted apart, each type by itself. What is
    beyond is discarded.
    """

    messages: int = RECIPIENT_MESSAGES
    seconds: float = RECIPIENT_MINUTES * MINUTE
    daily: int = RECIPIENT_DAILY

    def opens_at(self, enqueued: Sequence[float], *, now: float) -> float | None:
        """When the next message would be admitted after those enqueued then; None for now.

        All are moments in Unix seconds.
        """
        opens = now
        for most, seconds in ((self.messages, self.seconds), (self.daily, DAY)):
            counted = sorted(moment for moment in enqueued if moment > now - seconds)
            if len(counted) >= most:
                opens = max(opens, counted[-most] + seconds)
        return opens if opens > now else None


@dataclass(frozen=True, slots=True)
class Share:
    """Kinds of message that are counted together for the limit.

    A share that `stays_open` admits one message an hour even after the day's messages are used up:
    otherwise a stranger could lock out the owner of an address for the day.
    """

    kinds: tuple[str, ...]
    stays_open: bool = False
