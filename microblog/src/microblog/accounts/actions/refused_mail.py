"""An address that its server refused: its owner sees it when logged in, and has it tried again.

Whoever only claims the address is told what happened to their own mail and no more: what was
refused before they came was somebody else's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from flask_outbox import Outbox
from flask_outbox.operations.history import words_of_refusal
from flask_outbox.outbox.suppressions import lift_suppression, suppression
from microblog.accounts.audit.security_log import SecurityEventType, record
from microblog.accounts.models import SecurityEvent, User
from microblog.web.scope import Scope

WORKS_KIND = "accounts.address_works"

TRY_EVERY = timedelta(days=1)
"""Whoever often asks a server about addresses that it does not have is taken for a spammer."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """When an address was refused, in the server's words; whether its owner may have it tried."""

    at: datetime
    words: str
    may_try: bool


def refusal(session: Session, user: User) -> Refusal | None:
    """Why no mail goes to this account's address any more, if so."""
    found = suppression(session, user.email_key)
    is_own = user.email_verified_at is not None
    if found is None or not (is_own or found.since >= user.registered_at.timestamp()):
        return None
    words = words_of_refusal(found.reason) or found.reason
    return Refusal(datetime.fromtimestamp(found.since, UTC), words, is_own)


def try_again(
    session: Session,
    outbox: Outbox,
    user: User,
    scope: Scope,
) -> str | None:
    """Mail to the owner's own verified address again, beginning with a message that says so.

    Returns the address; None where it is not verified, not refused, or was tried within a day.
    """
    account = session.get_one(User, user.id, with_for_update=True, populate_existing=True)
    if account.email_verified_at is None or _was_tried(session, account, now=scope.now):
        return None
    if not lift_suppression(session, account.email_key):
        return None
    record(session, account.id, SecurityEventType.MAIL_RESUMED, scope)
    outbox.enqueue(
        session, WORKS_KIND, account.email, locale=scope.locale, arguments={"user_id": account.id}
    )
    return account.email


def _was_tried(session: Session, user: User, *, now: datetime) -> bool:
    tried = select(SecurityEvent.id).where(
        SecurityEvent.user_id == user.id,
        SecurityEvent.kind == SecurityEventType.MAIL_RESUMED.value,
        SecurityEvent.at > now - TRY_EVERY,
    )
    return session.scalar(tried.limit(1)) is not None
