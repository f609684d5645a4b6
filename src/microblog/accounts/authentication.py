"""Finding an account by what its owner types, and checking the password."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from microblog.accounts.models import User
from microblog.accounts.names import username_key
from microblog.accounts.passwords import hash_password, needs_rehash, verify_password
from microblog.mail import AddressError, address_key


def find_by_email(session: Session, address: str) -> User | None:
    """The account that holds this address or, where none does, the newest that claims it."""
    try:
        key = address_key(address)
    except AddressError:
        return None
    claims = select(User).where(User.email_key == key)
    held_first = (User.email_verified_at.is_(None), User.id.desc())
    return session.scalar(claims.order_by(*held_first).limit(1))


def holder_of(session: Session, email_key: str) -> User | None:
    """The one account that has proved to read the mail of the address with this key."""
    held = User.email_key == email_key, User.email_verified_at.is_not(None)
    return session.scalar(select(User).where(*held))


def find_by_login(session: Session, login: str) -> User | None:
    """The account with this user name or, where there is an @, this address."""
    if "\0" in login:
        return None
    if "@" in login:
        return find_by_email(session, login)
    return session.scalar(select(User).where(User.username_key == username_key(login)))


def authenticate(session: Session, login: str, password: str) -> User | None:
    """The account, if the password is its own and it is not disabled.

    An unknown login and one that is disabled take as long as a wrong password.
    """
    user = find_by_login(session, login)
    password_hash = user.password_hash if user else None
    # The connection goes back before the slow part: hashing must not hold it.
    session.rollback()
    right = verify_password(password_hash, password)
    return user if user and right and user.disabled_at is None else None


def stronger_hash(user: User, password: str) -> str | None:
    """A new hash where the stored one was made with weaker parameters than today's."""
    return hash_password(password) if needs_rehash(user.password_hash) else None
