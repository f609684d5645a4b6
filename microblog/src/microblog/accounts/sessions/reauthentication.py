"""Asking for the password once more, before what a stolen session alone must not allow.

Source: OWASP ASVS 5.0, 7.5.1 (before the address, the password or other ways in are changed).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from microblog.accounts.models import User
from microblog.accounts.passwords import verify_password


class StaleProofError(Exception):
    """The password was changed since it was given, or the account is closed."""


@dataclass(frozen=True)
class PasswordProof:
    """A proof that the visitor gave the password of this account a moment ago."""

    user_id: int
    password_hash: str

    def account(self, session: Session) -> User:
        """Return the account, locked until the transaction ends.

        Raises StaleProofError if the password was changed since, or the account closed.
        """
        user = lock_account(session, self.user_id)
        if user is None or user.password_hash != self.password_hash:
            raise StaleProofError
        if user.disabled_at is not None or user.deletes_at is not None:
            raise StaleProofError
        return user


def reauthenticate(user: User, password: str) -> PasswordProof | None:
    """Return a proof if the password is right; slow, so no transaction should be open."""
    if not verify_password(user.password_hash, password):
        return None
    return PasswordProof(user.id, user.password_hash)


def lock_account(session: Session, user_id: int) -> User | None:
    """Return the account as it is now, locked until the transaction ends."""
    return session.get(User, user_id, with_for_update=True, populate_existing=True)
