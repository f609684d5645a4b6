"""Suppressions: addresses that nothing is sent to, as a server said that they do not exist."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from flask_outbox.message.addresses import address_key
from flask_outbox.outbox.models import Suppression

# Enhanced codes (RFC 3463, RFC 7505) about the address itself, not about this one message to it.
_NO_SUCH_ADDRESS = re.compile(r"\b5\.1\.(?:1|2|3|6|10)\b")

# One statement, since several workers may suppress an address at the same moment.
_SUPPRESS = text(
    "INSERT INTO mail_suppressions (address_key, reason, since) VALUES (:key, :reason, :since)"
    " ON CONFLICT (address_key) DO UPDATE SET reason = excluded.reason, since = excluded.since"
)


def condemns_address(answer: str) -> bool:
    """Whether a server's refusal says that the address does not exist."""
    return bool(_NO_SUCH_ADDRESS.search(answer))


def suppress(session: Session, condemned: Iterable[tuple[str, str]], *, now: float) -> None:
    """Send nothing more to these addresses; each comes with the server's answer.

    Raises AddressError.
    """
    for address, reason in condemned:
        values = {"key": address_key(address), "reason": reason, "since": now}
        session.execute(_SUPPRESS, values)


def suppression(session: Session, key: str) -> Suppression | None:
    """The suppression of the address with this key, or None."""
    return session.get(Suppression, key)


def suppressions(session: Session, key: str | None = None) -> Sequence[Suppression]:
    """All suppressed addresses, newest first, or the one with this key."""
    wanted = select(Suppression).order_by(Suppression.since.desc())
    return session.scalars(wanted.where(Suppression.address_key == key) if key else wanted).all()


def search_suppressions(
    session: Session, part: str, *, after: str = "", count: int = 50
) -> Sequence[Suppression]:
    """Suppressed addresses that contain `part`, sorted by key; `after` a key continues a list."""
    key = Suppression.address_key
    wanted = select(Suppression).order_by(key).limit(count)
    if part:
        wanted = wanted.where(key.contains(part.lower(), autoescape=True))
    return session.scalars(wanted.where(key > after) if after else wanted).all()


def lift_suppression(session: Session, key: str) -> bool:
    """Send to the address again; return False if it was not suppressed."""
    found = session.get(Suppression, key)
    if found is not None:
        session.delete(found)
    return found is not None
