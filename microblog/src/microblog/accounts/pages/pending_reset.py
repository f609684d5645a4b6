"""The reset that this browser asked for, in its session cookie, for the log-in page. HTTP only."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from flask import session

from flask_outbox import Outbox, address_key, current_outbox
from microblog.accounts.actions import password_reset
from microblog.accounts.models import User
from microblog.database import transaction
from microblog.web.scope import Scope, current_scope
from microblog.web.times import from_unix

SHOWN_FOR = timedelta(hours=5)
"""Longer than the mail can wait, and its link then works by default."""

BETWEEN = timedelta(minutes=1)
"""Before it can be sent again: most mail has arrived by then."""

MOMENTS_KEPT = 20

_PENDING = "password_reset"
_LOGIN = "login"


@dataclass(frozen=True)
class PendingReset:
    """A reset that was asked for here: with the address `email`, or for the account with `user_id`.

    The latter's link had ended; its address is not told. `moments` are the Unix times of the
    requests. The `nonce` makes the code good in this browser.
    """

    nonce: str
    email: str | None
    user_id: int | None
    moments: list[float]

    def opens_at(self, outbox: Outbox, *, now: datetime) -> datetime | None:
        """When it can be sent again; None for now.

        It depends on what this browser asked for alone, so it tells nothing about the address.
        """
        opens = from_unix(self.moments[-1]) + BETWEEN
        limited = _limited_until(self, outbox, now=now)
        if limited is not None:
            opens = max(opens, from_unix(limited))
        return opens if opens > now else None


def pending_reset() -> PendingReset | None:
    """Return the reset that this browser asked for, unless that was long ago."""
    stored = session.get(_PENDING)
    if not stored:
        return None
    pending = PendingReset(**stored)
    ends_at = from_unix(pending.moments[-1]) + SHOWN_FOR
    return pending if current_scope().now < ends_at else None


def ask_for_reset(address: str, scope: Scope, *, user_id: int | None = None) -> None:
    """Ask for a reset of the account with this address, and remember that in this browser.

    With `user_id` the address is not told. Where the recipient limit will stop the mail, the former
    one and its code stay good.
    """
    before = pending_reset()
    email = address if user_id is None else None
    is_again = before is not None and _key(before.email, before.user_id) == _key(email, user_id)
    moments = before.moments if before and is_again else []
    nonce = secrets.token_urlsafe(32)
    if before and is_again and _limited_until(before, current_outbox(), now=scope.now):
        nonce = before.nonce
    else:
        moments = [*moments, scope.now.timestamp()][-MOMENTS_KEPT:]
    with transaction() as writing:
        password_reset.request_reset(
            writing,
            current_outbox(),
            address,
            scope,
            nonce=nonce,
            former_nonce=before.nonce if before else None,
        )
    session[_PENDING] = asdict(PendingReset(nonce, email, user_id, moments))
    keep_login(email)


def end_pending_reset(user: User) -> None:
    """Forget the reset once this account has its new password, and keep the name for the log-in."""
    session.pop(_PENDING, None)
    keep_login(user.username)


def keep_login(login: str | None) -> None:
    """Let the log-in form begin with this user name or address; None empties it."""
    if login is None:
        session.pop(_LOGIN, None)
    else:
        session[_LOGIN] = login


def kept_login() -> str | None:
    """Return what the log-in form begins with."""
    return session.get(_LOGIN)


def _key(email: str | None, user_id: int | None) -> tuple[str | None, int | None]:
    return address_key(email) if email is not None else None, user_id


def _limited_until(pending: PendingReset, outbox: Outbox, *, now: datetime) -> float | None:
    limit = outbox.delivery.recipient_limit
    return limit.opens_at(pending.moments, now=now.timestamp())
