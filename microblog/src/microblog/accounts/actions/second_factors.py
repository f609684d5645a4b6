"""Adding and removing second factors: each is recorded, and reported to the owner.

Sources: OWASP ASVS 5.0, 6.3.7 (notices) and 7.5.1 (a proof before each change).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from flask_outbox import Outbox
from microblog.accounts.audit.notices import enqueue_notice
from microblog.accounts.audit.security_log import SecurityEventType, record
from microblog.accounts.models import Authenticator, User
from microblog.accounts.second_factors.authenticator import confirm_authenticator
from microblog.accounts.second_factors.factors import (
    end_trust,
    end_without_factors,
    factors_of,
    remove_factors,
    stop_removal,
)
from microblog.accounts.second_factors.passkeys import (
    PASSKEYS_KEPT,
    find_passkey,
    passkeys_of,
    register,
)
from microblog.accounts.second_factors.recovery_codes import codes_left, issue_codes
from microblog.accounts.second_factors.relying_party import PasskeyError, RelyingParty
from microblog.accounts.sessions.reauthentication import lock_account
from microblog.accounts.tokens import Keys
from microblog.web.scope import Scope

CHANGED_KIND = "accounts.second_factor_changed"


class TooManyPasskeysError(Exception):
    """The account has as many passkeys as one can have."""


class Change(StrEnum):
    """What happened to the second factors of an account. The values are stored with the mail."""

    AUTHENTICATOR_ADDED = "authenticator_added"
    AUTHENTICATOR_REMOVED = "authenticator_removed"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    PASSKEY_COPIED = "passkey_copied"
    CODES_RENEWED = "codes_renewed"
    CODE_USED = "code_used"
    REMOVED_BY_ADMINISTRATOR = "removed_by_administrator"
    REMOVED_AFTER_WAITING = "removed_after_waiting"


_EVENTS = {
    Change.AUTHENTICATOR_ADDED: SecurityEventType.AUTHENTICATOR_ADDED,
    Change.AUTHENTICATOR_REMOVED: SecurityEventType.AUTHENTICATOR_REMOVED,
    Change.PASSKEY_ADDED: SecurityEventType.PASSKEY_ADDED,
    Change.PASSKEY_REMOVED: SecurityEventType.PASSKEY_REMOVED,
    Change.PASSKEY_COPIED: SecurityEventType.PASSKEY_COPIED,
    Change.CODES_RENEWED: SecurityEventType.RECOVERY_CODES_RENEWED,
    Change.CODE_USED: SecurityEventType.RECOVERY_CODE_USED,
    Change.REMOVED_BY_ADMINISTRATOR: SecurityEventType.SECOND_FACTOR_REMOVED,
    Change.REMOVED_AFTER_WAITING: SecurityEventType.SECOND_FACTOR_REMOVED,
}


def add_authenticator(
    session: Session,
    outbox: Outbox,
    keys: Keys,
    scope: Scope,
    *,
    user_id: int,
    code: str,
    begun_in: bytes,
) -> list[str] | None:
    """Let the app that shows this code count; return new recovery codes if it is the first factor.

    Returns None if it is no code of the app that was begun in this session (its digest).
    """
    user = lock_account(session, user_id)
    is_first = not factors_of(session, user_id)
    if user is None or not confirm_authenticator(
        session, keys, user_id, code, begun_in=begun_in, now=scope.now
    ):
        return None
    return factor_added(session, outbox, user, Change.AUTHENTICATOR_ADDED, scope, is_first=is_first)


def remove_authenticator(session: Session, outbox: Outbox, user_id: int, scope: Scope) -> bool:
    """Remove the account's app; return whether there was one."""
    user = lock_account(session, user_id)
    own = Authenticator.user_id == user_id
    removed = session.execute(delete(Authenticator).where(own)).rowcount  # type: ignore[attr-defined]
    if user is None or not removed:
        return False
    factor_removed(session, outbox, user, Change.AUTHENTICATOR_REMOVED, scope)
    return True


