"""The browsers in which an account was logged in before.

A browser keeps a secret for each account, and the row the secret's digest. A known browser proves
nothing: it only spares its owner a notice, and the throttle that strangers run into.
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
"""Since the last log-in there."""

SECRETS_KEPT = 5
"""So many people can share a browser in which each is known."""

BROWSERS_KEPT = 50
"""Of one account; the least recently used is removed. Some browsers keep no cookies."""

REMOVED_AT_ONCE = 1000

_SECRET = re.compile(r"[\w-]{43}", re.ASCII)
_SEPARATOR = "."

NOBODY = 0
"""The id of no account; to look it up is as much work as to look up an account."""


def read_secrets(cookie: str) -> list[str]:
    """Return the secrets in a cookie, the newest last; everything else is ignored."""
    parts = cookie.split(_SEPARATOR, SECRETS_KEPT)[:SECRETS_KEPT]
    return [part for part in parts if _SECRET.fullmatch(part)]


def as_cookie(browser_secrets: Sequence[str]) -> str:
    return _SEPARATOR.join(browser_secrets)


def known_browser(
    session: Session, user_id: int, browser_secrets: Sequence[str], *, now: datetime
) -> bytes | None:
    """Return the digest by which the account knows the browser with these secrets, if it does."""
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
    """Let the account know this browser; return the secrets to keep, and whether it was known.

    An unknown browser gets a new secret, so that one that was planted there is worthless.
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


def renew_browser(
    session: Session, user_id: int, browser_secrets: Sequence[str], *, now: datetime
) -> tuple[list[str], bytes | None]:
    """Give this known browser a new secret; return the secrets to keep, and the new digest.

    Whoever had the former one, or planted it, does not have the new one.
    """
    digest = known_browser(session, user_id, browser_secrets, now=now)
    secret = secrets.token_urlsafe(32)
    known = KnownBrowser.user_id == user_id, KnownBrowser.digest == digest
    session.execute(update(KnownBrowser).where(*known).values(digest=secret_digest(secret)))
    kept = [one for one in browser_secrets if secret_digest(one) != digest]
    return [*kept, secret], secret_digest(secret)


def forget_browsers(session: Session, user_id: int) -> None:
    """Forget all browsers of this account."""
    session.execute(delete(KnownBrowser).where(KnownBrowser.user_id == user_id))


def prune_browsers(session: Session, now: datetime) -> bool:
    """Delete a batch of browsers that were not used for long; return whether there may be more."""
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
