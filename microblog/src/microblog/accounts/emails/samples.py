"""What composers are given for a preview, in a session that is rolled back."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from flask_outbox import ComposeContext, parse_address
from microblog.accounts.actions.registration import create_account
from microblog.accounts.models import EmailChange
from microblog.accounts.pending_changes import UNDO_WITHIN

SAMPLE_MOMENT = datetime(2026, 1, 1, 12, tzinfo=UTC)


def sample_context(
    session: Session, language: str, *, verified: bool = True, **arguments: Any
) -> ComposeContext:
    """Make an account with a name that nobody has, and the context of a message to it."""
    name = f"preview-{secrets.token_hex(4)}"
    user = create_account(
        session,
        username=name,
        email=f"{name}@example.com",
        password_hash="-",  # noqa: S106
        verified_at=SAMPLE_MOMENT if verified else None,
    )
    about = {"user_id": user.id, **arguments}
    recipient = parse_address(user.email)
    return ComposeContext(recipient, language, about, SAMPLE_MOMENT.timestamp(), attempt=1)


def sample_notice(session: Session, language: str, *, verified: bool = True) -> ComposeContext:
    """The same with when and from what something happened, as notices need it."""
    return sample_context(session, language, verified=verified, **sample_request())


def sample_request() -> dict[str, Any]:
    """Return when something was done, and from where."""
    return {
        "at": SAMPLE_MOMENT.timestamp(),
        "browser": "Firefox on Linux",
        "address": "203.0.113.0/24",
    }


def sample_change_notice(session: Session, language: str, *, confirmed: bool) -> ComposeContext:
    """The same with a change of the account's address, confirmed or waiting."""
    context = sample_notice(session, language)
    change = EmailChange(
        user_id=context.arguments["user_id"],
        old_email=context.recipient.mailbox,
        new_email=context.recipient.mailbox,
        requested_at=SAMPLE_MOMENT,
    )
    if confirmed:
        change.confirmed_at = SAMPLE_MOMENT
        change.undo_until = SAMPLE_MOMENT + UNDO_WITHIN
    session.add(change)
    session.flush()
    return replace(context, arguments={**context.arguments, "change_id": change.id})
