"""What happened to an account, written down for its owner to read (kept 90 days)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from microblog.accounts.models import SecurityEvent
from microblog.web.clients import Place


class Happening(StrEnum):
    """The kinds of events. Their names are stored; their sentences are in the page."""

    REGISTERED = "registered"
    EMAIL_VERIFIED = "email_verified"
    LOGGED_IN = "logged_in"
    LOGGED_IN_NEW_BROWSER = "logged_in_new_browser"
    LOGGED_OUT = "logged_out"
    SESSION_ENDED = "session_ended"
    SESSIONS_ENDED = "sessions_ended"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of an event
    PASSWORD_RESET = "password_reset"  # noqa: S105 - the name of an event
    EMAIL_CHANGE_ASKED = "email_change_asked"
    EMAIL_CHANGE_CANCELLED = "email_change_cancelled"
    EMAIL_CHANGED = "email_changed"
    EMAIL_CHANGE_UNDONE = "email_change_undone"
    DELETION_ASKED = "deletion_asked"
    DELETION_UNDONE = "deletion_undone"
    REPORTED = "reported"
    """Its owner pressed "this wasn't me" in a notice."""
    EXPORTED = "exported"
    DISABLED = "disabled"
    ENABLED = "enabled"
    RESET_STARTED = "reset_started"
    """An administrator had a reset link mailed to the owner."""


def record(
    session: Session,
    user_id: int,
    happening: Happening,
    place: Place,
    *,
    now: datetime,
    **details: str,
) -> None:
    """Write down what happened, in the transaction in which it did. `details` hold no secret."""
    session.add(
        SecurityEvent(
            user_id=user_id,
            kind=happening.value,
            at=now,
            browser=place.browser,
            address=place.address,
            details=details,
        )
    )
