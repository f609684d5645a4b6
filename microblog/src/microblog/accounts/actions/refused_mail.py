"""An address that its mail server refused: its owner sees that, and can have it tried again.

Somebody who only claims the address is told about their own mail alone: what was refused before
they registered was somebody else's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from flask_outbox import Outbox
from flask_outbox.operations import lift_suppression, suppression, words_of_refusal
from microblog.accounts.audit.security_log import SecurityEventType, record
from microblog.accounts.models import SecurityEvent, User
from microblog.web.scope import Scope

WORKS_KIND = "accounts.address_works"

TRY_EVERY = timedelta(days=1)
"""Servers take those for spammers who often mail to addresses that do not exist."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """When an address was refused, in which words, and whether its owner may try it again."""

    at: datetime
    words: str
    may_try: bool


def refusal(session: Session, user: User) -> Refusal | None:
    """Return why no mail goes to this account's address, if that is so.

    What the site's admins decided is not a refusal, and not the owner's to undo.
    """
    found = suppression(session, user.email_key)
    is_own = user.email_verified_at is not None
    if (
        found is None
        or found.source == "operator"
        or not (is_own or found.since >= user.registered_at.timestamp())
    ):
        return None
    words = words_of_refusal(found.reason) or found.reason
    return Refusal(datetime.fromtimestamp(found.since, UTC), words, is_own)


def try_again(
    session: Session,
    outbox: Outbox,
    user: User,
    scope: Scope,
) -> str | None:
    """Mail to the account's verified address again, beginning with a message that says so.

    Returns the address; None if it is not verified, not refused, or was tried within a day.
    """
    account = session.get_one(User, user.id, with_for_update=True, populate_existing=True)
    if account.email_verified_at is None or _was_tried(session, account, now=scope.now):
        return None
    if refusal(session, account) is None or not lift_suppression(session, account.email_key):
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
