"""Deleting an account: requested with the password, undone within seven days, then final.

- The last administrator cannot request it: somebody else has to become one first.
- The request ends every session and cancels a pending change of address. From then on nobody sees
  the account or what it wrote (`visibility`).
- The owner is told, at the present address and at former ones that can still undo a change, with a
  link that keeps the account. Undoing the deletion makes the link worthless. Whoever logs in
  meanwhile is not let in, but offered the same button. A new password alone undoes nothing.
- The address and the user name stay taken until the end.
- At the end everything is deleted in one transaction: the data of other parts of the site, the
  account with its rows, and all mail to addresses that it verified, digests of old messages
  included. If another account verified the address too, only mail from this account's time there is
  deleted. Of the mail to an address that was only claimed, only mail about this account is.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from flask_outbox import Outbox
from flask_outbox.operations import erase_address, erase_messages, erase_within
from microblog.accounts.actions.personal_data import personal_data
from microblog.accounts.administrators import keep_an_administrator
from microblog.accounts.audit.address_history import address_spans, is_proved_by_others
from microblog.accounts.audit.notices import enqueue_notice
from microblog.accounts.audit.security_log import SecurityEventType, record
from microblog.accounts.models import EmailChange, User
from microblog.accounts.pending_changes import addresses_that_can_undo, cancel_pending
from microblog.accounts.second_factors.factors import stop_removal
from microblog.accounts.sessions.reauthentication import PasswordProof, lock_account
from microblog.accounts.sessions.sessions import end_all_sessions
from microblog.accounts.tokens import KEEP_ACCOUNT, Keys, State, make_token, matches, read_token
from microblog.web.scope import Scope

logger = logging.getLogger(__name__)

GRACE = timedelta(days=7)

DELETION_KIND = "accounts.deletion_notice"


def ask_for_deletion(
    session: Session,
    outbox: Outbox,
    proof: PasswordProof,
    scope: Scope,
) -> datetime:
    """Schedule the account's deletion for the end of the grace period, and return that moment.

    Raises StaleProofError, LastAdministratorError.
    """
    keep_an_administrator(session, proof.user_id)
    user = proof.account(session)
    user.deletes_at = scope.now + GRACE
    cancel_pending(session, user.id, now=scope.now)
    stop_removal(session, user.id)
    end_all_sessions(session, user.id)
    record(session, user.id, SecurityEventType.DELETION_ASKED, scope)
    for address in addresses_that_can_undo(session, user, now=scope.now):
        enqueue_notice(session, outbox, DELETION_KIND, user, scope, to=address)
    return user.deletes_at


def keep_token(keys: Keys, user: User, *, now: datetime, lifetime: timedelta) -> str:
    """Make a token that keeps the account as long as this deletion is pending."""
    return make_token(
        keys, KEEP_ACCOUNT, user, now=now, lifetime=lifetime, state=_deletion_state(user)
    )


def find_to_keep(
    session: Session, keys: Keys, token: str, *, now: datetime, locked: bool = False
) -> User | None:
    """Return the account that this token can keep. Changes nothing."""
    claims = read_token(keys, KEEP_ACCOUNT, token, now=now)
    if claims is None:
        return None
    found = lock_account(session, claims.user_id) if locked else session.get(User, claims.user_id)
    if found is None or found.deletes_at is None:
        return None
    return found if matches(claims, KEEP_ACCOUNT, found, state=_deletion_state(found)) else None


def keep_account(session: Session, keys: Keys, token: str, scope: Scope) -> User | None:
    """Undo the deletion; return None if the token is not good."""
    user = find_to_keep(session, keys, token, now=scope.now, locked=True)
    if user is None:
        return None
    user.deletes_at = None
    record(session, user.id, SecurityEventType.DELETION_UNDONE, scope)
    return user


def delete_due_accounts(session: Session, now: datetime) -> bool:
    """Delete one account that is due, or a batch of what it wrote; return False if none is due.

    Needs an application context. Several processes may do it at once.
    """
    user = session.scalar(
        select(User)
        .where(User.deletes_at <= now)
        .order_by(User.deletes_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if user is None:
        return False
    if any(part.erase(session, user.id) for part in personal_data()):
        return True
    _erase_mail(session, user)
    session.execute(delete(User).where(User.id == user.id))
    logger.info("The account %d was deleted, as its owner wanted", user.id)
    return True


def _erase_mail(session: Session, user: User) -> None:
    changes = session.scalars(select(EmailChange).where(EmailChange.user_id == user.id)).all()
    named = {user.email_key}
    for change in changes:
        named |= {change.old_email_key, change.new_email_key}
    own = [{"user_id": user.id}, *({"change_id": change.id} for change in changes)]
    for key in named:
        erase_messages(session, key, *own)
    for span in address_spans(session, user, since=user.registered_at):
        if is_proved_by_others(session, span.key, user.id):
            erase_within(session, span)
        else:
            erase_address(session, span.key)


def _deletion_state(user: User) -> State:
    return (user.deletes_at.isoformat() if user.deletes_at else "",)
