"""An account for previews of e-mails, made in a session that is rolled back."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from microblog.accounts.actions.registration import create_account
from microblog.accounts.models import User

SAMPLE_MOMENT = datetime(2026, 1, 1, 12, tzinfo=UTC)


def sample_account(session: Session, *, verified: bool = True) -> User:
    """An account with a name that nobody has."""
    name = f"preview-{secrets.token_hex(4)}"
    return create_account(
        session,
        username=name,
        email=f"{name}@example.com",
        password_hash="-",  # noqa: S106
        verified_at=SAMPLE_MOMENT if verified else None,
    )
