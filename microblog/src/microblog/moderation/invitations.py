"""Links with which people can join: so many of them, until a moment, unless revoked.

Only the SHA-256 of a link's secret is stored, so that whoever reads the database can't join.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from microblog.accounts.actions.registration import NotAdmittedError
from microblog.accounts.audit.security_log import SecurityEventType, record
from microblog.accounts.secrets import secret_digest
from microblog.database import MAX_ID
from microblog.moderation.models import Invitation
from microblog.web.scope import Scope

USES_MAXIMUM = 1000

SHORTEST, LONGEST = timedelta(hours=1), timedelta(days=365)

NOTE_MAXIMUM = 80
"""Code points, as the column holds."""

SECRET_BYTES = 32

SECRET_MAXIMUM = 100
"""Letters of a secret that is looked up; ours have 43."""

PAGE_SIZE = 50


class State(StrEnum):
    """Whether an invitation works, or why not."""

    OPEN = "open"
    USED_UP = "used up"
    ENDED = "ended"
    REVOKED = "revoked"


def make_invitation(
    session: Session,
    scope: Scope,
    *,
    made_by_id: int | None,
    uses: int,
    lasts: timedelta,
    note: str = "",
) -> tuple[Invitation, str]:
    """Make an invitation; return it and the secret of its link, which is stored nowhere.

    It is in the security log of the administrator who makes it, if it is not the command line.
    Raises ValueError for more uses or a longer time than there can be.
    """
    if not 1 <= uses <= USES_MAXIMUM or not SHORTEST <= lasts <= LONGEST:
        raise ValueError("An invitation has 1 to 1000 uses, and lasts an hour to a year.")
    secret = secrets.token_urlsafe(SECRET_BYTES)
    invitation = Invitation(
        digest=secret_digest(secret),
        note=note,
        created_by_id=made_by_id,
        created_at=scope.now,
        ends_at=scope.now + lasts,
        uses_maximum=uses,
        uses=0,
    )
    session.add(invitation)
    session.flush()
    if made_by_id is not None:
        record(session, made_by_id, SecurityEventType.INVITATION_MADE, scope, name=note)
    return invitation, secret


def find_invitation(session: Session, secret: str) -> Invitation | None:
    """Return the invitation with this secret, in whatever state; None for any other text."""
    if not 0 < len(secret) <= SECRET_MAXIMUM or not secret.isascii():
        return None
    return session.scalar(select(Invitation).where(Invitation.digest == secret_digest(secret)))


def state_of(invitation: Invitation, *, now: datetime) -> State:
    """Return whether it works now, or why it doesn't."""
    if invitation.revoked_at is not None:
        return State.REVOKED
    if invitation.ends_at <= now:
        return State.ENDED
    return State.USED_UP if invitation.uses >= invitation.uses_maximum else State.OPEN


def use_invitation(session: Session, invitation_id: int, *, now: datetime) -> None:
    """Count one use, in the transaction that makes the account.

    Raises NotAdmittedError if it doesn't work now. Of two who race for the last use, one waits for
    the other, and then has none.
    """
    used: Any = session.execute(
        update(Invitation)
        .where(
            Invitation.id == invitation_id,
            Invitation.uses < Invitation.uses_maximum,
            Invitation.ends_at > now,
            Invitation.revoked_at.is_(None),
        )
        .values(uses=Invitation.uses + 1)
    )
    if not used.rowcount:
        raise NotAdmittedError


def revoke_invitation(
    session: Session, scope: Scope, invitation_id: int, *, revoked_by_id: int
) -> Invitation | None:
    """Make the link worthless at once; return None if it was already, or there is no such one."""
    revoked = session.scalar(
        update(Invitation)
        .where(Invitation.id == min(invitation_id, MAX_ID), Invitation.revoked_at.is_(None))
        .values(revoked_at=scope.now)
        .returning(Invitation)
    )
    if revoked is not None:
        event = SecurityEventType.INVITATION_REVOKED
        record(session, revoked_by_id, event, scope, name=revoked.note)
    return revoked


def list_invitations(session: Session, *, before: int, count: int) -> Sequence[Invitation]:
    """Return invitations, newest first; `before` is the id of the last one of the page before."""
    wanted = select(Invitation).where(Invitation.id < before)
    return session.scalars(wanted.order_by(Invitation.id.desc()).limit(count)).all()
