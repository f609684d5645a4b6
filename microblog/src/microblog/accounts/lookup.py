"""Finding accounts by address."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Row, Select, select
from sqlalchemy.orm import Session

from flask_outbox import AddressError, AddressLike, address_key
from microblog.accounts.models import User


def find_by_email(session: Session, address: AddressLike) -> User | None:
    """Return the account that has verified this address, else the newest that claims it."""
    try:
        key = address_key(address)
    except AddressError:
        return None
    return session.scalar(_first_claim(select(User), key))


def columns_by_email(session: Session, email_key: str, *columns: Any) -> Row[Any] | None:
    """Return these columns of the account that `find_by_email` finds.

    It is nearly the same work where there is none, as no object is made.
    """
    return session.execute(_first_claim(select(*columns), email_key)).one_or_none()


def owner_of(session: Session, email_key: str) -> User | None:
    """Return the one account that has verified the address with this key."""
    return session.scalar(select(User).where(*owns(email_key)))


def owns(email_key: str) -> tuple[ColumnElement[bool], Any]:
    """The SQL conditions under which an account has verified the address with this key."""
    return User.email_key == email_key, User.email_verified_at.is_not(None)


def _first_claim(query: Select[Any], email_key: str) -> Select[Any]:
    """The query for one account: the one that has verified the address, else the newest."""
    held_first = (User.email_verified_at.is_(None), User.id.desc())
    return query.where(User.email_key == email_key).order_by(*held_first).limit(1)
