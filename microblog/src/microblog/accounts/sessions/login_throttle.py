"""How often anybody may try to log in as one user, wherever they are.

Attempts are counted by what was typed, whether it is an account or not: a limit that only accounts
have would tell who has one. So a user name and an address are counted separately, even if they
belong to the same account. A row stores only a keyed digest: some people type their password there.

It locks nobody out. After ten failures each further attempt has to wait, at most an hour. A reset
ends the wait. A known browser of the account has a count of its own, which strangers cannot use up
(OWASP's device cookies), and so has a session in which the password is asked for once more. The
codes beside reset links are counted like this, too, separately; the link works meanwhile. So are
the codes of a second step: a passkey and a recovery code work meanwhile. So are the mails to the
owner that whoever knows the password can ask for; a link that was mailed works meanwhile.

Sources: OWASP ASVS 5.0, 6.3.1; NIST SP 800-63B-4, 3.2.2; OWASP Authentication Cheat Sheet.
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import bindparam, delete, select, text
from sqlalchemy.orm import Session

from flask_outbox import AddressError, address_key
from microblog.accounts.models import LoginThrottle, User
from microblog.accounts.tokens import Keys
from microblog.accounts.usernames import username_key
from microblog.database import UTCDateTime

LOGIN = "login"
RESET_CODE = "reset code"
SECOND_STEP = "second step"
LOST_FACTOR = "lost factor"

FREE_FAILURES = 10
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
FORGOTTEN_AFTER = timedelta(days=1)
REMOVED_AT_ONCE = 1000

# A row that exists is written as well, which locks it until the transaction ends.
_HOLD = text(
    "INSERT INTO login_throttles (key, failures, failed_at) VALUES (:key, 0, :now)"
    " ON CONFLICT (key) DO UPDATE SET key = excluded.key"
).bindparams(bindparam("now", type_=UTCDateTime()))


def throttle_key(keys: Keys, login: str, browser: bytes = b"", *, purpose: str = LOGIN) -> str:
    """Return what attempts are counted by; all spellings of one login share it.

    `browser` is the digest of a known browser or of a session; `purpose` is what is attempted.
    """
    spelling = f"{browser.hex()}\0{_one_spelling(login)}".encode()
    text = purpose.encode() + b"\0" + spelling
    return hmac.new(keys.current.encode(), text, "sha256").hexdigest()


def admit(session: Session, key: str, *, now: datetime) -> timedelta | None:
    """Admit one attempt and count it as failed, or return how long to wait.

    It is exact for simultaneous attempts if the transaction is committed before the password is
    compared. Attempts that are not admitted are not counted.
    """
    session.execute(_HOLD, {"key": key, "now": now})
    throttle = session.get_one(LoginThrottle, key, populate_existing=True)
    if throttle.blocked_until is not None and now < throttle.blocked_until:
        return throttle.blocked_until - now
    if now - throttle.failed_at >= FORGOTTEN_AFTER:
        throttle.failures = 0
    throttle.failures += 1
    throttle.failed_at = now
    throttle.blocked_until = (
        now + _wait(throttle.failures) if throttle.failures >= FREE_FAILURES else None
    )
    return None


def reset_throttle(session: Session, key: str) -> None:
    """Forget the failures, since the password was right."""
    session.execute(delete(LoginThrottle).where(LoginThrottle.key == key))


def reset_account_throttle(session: Session, keys: Keys, user: User) -> None:
    """Forget the failures for this account's name and address, log-ins and codes."""
    for login in (user.username, user.email):
        reset_throttle(session, throttle_key(keys, login))
    reset_throttle(session, throttle_key(keys, user.email, purpose=RESET_CODE))


def whole_minutes(wait: timedelta) -> int:
    """Round up to whole minutes, for people to read."""
    return ceil(wait / timedelta(minutes=1))


def prune_throttles(session: Session, now: datetime) -> bool:
    """Delete a batch of old counts; return whether there may be more."""
    old = LoginThrottle.failed_at < now - FORGOTTEN_AFTER
    found = session.scalars(select(LoginThrottle.key).where(old).limit(REMOVED_AT_ONCE)).all()
    session.execute(delete(LoginThrottle).where(LoginThrottle.key.in_(found), old))
    return len(found) == REMOVED_AT_ONCE


def _one_spelling(login: str) -> str:
    if "@" not in login:
        return username_key(login)
    try:
        return address_key(login)
    except AddressError:
        return login.casefold()


def _wait(failures: int) -> timedelta:
    doublings = min(failures - FREE_FAILURES, 10)
    return min(FIRST_WAIT * 2**doublings, LONGEST_WAIT)
