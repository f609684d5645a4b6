"""Making an account.

It claims its address until the address is verified: several accounts may claim one address, but
only one can verify it. So whoever registers does not learn who has an account, neither from the
answer, nor from its time, nor by trying the new account out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from flask_outbox import Outbox, address_key, parse_address
from microblog.accounts.actions.verification import request_verification
from microblog.accounts.audit.security_log import SecurityEventType, record
from microblog.accounts.confusables import skeleton
from microblog.accounts.lookup import owner_of
from microblog.accounts.models import User
from microblog.accounts.pending_changes import AddressTakenError, require_unreserved
from microblog.accounts.sessions.entry import Entry
from microblog.accounts.sessions.known_browsers import remember_browser
from microblog.accounts.sessions.sessions import start_session
from microblog.accounts.signals import account_created
from microblog.accounts.usernames import check_username, username_key
from microblog.web.scope import Scope

SENT_AGAIN_WITHIN = timedelta(minutes=1)
"""A form that was sent twice, by a double click or over a bad connection, comes again so soon."""


class TakenError(Exception):
    """Another account has the name or the address; `field` is "username" or "email".

    With `is_confusable`, the names are different but look the same.
    """

    def __init__(self, field: str, *, is_confusable: bool = False) -> None:
        self.field = field
        self.is_confusable = is_confusable
        super().__init__(f"Another account has this {field}.")


class NotAdmittedError(Exception):
    """The invitation cannot be used any more; nothing was written."""


Admit = Callable[[Session], None]
"""What lets somebody in, in the transaction that makes their account. Raises NotAdmittedError."""


def admit_everybody(_session: Session) -> None:
    """For a site on which everybody can register."""


def register(
    session: Session,
    outbox: Outbox,
    scope: Scope,
    *,
    username: str,
    email: str,
    password_hash: str,
    browser_secrets: Sequence[str],
    admit: Admit = admit_everybody,
) -> Entry:
    """Make an account, mail a link with which its address is verified, and start a session.

    Raises UsernameError, AddressError, TakenError for a user name, or NotAdmittedError. Nothing is
    looked up by the address: the same is written whether another account has it or not.
    """
    admit(session)
    user = create_account(session, username=username, email=email, password_hash=password_hash)
    record(session, user.id, SecurityEventType.REGISTERED, scope)
    request_verification(session, outbox, user, scope)
    visitor = start_session(session, user, scope, remembered=False)
    secrets, _ = remember_browser(session, user.id, browser_secrets, now=scope.now)
    record(session, user.id, SecurityEventType.LOGGED_IN, scope)
    return Entry(user, visitor, secrets)


def made_just_now(session: Session, *, username: str, email: str, now: datetime) -> int | None:
    """Return the account that was registered with this name and address a moment ago."""
    return session.scalar(
        select(User.id).where(
            User.username_key == username_key(username),
            User.email_key == address_key(email),
            User.email_verified_at.is_(None),
            User.registered_at > now - SENT_AGAIN_WITHIN,
        )
    )


def create_account(
    session: Session,
    *,
    username: str,
    email: str,
    password_hash: str,
    verified_at: datetime | None = None,
) -> User:
    """Make an account without any mail; with `verified_at`, its address counts as verified.

    Raises UsernameError, AddressError, or TakenError: for a user name that another account has or
    that looks like one, or, with `verified_at`, for an address that another account has verified or
    can still get back. Nothing is written then.
    """
    check_username(username)
    address = parse_address(email, public=True)
    user = User(
        username=unicodedata.normalize("NFC", username),
        username_key=username_key(username),
        username_skeleton=skeleton(username),
        email=address.mailbox,
        email_key=address.key,
        email_verified_at=verified_at,
        password_hash=password_hash,
    )
    _require_free(session, user)
    try:
        with session.begin_nested():
            session.add(user)
            session.flush()
            if verified_at:
                require_unreserved(
                    session, user.email_key, exclude_user_id=user.id, now=verified_at
                )
    except AddressTakenError:
        raise TakenError("email") from None
    except IntegrityError:
        # Somebody else was faster, between the query and the insert.
        _require_free(session, user)
        raise TakenError("username") from None
    account_created.send(session, user=user)
    return user


def require_free_name(
    session: Session, *, key: str, skeleton: str | None, exclude_user_id: int | None = None
) -> None:
    """Raise TakenError if another account has this name, or one that looks like it.

    `exclude_user_id` is the account that gets the name; without `skeleton`, looks do not matter.
    """
    found = session.scalars(
        select(User.username_key).where(
            or_(User.username_key == key, User.username_skeleton == skeleton),
            User.id.is_distinct_from(exclude_user_id),
        )
    ).all()
    if found:
        raise TakenError("username", is_confusable=key not in found)


def _require_free(session: Session, user: User) -> None:
    require_free_name(session, key=user.username_key, skeleton=user.username_skeleton)
    if user.email_verified_at and owner_of(session, user.email_key):
        raise TakenError("email")
