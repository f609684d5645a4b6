"""What those who run the site do with accounts: find them, disable and enable them, start a reset.

An administrator starts a reset and never chooses a password: only the owner, who reads the mail of
the address, gets in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from flask_outbox import Outbox
from microblog.accounts.actions.password_reset import Reason, start_reset
from microblog.accounts.administrators import LastAdministratorError, keep_an_administrator
from microblog.accounts.audit.security_log import SecurityEventType, record
from microblog.accounts.models import User
from microblog.accounts.sessions.sessions import end_all_sessions
from microblog.accounts.usernames import username_key
from microblog.database import MAX_ID
from microblog.web.clients import RequestOrigin
from microblog.web.scope import Scope

COMMAND_LINE = "(command line)"
"""Who did it, where it was done there. No user name has parentheses."""


class State(StrEnum):
    """What accounts are looked for by."""

    ADMIN = "admin"
    DISABLED = "disabled"
    UNVERIFIED = "unverified"
    DELETING = "deleting"


class Refusal(StrEnum):
    """Why something is not done to an account."""

    ONESELF = "oneself"
    LAST_ADMIN = "last administrator"
    DISABLED = "disabled"
    DELETING = "deleting"


class RefusedError(Exception):
    """This is not done; nothing was changed."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it; `user_id` is None at the command line."""

    name: str
    user_id: int | None = None


def search(
    session: Session,
    part: str = "",
    *,
    state: State | None = None,
    before: int = MAX_ID,
    count: int = 50,
) -> Sequence[User]:
    """Accounts whose name or address holds `part`, the newest first; `before` continues a list."""
    wanted = select(User).where(User.id < before)
    if part:
        named = User.username_key.contains(username_key(part), autoescape=True)
        wanted = wanted.where(named | User.email_key.contains(part.lower(), autoescape=True))
    if state is not None:
        wanted = wanted.where(_is(state))
    return session.scalars(wanted.order_by(User.id.desc()).limit(count)).all()


def find(session: Session, number: int) -> User | None:
    return session.get(User, number) if number <= MAX_ID else None


def find_by_name(session: Session, name: str) -> User | None:
    """The account with this user name, however it is spelled."""
    return session.scalar(select(User).where(User.username_key == username_key(name)))


def states(user: User) -> list[State]:
    """What can be said about this account beside that there is one."""
    found = {
        State.ADMIN: user.is_admin,
        State.DISABLED: user.disabled_at is not None,
        State.UNVERIFIED: user.email_verified_at is None,
        State.DELETING: user.deletes_at is not None,
    }
    return [state for state, is_so in found.items() if is_so]


def disable(session: Session, user: User, actor: Actor, scope: Scope) -> bool:
    """Let nobody into this account and show nothing of it to others; False where that is so.

    Raises RefusedError for one's own account and for the last administrator.
    """
    if user.id == actor.user_id:
        raise RefusedError(Refusal.ONESELF)
    _keep_an_administrator(session, user)
    if user.disabled_at is not None:
        return False
    user.disabled_at = scope.now
    end_all_sessions(session, user.id)
    _record(session, user, SecurityEventType.DISABLED, actor, scope)
    return True


def enable(session: Session, user: User, actor: Actor, scope: Scope) -> bool:
    """Let the owner in again; False where the account was not disabled."""
    session.refresh(user, with_for_update=True)
    if user.disabled_at is None:
        return False
    user.disabled_at = None
    _record(session, user, SecurityEventType.ENABLED, actor, scope)
    return True


def send_reset(session: Session, outbox: Outbox, user: User, actor: Actor, scope: Scope) -> None:
    """Have a link for a new password mailed to the account's own address.

    Raises RefusedError where nobody may get into the account.
    """
    if user.disabled_at is not None:
        raise RefusedError(Refusal.DISABLED)
    if user.deletes_at is not None:
        raise RefusedError(Refusal.DELETING)
    start_reset(session, outbox, user, Reason.ADMINISTRATOR, locale=user.locale or scope.locale)
    _record(session, user, SecurityEventType.RESET_STARTED, actor, scope)


def make_admin(session: Session, user: User, actor: Actor, scope: Scope) -> bool:
    """Make the account an administrator's; False where it is.

    Raises RefusedError for one that is disabled or about to be deleted.
    """
    session.refresh(user, with_for_update=True)
    if user.disabled_at is not None:
        raise RefusedError(Refusal.DISABLED)
    if user.deletes_at is not None:
        raise RefusedError(Refusal.DELETING)
    if user.is_admin:
        return False
    user.is_admin = True
    _record(session, user, SecurityEventType.ADMIN_MADE, actor, scope)
    return True


def revoke_admin(session: Session, user: User, actor: Actor, scope: Scope) -> bool:
    """The opposite; False where the account is none. Raises RefusedError for the last one."""
    _keep_an_administrator(session, user)
    if not user.is_admin:
        return False
    user.is_admin = False
    _record(session, user, SecurityEventType.ADMIN_UNMADE, actor, scope)
    return True


def _keep_an_administrator(session: Session, user: User) -> None:
    try:
        keep_an_administrator(session, user.id)
    except LastAdministratorError:
        raise RefusedError(Refusal.LAST_ADMIN) from None
    session.refresh(user)


def _record(
    session: Session, user: User, happening: SecurityEventType, actor: Actor, scope: Scope
) -> None:
    # The owner reads this, and need not know where an administrator sits.
    record(session, user.id, happening, replace(scope, origin=RequestOrigin()), by=actor.name)


def _is(state: State) -> ColumnElement[bool]:
    conditions: dict[State, ColumnElement[bool]] = {
        State.ADMIN: User.is_admin.is_(True),
        State.DISABLED: User.disabled_at.is_not(None),
        State.UNVERIFIED: User.email_verified_at.is_(None),
        State.DELETING: User.deletes_at.is_not(None),
    }
    return conditions[state]