def renew_codes(session: Session, outbox: Outbox, user_id: int, scope: Scope) -> list[str] | None:
    """Return new recovery codes in place of the former; None if the account has no factor."""
    user = lock_account(session, user_id)
    if user is None or not factors_of(session, user_id):
        return None
    tell(session, outbox, user, Change.CODES_RENEWED, scope)
    return issue_codes(session, user_id, now=scope.now)


def tell_code_used(session: Session, outbox: Outbox, user: User, scope: Scope) -> None:
    """Record that a recovery code was used, and tell the owner how many are left."""
    left = codes_left(session, user.id)
    tell(session, outbox, user, Change.CODE_USED, scope, left=left)


def factor_added(
    session: Session,
    outbox: Outbox,
    user: User,
    change: Change,
    scope: Scope,
    *,
    is_first: bool,
    name: str = "",
) -> list[str]:
    """Report a new factor. Returns the account's recovery codes if it is its first, else none."""
    end_trust(session, user.id)
    stop_removal(session, user.id)
    tell(session, outbox, user, change, scope, name=name)
    return issue_codes(session, user.id, now=scope.now) if is_first else []


def factor_removed(
    session: Session, outbox: Outbox, user: User, change: Change, scope: Scope, *, name: str = ""
) -> None:
    """Report that a factor is gone; with the last one, all that belongs to them goes."""
    end_trust(session, user.id)
    if not factors_of(session, user.id):
        end_without_factors(session, user.id)
    tell(session, outbox, user, change, scope, name=name)


def remove_second_factor(
    session: Session, outbox: Outbox, user: User, change: Change, scope: Scope, *, by: str = ""
) -> bool:
    """Remove all second factors of the account; return whether it had any."""
    if not factors_of(session, user.id):
        return False
    remove_factors(session, user.id)
    tell(session, outbox, user, change, scope, by=by)
    return True


def tell(
    session: Session,
    outbox: Outbox,
    user: User,
    change: Change,
    scope: Scope,
    *,
    name: str = "",
    left: int | None = None,
    by: str = "",
) -> None:
    """Record the change, and report it to the owner. `by`, an administrator, is for the log."""
    details = {key: value for key, value in (("name", name), ("by", by)) if value}
    record(session, user.id, _EVENTS[change], scope, **details)
    about: dict[str, Any] = {"name": name} if name else {}
    if left is not None:
        about["left"] = left
    enqueue_notice(session, outbox, CHANGED_KIND, user, scope, change=change.value, **about)


def add_passkey(
    session: Session,
    outbox: Outbox,
    keys: Keys,
    scope: Scope,
    *,
    site: RelyingParty,
    user_id: int,
    answer: str,
    name: str,
) -> list[str]:
    """Store the passkey that a browser made; return new recovery codes if it is the first factor.

    Raises PasskeyError; TooManyPasskeysError.
    """
    user = lock_account(session, user_id)
    if user is None:
        raise PasskeyError
    if len(passkeys_of(session, user_id)) >= PASSKEYS_KEPT:
        raise TooManyPasskeysError
    is_first = not factors_of(session, user_id)
    made = register(session, keys, site, user, answer, name=name, now=scope.now)
    return factor_added(
        session,
        outbox,
        user,
        Change.PASSKEY_ADDED,
        scope,
        is_first=is_first,
        name=made.name,
    )


def remove_passkey(
    session: Session, outbox: Outbox, scope: Scope, *, user_id: int, passkey_id: int
) -> str | None:
    """Remove this passkey of the account; return its name, None if there was none."""
    user = lock_account(session, user_id)
    passkey = find_passkey(session, user_id, passkey_id)
    if user is None or passkey is None:
        return None
    session.delete(passkey)
    session.flush()
    factor_removed(session, outbox, user, Change.PASSKEY_REMOVED, scope, name=passkey.name)
    return passkey.name
