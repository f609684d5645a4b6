"""Finding an account by what its owner types, checking the password, and logging them in.

There are three steps, since no transaction should be open while a password is compared: which
accounts may be meant, and what the attempt is counted by (`find_candidates`); whether the password
is right (`check`); and the log-in itself (`log_in`).

Sources: OWASP ASVS 5.0, 6.3 and 7.2.4; NIST SP 800-63B-4, 3.2.2; CWE-204 and CWE-208.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from flask_outbox import AddressError, Outbox, address_key
from microblog.accounts.actions.second_factor_recovery import finish_removal
from microblog.accounts.lookup import owns
from microblog.accounts.models import User
from microblog.accounts.passwords import hash_password, needs_rehash, verify_password
from microblog.accounts.second_factors.factors import factors_of, is_trusted
from microblog.accounts.sessions.entry import Entry, open_session
from microblog.accounts.sessions.known_browsers import NOBODY, known_browser
from microblog.accounts.sessions.login_throttle import reset_throttle, throttle_key
from microblog.accounts.sessions.sessions import PASSWORD
from microblog.accounts.tokens import Keys
from microblog.accounts.usernames import username_key
from microblog.web.scope import Scope


@dataclass(frozen=True)
class Candidate:
    """An account that may be meant, as it was when it was looked up."""

    user_id: int
    password_hash: str
    is_disabled: bool


@dataclass(frozen=True)
class Attempt:
    """An attempt to log in.

    `owner` is the account with this user name, or the one that has verified this address.
    `claimant` is the newest account that only claims the address: whoever registered with somebody
    else's address must not learn, by logging in with it, whether that person has an account.

    `key` is what the attempt is counted by; `browser_secrets` are those that the browser sent.
    """

    owner: Candidate | None
    claimant: Candidate | None
    by_address: bool
    key: str
    browser_secrets: Sequence[str]


def find_candidates(
    session: Session, keys: Keys, login: str, browser_secrets: Sequence[str], *, now: datetime
) -> Attempt:
    """Look up which accounts may be meant; the work is the same if there are none."""
    by_address = "@" in login
    if by_address:
        address = _lookup_key(login)
        owner = _candidate(session, *owns(address))
        claimed = User.email_key == address, User.email_verified_at.is_(None)
        claimant = _candidate(session, *claimed)
    else:
        # PostgreSQL accepts no NUL, and no name has one.
        key = username_key(login.replace("\0", "\n"))
        owner, claimant = _candidate(session, User.username_key == key), None
    # Not the claimant's browsers: their secrets would buy guesses at the owner's password.
    known = known_browser(session, owner.user_id if owner else NOBODY, browser_secrets, now=now)
    return Attempt(
        owner, claimant, by_address, throttle_key(keys, login, known or b""), browser_secrets
    )


def check(attempt: Attempt, password: str) -> Candidate | None:
    """Return the account whose password this is, unless it is disabled.

    Slow, so no transaction should be open. An unknown login takes as long as a wrong password.
    """
    meant = [attempt.owner, attempt.claimant] if attempt.by_address else [attempt.owner]
    right = [one for one in meant if _is_password_of(one, password) and one]
    return right[0] if right and not right[0].is_disabled else None


def stronger_hash(candidate: Candidate, password: str) -> str | None:
    """Return a new hash if the stored one was made with weaker parameters than today's."""
    return hash_password(password) if needs_rehash(candidate.password_hash) else None


def log_in(
    session: Session,
    outbox: Outbox,
    attempt: Attempt,
    found: Candidate,
    scope: Scope,
    *,
    better_hash: str | None,
    remembered: bool,
) -> Entry | None:
    """Start a session, unless the account is about to be deleted or asks for a second step.

    Returns None if the password was changed or the account disabled since the look-up: whoever has
    the old password must not slip in beside the new one.
    """
    user = session.get(User, found.user_id, with_for_update=True, populate_existing=True)
    if user is None or user.password_hash != found.password_hash or user.disabled_at is not None:
        return None
    if found == attempt.owner:
        # Not for a claimant, who may be guessing the owner's password in between.
        reset_throttle(session, attempt.key)
    user.password_hash = better_hash or user.password_hash
    finish_removal(session, outbox, user, scope)
    if user.deletes_at is not None or _asks_for_second_step(session, user, attempt, scope):
        return Entry(user, None, attempt.browser_secrets)
    return open_session(
        session,
        outbox,
        user,
        attempt.browser_secrets,
        scope,
        methods=PASSWORD,
        remembered=remembered,
    )


def _asks_for_second_step(session: Session, user: User, attempt: Attempt, scope: Scope) -> bool:
    if not factors_of(session, user.id):
        return False
    browser = known_browser(session, user.id, attempt.browser_secrets, now=scope.now)
    return not is_trusted(session, user.id, browser, now=scope.now)


def _candidate(session: Session, *conditions: ColumnElement[bool]) -> Candidate | None:
    columns = User.id, User.password_hash, User.disabled_at
    newest = select(*columns).where(*conditions).order_by(User.id.desc()).limit(1)
    found = session.execute(newest).one_or_none()
    if found is None:
        return None
    return Candidate(found.id, found.password_hash, found.disabled_at is not None)


def _lookup_key(address: str) -> str:
    try:
        return address_key(address)
    except AddressError:
        # No account has it. It is looked up all the same, so that the time tells nothing.
        return ""


def _is_password_of(candidate: Candidate | None, password: str) -> bool:
    return verify_password(candidate.password_hash if candidate else None, password)
