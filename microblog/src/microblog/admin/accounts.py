"""What administrators do with accounts: find, disable and enable them, start a password reset.

An administrator starts a reset and never chooses a password: only the owner gets in, who reads the
mail of the address.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from flask_outbox import Outbox
from microblog.accounts.actions.password_reset import Reason, start_reset
from microblog.accounts.actions.second_factors import Change, remove_second_factor
from microblog.accounts.administrators import LastAdministratorError, keep_an_administrator
from microblog.accounts.audit.security_log import SecurityEventType, record
from microblog.accounts.models import User
from microblog.accounts.second_factors.factors import factors_of, stop_removal
from microblog.accounts.sessions.sessions import end_all_sessions
from microblog.accounts.usernames import username_key
from microblog.database import MAX_ID
from microblog.web.clients import RequestOrigin
from microblog.web.scope import Scope

COMMAND_LINE = "(command line)"
"""The actor's name for what is done there. No user name has parentheses."""


class State(StrEnum):
    """The states that accounts can be searched by."""

    ADMIN = "admin"
    DISABLED = "disabled"
    UNVERIFIED = "unverified"
    DELETING = "deleting"


class Refusal(StrEnum):
    """Why an action on an account is refused."""

    ONESELF = "oneself"
    LAST_ADMIN = "last administrator"
    DISABLED = "disabled"
    DELETING = "deleting"


class RefusedError(Exception):
    """The action is refused; nothing was changed."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts; `user_id` is None at the command line."""

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
    """Return accounts whose name or address contains `part`, newest first.

    `before` is the id of the last account of the previous page.
    """
    wanted = select(User).where(User.id < before)
    if part:
        named = User.username_key.contains(username_key(part), autoescape=True)
        wanted = wanted.where(named | User.email_key.contains(part.lower(), autoescape=True))
    if state is not None:
        wanted = wanted.where(_is(state))
    return session.scalars(wanted.order_by(User.id.desc()).limit(count)).all()


def find(session: Session, user_id: int) -> User | None:
    return session.get(User, user_id) if user_id <= MAX_ID else None


def find_by_name(session: Session, name: str) -> User | None:
    """Return the account with this user name, in any spelling."""
    return session.scalar(select(User).where(User.username_key == username_key(name)))


def states(user: User) -> list[State]:
    """The states of this account that differ from an ordinary one's."""
    found = {
        State.ADMIN: user.is_admin,
        State.DISABLED: user.disabled_at is not None,
        State.UNVERIFIED: user.email_verified_at is None,
        State.DELETING: user.deletes_at is not None,
    }
    return [state for state, is_so in found.items() if is_so]


def disable(session: Session, user: User, actor: Actor, scope: Scope) -> bool:
    """Lock this account and hide it from others; return False if it is disabled already.

    Raises RefusedError for the actor's own account and for the last administrator.
    """
    if user.id == actor.user_id:
        raise RefusedError(Refusal.ONESELF)
    _keep_an_administrator(session, user)
    if user.disabled_at is not None:
        return False
    user.disabled_at = scope.now
    stop_removal(session, user.id)
    end_all_sessions(session, user.id)
    _record(session, user, SecurityEventType.DISABLED, actor, scope)
    return True


def enable(session: Session, user: User, actor: Actor, scope: Scope) -> bool:
    """Let the owner in again; return False if the account is not disabled."""
    session.refresh(user, with_for_update=True)
    if user.disabled_at is None:
        return False
    user.disabled_at = None
    _record(session, user, SecurityEventType.ENABLED, actor, scope)
    return True


def reset_second_factor(
    session: Session, outbox: Outbox, user: User, actor: Actor, scope: Scope
) -> bool:
    """Remove the account's second factor at once, and tell its owner; False if it has none.

    Raises RefusedError for the actor's own account, whose owner can do it in the settings.
    """
    if user.id == actor.user_id:
        raise RefusedError(Refusal.ONESELF)
    session.refresh(user, with_for_update=True)
    change = Change.REMOVED_BY_ADMINISTRATOR
    # The owner reads this, in their language, and need not know where the administrator was.
    told = replace(scope, origin=RequestOrigin(), locale=user.locale or scope.locale)
    return remove_second_factor(session, outbox, user, change, told, by=actor.name)


def has_second_factor(session: Session, user: User) -> bool:
    """Whether a password alone opens no session of this account."""
    return bool(factors_of(session, user.id))


def send_reset(session: Session, outbox: Outbox, user: User, actor: Actor, scope: Scope) -> None:
    """Mail a link for a new password to the account's own address.

    Raises RefusedError for an account that is disabled or about to be deleted.
    """
    if user.disabled_at is not None:
        raise RefusedError(Refusal.DISABLED)
    if user.deletes_at is not None:
        raise RefusedError(Refusal.DELETING)
    start_reset(session, outbox, user, Reason.ADMINISTRATOR, locale=user.locale or scope.locale)
    _record(session, user, SecurityEventType.RESET_STARTED, actor, scope)


def make_admin(session: Session, user: User, actor: Actor, scope: Scope) -> bool:
    """Make the account an administrator's; return False if it is one already.

    Raises RefusedError for an account that is disabled or about to be deleted.
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
    """Make the account an ordinary one; return False if it is not an administrator's.

    Raises RefusedError for the last administrator.
    """
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
    session: Session, user: User, event_type: SecurityEventType, actor: Actor, scope: Scope
) -> None:
    # The owner reads this, and need not know where the administrator was.
    record(session, user.id, event_type, replace(scope, origin=RequestOrigin()), by=actor.name)


def _is(state: State) -> ColumnElement[bool]:
    conditions: dict[State, ColumnElement[bool]] = {
        State.ADMIN: User.is_admin.is_(True),
        State.DISABLED: User.disabled_at.is_not(None),
        State.UNVERIFIED: User.email_verified_at.is_(None),
        State.DELETING: User.deletes_at.is_not(None),
    }
    return conditions[state]
