"""A person's own choice of language and time zone."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session

from microblog.accounts.models import User
from microblog.accounts.signals import time_zone_chosen


def choose_language(session: Session, user_id: int, locale: str | None) -> None:
    """Set the language of pages and mail; None follows the browser."""
    session.execute(update(User).where(User.id == user_id).values(locale=locale))


def choose_time_zone(session: Session, user_id: int, zone: str | None) -> None:
    """Set the time zone of pages and mail; None follows the browser."""
    session.execute(update(User).where(User.id == user_id).values(time_zone=zone))
    time_zone_chosen.send(session, user_id=user_id, zone=zone)
