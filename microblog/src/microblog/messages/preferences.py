"""From whom a person gets messages."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from microblog.messages.models import MessagePreference


class Senders(StrEnum):
    """Who may write to a person."""

    EVERYBODY = "everybody"
    FOLLOWING = "following"
    """Whom they follow, and whom they wrote to themselves."""
    NOBODY = "nobody"


def senders_of(session: Session, user_id: int) -> Senders:
    """Who may write to this person; everybody, unless they chose."""
    chosen = select(MessagePreference.senders).where(MessagePreference.user_id == user_id)
    return Senders(session.scalar(chosen) or Senders.EVERYBODY)


def choose_senders(session: Session, user_id: int, senders: Senders) -> None:
    """Let these write to the person from now on."""
    # In one statement, since two tabs may choose for the first time.
    choose = text(
        "INSERT INTO message_preferences (user_id, senders) VALUES (:user_id, :senders)"
        " ON CONFLICT (user_id) DO UPDATE SET senders = excluded.senders"
    )
    session.execute(choose, {"user_id": user_id, "senders": senders.value})
