"""What a person chose about how the site speaks to them."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session

from microblog.accounts.models import User


def choose_language(session: Session, user_id: int, locale: str | None) -> None:
    """Speak this language to them, in pages and in mail; None follows the browser."""
    session.execute(update(User).where(User.id == user_id).values(locale=locale))


def choose_time_zone(session: Session, user_id: int, zone: str | None) -> None:
    """Tell them times in this zone; None follows the browser."""
    session.execute(update(User).where(User.id == user_id).values(time_zone=zone))
