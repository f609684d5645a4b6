"""The browsers in which an account was logged in before.

The browser keeps a secret for each of its accounts, the row the secret's digest. Knowing a browser
proves nothing: it spares its owner a notice, and the throttle that strangers run into.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from microblog.accounts.models import KnownBrowser
from microblog.accounts.secrets import secret_digest

KNOWN_FOR = timedelta(days=365)
"""Counted from the last log-in there."""

SECRETS_KEPT = 5
"""As many people share a browser without being strangers to it."""

BROWSERS_KEPT = 50
"""Of one account; the one that was not used for longest makes room. Some keep no cookies."""

REMOVED_AT_ONCE = 1000

_SECRET = re.compile(r"[\w-]{43}", re.ASCII)
_SEPARATOR = "."

NOBODY = 0
"""No account has this number; looking it up is as much work as looking up one that exists."""


def read_secrets(cookie: str) -> list[str]:
    """The secrets in a cookie, the newest last; of what is something else, nothing."""
    parts = cookie.split(_SEPARATOR, SECRETS_KEPT)[:SECRETS_KEPT]
    return [part for part in parts if _SECRET.fullmatch(part)]


def as_cookie(browser_secrets: Sequence[str]) -> str:
    return _SEPARATOR.join(browser_secrets)


def known_browser(
    session: Session, user_id: int, browser_secrets: Sequence[str], *, now: datetime
) -> bytes | None:
    """The digest under which the account knows the browser that holds these secrets, if it does."""
    return session.scalar(
        select(KnownBrowser.digest)
        .where(
            KnownBrowser.user_id == user_id,
            KnownBrowser.digest.in_([secret_digest(secret) for secret in browser_secrets]),
            KnownBrowser.seen_at > now - KNOWN_FOR,
        )
        .limit(1)
    )


def remember_browser(
    session: Session, user_id: int, browser_secrets: Sequence[str], *, now: datetime
) -> tuple[list[str], bool]:
    """Let the account know this browser; returns what it shall hold, and whether it was known.

    A browser that the account does not know gets a new secret: one that was planted there is
    worthless.
    """
    digest = known_browser(session, user_id, browser_secrets, now=now)
    if digest is not None:
        known = KnownBrowser.user_id == user_id, KnownBrowser.digest == digest
        session.execute(update(KnownBrowser).where(*known).values(seen_at=now))
        return list(browser_secrets), True
    secret = secrets.token_urlsafe(32)
    session.add(KnownBrowser(user_id=user_id, digest=secret_digest(secret), seen_at=now))
    session.flush()
    _make_room(session, user_id)
    return [*browser_secrets, secret][-SECRETS_KEPT:], False


def forget_browsers(session: Session, user_id: int) -> None:
    """Let every browser be a stranger to this account."""
    session.execute(delete(KnownBrowser).where(KnownBrowser.user_id == user_id))


def prune_browsers(session: Session, now: datetime) -> bool:
    """Remove a batch of browsers that were not used for too long; whether there are more."""
    old = KnownBrowser.seen_at < now - KNOWN_FOR
    found = session.scalars(select(KnownBrowser.id).where(old).limit(REMOVED_AT_ONCE)).all()
    session.execute(delete(KnownBrowser).where(KnownBrowser.id.in_(found), old))
    return len(found) == REMOVED_AT_ONCE


def _make_room(session: Session, user_id: int) -> None:
    theirs = KnownBrowser.user_id == user_id
    newest = KnownBrowser.seen_at.desc(), KnownBrowser.id.desc()
    keep = select(KnownBrowser.id).where(theirs).order_by(*newest).limit(BROWSERS_KEPT)
    kept = session.scalars(keep).all()
    if len(kept) == BROWSERS_KEPT:
        session.execute(delete(KnownBrowser).where(theirs, KnownBrowser.id.not_in(kept)))
