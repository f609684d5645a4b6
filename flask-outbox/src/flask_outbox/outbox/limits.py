"""How much mail that strangers can trigger one address gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_outbox.defaults import RECIPIENT_DAILY, RECIPIENT_MESSAGES, RECIPIENT_MINUTES
from flask_outbox.outbox.email_types import DAY, MINUTE


@dataclass(frozen=True)
class RecipientLimit:
    """How many messages that strangers can trigger one address gets of each share.

    At most `messages` within `seconds`, and `daily` within a day.
    """

    messages: int = RECIPIENT_MESSAGES
    seconds: float = RECIPIENT_MINUTES * MINUTE
    daily: int = RECIPIENT_DAILY

    def opens_at(self, posted: Sequence[float], *, now: float) -> float | None:
        """When the next message would be let through after those posted then; None for now."""
        opens = now
        for most, seconds in ((self.messages, self.seconds), (self.daily, DAY)):
            counted = sorted(moment for moment in posted if moment > now - seconds)
            if len(counted) >= most:
                opens = max(opens, counted[-most] + seconds)
        return opens if opens > now else None


@dataclass(frozen=True, slots=True)
class Share:
    """Kinds of message that are counted together, so that others do not use it up.

    One that `stays_open` has one message an hour also when the day's are used up: else a stranger
    could shut the owner of an address out for the day.
    """

    kinds: tuple[str, ...]
    stays_open: bool = False
