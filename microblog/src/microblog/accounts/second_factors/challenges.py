"""Challenges for passkeys: random, signed, good for five minutes, for one purpose, and once.

None is stored when it is made, since strangers may ask for any number; one that was used is.
Source: Web Authentication Level 3, 13.4.3; ASVS 5.0, 6.5.1.
"""

from __future__ import annotations

import hmac
import secrets
import struct
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from microblog.accounts.models import UsedChallenge
from microblog.accounts.tokens import Keys
from microblog.web.times import from_unix

LIFETIME = timedelta(minutes=5)
REMOVED_AT_ONCE = 1000

_RANDOM_BYTES = 24
_MOMENT = struct.Struct(">Q")


def make_challenge(keys: Keys, purpose: str, *, now: datetime) -> bytes:
    """Make a challenge for this purpose, which names the account or session that it is for."""
    ends = _MOMENT.pack(int((now + LIFETIME).timestamp()))
    body = secrets.token_bytes(_RANDOM_BYTES) + ends
    return body + _signature(keys.current, purpose, body)


def use_challenge(
    session: Session, keys: Keys, purpose: str, challenge: bytes, *, now: datetime
) -> bool:
    """Whether this challenge was made for this purpose and is good; it is used now."""
    body, signature = challenge[: _RANDOM_BYTES + _MOMENT.size], challenge[-32:]
    if len(challenge) != _RANDOM_BYTES + _MOMENT.size + 32:
        return False
    if not any(hmac.compare_digest(_signature(key, purpose, body), signature) for key in keys):
        return False
    ends_at = from_unix(_MOMENT.unpack(body[_RANDOM_BYTES:])[0])
    if now >= ends_at:
        return False
    try:
        with session.begin_nested():
            session.add(UsedChallenge(challenge=body, ends_at=ends_at))
    except IntegrityError:
        return False
    return True


def prune_challenges(session: Session, now: datetime) -> bool:
    """Delete a batch of challenges that are over; return whether there may be more."""
    over = UsedChallenge.ends_at <= now
    found = session.scalars(select(UsedChallenge.challenge).where(over).limit(REMOVED_AT_ONCE))
    ended = found.all()
    session.execute(delete(UsedChallenge).where(UsedChallenge.challenge.in_(ended)))
    return len(ended) == REMOVED_AT_ONCE


def _signature(key: str, purpose: str, body: bytes) -> bytes:
    return hmac.digest(key.encode(), b"challenge\0" + purpose.encode() + b"\0" + body, "sha256")
