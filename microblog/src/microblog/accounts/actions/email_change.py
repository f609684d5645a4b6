"""A change of address: requested with the password, confirmed by the new, undone by the old one.

Requesting
- A request needs the password, and changes nothing yet. The new address gets a link that is valid
  for a day. A new request replaces the former one and makes its link worthless.
- The old address is told, with a link that stops the change. An address that was never verified is
  not told: its reader may have nothing to do with the account.
- An address that another account has is treated like any other, by the page and in the time that it
  takes. Only the mail differs: its reader is told that there is an account, and gets no link.

Confirming
- The link belongs to one request. It becomes worthless by another request, a cancellation, a new
  password or a change of address, and while the account is disabled or about to be deleted.
- The change verifies the new address, too. Every link that was mailed to the old address becomes
  worthless, since each is bound to the address; sessions go on.
- A unique index decides who gets an address, and whoever loses the race is told. An address that
  another account can still get back counts as taken.

Undoing
- The link in the notices works while the change is pending, and for 72 hours after the
  confirmation. It is bound to the change alone: a new password, a later change of address, a lock
  by an administrator and a request for deletion leave it valid. It works once.
- Nobody undoes a change that they wanted, so somebody else must have the password: the address
  comes back, every session, known browser, pending change and request for deletion ends, the
  password stops working, and a link for a new one is mailed to the restored address.
- Undoing an earlier change undoes the later ones and makes their links worthless; undoing a later
  one leaves the link of the earlier one valid. So the first old address always wins.
- As long as the link works after the confirmation, the old address is reserved: no other account
  can get it, neither by a verification nor by a reset nor by a change. An account that has it
  anyway, from before that rule, loses it to the undoing, and only claims it from then on.

Sources: OWASP ASVS 5.0, 6.3.7 and 7.5.1; OWASP Authentication Cheat Sheet, "Change E-mail Address".
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from flask_outbox import Outbox, address_key, parse_address
from microblog.accounts.actions.not_me import secure_account
from microblog.accounts.actions.password_reset import Reason, start_reset
from microblog.accounts.audit.notices import enqueue_notice, request_arguments
from microblog.accounts.audit.security_log import SecurityEventType, moments_of, record
from microblog.accounts.models import EmailChange, User
from microblog.accounts.pending_changes import (
    CONFIRM_WITHIN,
    UNDO_WITHIN,
    AddressTakenError,
    can_be_undone,
    cancel_pending,
    changes_not_undone,
    pending_change,
    require_unreserved,
)
from microblog.accounts.second_factors.factors import stop_removal
from microblog.accounts.sessions.reauthentication import PasswordProof, lock_account
from microblog.accounts.tokens import (
    CONFIRM_EMAIL_CHANGE,
    UNDO_EMAIL_CHANGE,
    Claims,
    Keys,
    State,
    account_state,
    make_token,
    matches,
    read_token,
)
from microblog.accounts.visibility import is_visible
from microblog.web.scope import Scope

CONFIRM_KIND = "accounts.confirm_email_change"
ASKED_KIND = "accounts.email_change_notice"
EMAIL_CHANGED_KIND = "accounts.email_changed"

ASKED_A_DAY = 10
"""Requests of one account; each one mails somebody who did not ask for it."""


class SameAddressError(Exception):
    """The account has exactly this address already."""


class AskedTooOftenError(Exception):
    """The account made too many requests within a day, in all or for this address.

    It can make another one from `opens_at` on.
    """

    def __init__(self, opens_at: datetime) -> None:
        self.opens_at = opens_at
        super().__init__(opens_at)


def ask_for_change(
    session: Session,
    outbox: Outbox,
    proof: PasswordProof,
    address: str,
    scope: Scope,
) -> EmailChange:
    """Request a change: mail a link to the new address, and tell the old one.

    Raises AddressError, SameAddressError, AskedTooOftenError, StaleProofError.
    """
    user = proof.account(session)
    new = parse_address(address, public=True)
    if new.mailbox == user.email:
        raise SameAddressError
    _limit_requests(session, outbox, user, new.key, now=scope.now)
    cancel_pending(session, user.id, now=scope.now)
    change = EmailChange(
        user_id=user.id, old_email=user.email, new_email=new.mailbox, requested_at=scope.now
    )
    session.add(change)
    session.flush()
    outbox.enqueue(
        session,
        CONFIRM_KIND,
        change.new_email,
        locale=scope.locale,
        arguments={"change_id": change.id, **request_arguments(scope)},
    )
    enqueue_notice(session, outbox, ASKED_KIND, user, scope, change_id=change.id)
    record(session, user.id, SecurityEventType.EMAIL_CHANGE_ASKED, scope, email=change.new_email)
    return change


def cancel_change(session: Session, user_id: int, scope: Scope) -> bool:
    """Cancel the pending change; return False if there is none."""
    change = pending_change(session, user_id, now=scope.now)
    if change is None or not cancel_pending(session, user_id, now=scope.now):
        return False
    record(session, user_id, SecurityEventType.EMAIL_CHANGE_CANCELLED, scope)
    return True


def confirmation_token(keys: Keys, user: User, change: EmailChange) -> str:
    """Make the token for the new address; it expires a day after the request."""
    return make_token(
        keys,
        CONFIRM_EMAIL_CHANGE,
        user,
        now=change.requested_at,
        lifetime=CONFIRM_WITHIN,
        state=(*account_state(user), *_change_state(change)),
    )


def find_to_confirm(
    session: Session, keys: Keys, token: str, *, now: datetime, locked: bool = False
) -> tuple[User, EmailChange] | None:
    """Return the account and the change that this token can confirm. Changes nothing."""
    claims = read_token(keys, CONFIRM_EMAIL_CHANGE, token, now=now)
    user = claims and _account(session, claims, locked=locked)
    if not claims or not user or not is_visible(user):
        return None
    change = pending_change(session, user.id, now=now)
    if change is None:
        return None
    state: State = (*account_state(user), *_change_state(change))
    return (user, change) if matches(claims, CONFIRM_EMAIL_CHANGE, user, state=state) else None


def confirm_change(
    session: Session,
    outbox: Outbox,
    keys: Keys,
    token: str,
    scope: Scope,
) -> User | None:
    """Give the account its new address; the old one can undo that for 72 hours.

    Returns None if the token is not good. Raises AddressTakenError, which must end the transaction.
    """
    found = find_to_confirm(session, keys, token, now=scope.now, locked=True)
    if found is None:
        return None
    user, change = found
    change.confirmed_at = scope.now
    stop_removal(session, user.id)
    if user.email_verified_at is not None:
        change.undo_until = scope.now + UNDO_WITHIN
        enqueue_notice(
            session,
            outbox,
            EMAIL_CHANGED_KIND,
            user,
            scope,
            to=change.old_email,
            change_id=change.id,
        )
    _give_address(session, user, change.new_email, now=scope.now)
    require_unreserved(session, user.email_key, exclude_user_id=user.id, now=scope.now)
    record(
        session,
        user.id,
        SecurityEventType.EMAIL_CHANGED,
        scope,
        old_email=change.old_email,
        email=change.new_email,
    )
    return user


def undo_token(keys: Keys, user: User, change: EmailChange) -> str:
    """Make the token for the old address; the change itself says until when it works."""
    return make_token(
        keys,
        UNDO_EMAIL_CHANGE,
        user,
        now=change.requested_at,
        lifetime=CONFIRM_WITHIN + UNDO_WITHIN,
        state=_change_state(change),
    )


def find_to_undo(
    session: Session, keys: Keys, token: str, *, now: datetime, locked: bool = False
) -> tuple[User, EmailChange] | None:
    """Return the account and the change that this token can undo. Changes nothing."""
    claims = read_token(keys, UNDO_EMAIL_CHANGE, token, now=now)
    user = claims and _account(session, claims, locked=locked)
    if not claims or not user:
        return None
    for change in changes_not_undone(session, user.id):
        if matches(claims, UNDO_EMAIL_CHANGE, user, state=_change_state(change)):
            return (user, change) if can_be_undone(change, now=now) else None
    return None


def undo_change(
    session: Session,
    outbox: Outbox,
    keys: Keys,
    token: str,
    scope: Scope,
) -> User | None:
    """Give the account its old address back, secure it, and start a reset.

    Returns None if the token is not good.
    """
    found = find_to_undo(session, keys, token, now=scope.now, locked=True)
    if found is None:
        return None
    user, change = found
    for later in changes_not_undone(session, user.id):
        if later.id >= change.id:
            later.undone_at = scope.now
    if change.confirmed_at is not None:
        _take_from_others(session, user, change.old_email_key)
        _give_address(session, user, change.old_email, now=scope.now)
    secure_account(session, user, scope)
    record(session, user.id, SecurityEventType.EMAIL_CHANGE_UNDONE, scope, email=user.email)
    start_reset(session, outbox, user, Reason.UNDONE, locale=scope.locale)
    return user


def _give_address(session: Session, user: User, address: str, *, now: datetime) -> None:
    user.email, user.email_key = address, address_key(address)
    user.email_verified_at = now
    try:
        session.flush()
    except IntegrityError:
        raise AddressTakenError from None


def _take_from_others(session: Session, user: User, email_key: str) -> None:
    session.execute(
        update(User)
        .where(User.email_key == email_key, User.id != user.id, User.email_verified_at.is_not(None))
        .values(email_verified_at=None)
    )


def _account(session: Session, claims: Claims, *, locked: bool) -> User | None:
    if locked:
        return lock_account(session, claims.user_id)
    return session.get(User, claims.user_id)


def _change_state(change: EmailChange) -> State:
    # With the moment, since a database may reuse the id of a deleted change.
    moment = change.requested_at.isoformat()
    return (str(change.id), change.old_email, change.new_email, moment)


def _limit_requests(
    session: Session, outbox: Outbox, user: User, email_key: str, *, now: datetime
) -> None:
    """Raise AskedTooOftenError if the account made too many requests, in all or for this address.

    Only its own requests are counted, by the recipient limit, so that the answer tells nothing
    about the address.
    """
    since = now - timedelta(days=1)
    asked = sorted(moments_of(session, user.id, SecurityEventType.EMAIL_CHANGE_ASKED, since=since))
    if len(asked) >= ASKED_A_DAY:
        raise AskedTooOftenError(asked[-ASKED_A_DAY] + timedelta(days=1))
    same = select(EmailChange.requested_at).where(
        EmailChange.user_id == user.id,
        EmailChange.new_email_key == email_key,
        EmailChange.requested_at > since,
    )
    mailed = [one.timestamp() for one in session.scalars(same)]
    opens_at = outbox.delivery.recipient_limit.opens_at(mailed, now=now.timestamp())
    if opens_at is not None:
        raise AskedTooOftenError(datetime.fromtimestamp(opens_at, UTC))
