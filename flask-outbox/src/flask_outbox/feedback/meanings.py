"""What an event says about a message, in the few words that consequences are drawn from."""

from __future__ import annotations

from enum import StrEnum


class Meaning(StrEnum):
    """What an event says. Values are stored, so they stay."""

    DELIVERED = "delivered"
    """The receiver's server put it into the mailbox, or said that it did."""
    DELAYED = "delayed"
    """It is still tried; another event follows."""
    DEAD = "dead"
    """There is no such address."""
    FULL = "full"
    """The mailbox has no room."""
    AMBIGUOUS = "ambiguous"
    """The address did not take it, for a reason that may pass."""
    POLICY = "policy"
    """Refused for who sends it: reputation, authentication, rate. Never the address's fault."""
    MESSAGE = "message"
    """Refused for what this message is: its size, its form, its content."""
    PATH = "path"
    """No server could be reached, or none that would pass it on."""
    COMPLAINT = "complaint"
    """Its reader called it spam."""
    UNSUBSCRIBED = "unsubscribed"
    """Its reader wants no more of the kind, as the provider says."""
    PROVIDER = "provider"
    """The provider itself suppresses the address, and sent nothing."""
    UNKNOWN = "unknown"
    """Nobody understands it: shown to operators, and without consequences."""
