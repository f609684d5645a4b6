"""Recovery codes: ten that are shown once, for when everything else is lost. Each works once.

A code has 118 bits, so its SHA-256 is as good as the slow hash of a password (ASVS 5.0, 6.5.2), and
nobody can guess one: tries need no limit that could keep the owner out.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from microblog.accounts.models import RecoveryCode
from microblog.accounts.secrets import secret_digest
from microblog.accounts.typed_codes import ALPHABET, without_separators

LENGTH = 24
GROUP = 6
COUNT = 10

FEW = 3
"""With so many left or fewer, the owner is told."""

_CODE = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")


def issue_codes(session: Session, user_id: int, *, now: datetime) -> list[str]:
    """Return new codes for the account, in groups for people to read; former ones end."""
    end_codes(session, user_id)
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(LENGTH)) for _ in range(COUNT)]
    session.add_all(
        RecoveryCode(user_id=user_id, digest=secret_digest(code), created_at=now) for code in codes
    )
    session.flush()
    return [
        "-".join(code[start : start + GROUP] for start in range(0, LENGTH, GROUP)) for code in codes
    ]


def use_code(session: Session, user_id: int, code: str, *, now: datetime) -> bool:
    """Whether this is a code of the account that was not used yet; it is used now."""
    unused = (
        RecoveryCode.user_id == user_id,
        RecoveryCode.digest == secret_digest(code),
        RecoveryCode.used_at.is_(None),
    )
    used = session.execute(update(RecoveryCode).where(*unused).values(used_at=now))
    return bool(used.rowcount)  # type: ignore[attr-defined]


def codes_left(session: Session, user_id: int) -> int:
    """How many codes of the account were not used yet."""
    unused = RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None)
    return session.scalar(select(func.count()).select_from(RecoveryCode).where(*unused)) or 0


def end_codes(session: Session, user_id: int) -> None:
    """Make all codes of the account worthless."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))


def read_recovery_code(typed: str) -> str | None:
    """Return the code that was typed, whatever its case and what stands between its letters.

    Returns None for what cannot be a code.
    """
    code = without_separators(typed).upper()
    return code if _CODE.fullmatch(code) else None
