"""Which second factors an account has. With any of them, a password alone opens no session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from microblog.accounts.models import Authenticator, KnownBrowser, Passkey, RecoveryCode, User
from microblog.accounts.second_factors.recovery_codes import end_codes

TRUSTED_FOR = timedelta(days=30)
"""How long a browser that its owner trusts is spared the second step."""

SETTLED_AFTER = timedelta(hours=72)
"""So long the owner can say by mail that a new factor is somebody else's."""


@dataclass(frozen=True)
class Factors:
    """What an account has. Recovery codes are no factor of their own: they stand in for one."""

    has_passkey: bool
    has_authenticator: bool

    def __bool__(self) -> bool:
        return self.has_passkey or self.has_authenticator


def factors_of(session: Session, user_id: int) -> Factors:
    """Return which second factors the account has."""
    app = Authenticator.user_id == user_id, Authenticator.confirmed_at.is_not(None)
    has = session.execute(
        select(exists().where(Passkey.user_id == user_id), exists().where(*app))
    ).one()
    return Factors(bool(has[0]), bool(has[1]))


def remove_factors(session: Session, user_id: int) -> None:
    """Remove all second factors of the account, its recovery codes and the trust in browsers."""
    session.execute(delete(Passkey).where(Passkey.user_id == user_id))
    session.execute(delete(Authenticator).where(Authenticator.user_id == user_id))
    end_without_factors(session, user_id)


def undo_recent_factors(session: Session, user_id: int, *, now: datetime) -> None:
    """Remove what was added within 72 hours, by somebody who may not have been the owner.

    What is older stays, and protects the account as before.
    """
    since = now - SETTLED_AFTER
    session.execute(delete(Passkey).where(Passkey.user_id == user_id, Passkey.created_at > since))
    added = Authenticator.user_id == user_id, Authenticator.confirmed_at > since
    session.execute(delete(Authenticator).where(*added))
    made = RecoveryCode.user_id == user_id, RecoveryCode.created_at > since
    session.execute(delete(RecoveryCode).where(*made))
    if factors_of(session, user_id):
        stop_removal(session, user_id)
        end_trust(session, user_id)
    else:
        end_without_factors(session, user_id)


def end_without_factors(session: Session, user_id: int) -> None:
    """End what has no meaning without a second factor: codes, trust, and a removal that waits."""
    end_codes(session, user_id)
    end_trust(session, user_id)
    stop_removal(session, user_id)


def end_trust(session: Session, user_id: int) -> None:
    """Ask for the second step in every browser again."""
    trusted = KnownBrowser.user_id == user_id, KnownBrowser.trusted_until.is_not(None)
    session.execute(update(KnownBrowser).where(*trusted).values(trusted_until=None))


def stop_removal(session: Session, user_id: int) -> bool:
    """Stop the removal of the second factor that waits; return whether one did."""
    waiting = User.id == user_id, User.second_factor_ends_at.is_not(None)
    stopped = session.execute(update(User).where(*waiting).values(second_factor_ends_at=None))
    return bool(stopped.rowcount)  # type: ignore[attr-defined]


def trust_browser(session: Session, user_id: int, digest: bytes | None, *, now: datetime) -> None:
    """Spare this browser of the account the second step for 30 days."""
    own = KnownBrowser.user_id == user_id, KnownBrowser.digest == digest
    session.execute(update(KnownBrowser).where(*own).values(trusted_until=now + TRUSTED_FOR))


def is_trusted(session: Session, user_id: int, digest: bytes | None, *, now: datetime) -> bool:
    """Whether the account spares the browser with this digest the second step."""
    if digest is None:
        return False
    own = KnownBrowser.user_id == user_id, KnownBrowser.digest == digest
    return bool(session.scalar(select(exists().where(*own, KnownBrowser.trusted_until > now))))
