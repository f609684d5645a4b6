"""What keeps mail from an address that should not get it: too much of it, or a server's verdict.

Both are looked at where a message is delivered, never where it is asked for, so that no page's
answer or time tells anything about an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session, aliased

from microblog.mail.addresses import address_key
from microblog.mail.claims import Claim
from microblog.mail.models import OutboxMessage, Suppression

# Enhanced codes (RFC 3463, RFC 7505) that condemn the address itself, not this one message to it.
_NO_SUCH_ADDRESS = re.compile(r"\b5\.1\.(?:1|2|3|6|10)\b")

# One statement, since several workers may come to the same verdict at one moment.
_SUPPRESS = text(
    "INSERT INTO mail_suppressions (address_key, reason, since) VALUES (:key, :reason, :since)"
    " ON CONFLICT (address_key) DO UPDATE SET reason = excluded.reason, since = excluded.since"
)


@dataclass(frozen=True)
class Guard:
    """At most `messages` of a guarded kind go to one address within `seconds`."""

    messages: int = 3
    seconds: float = 15 * 60.0


def admit(session: Session, held: Claim, guard: Guard, *, now: float) -> bool:
    """Let this message through unless its address has had enough of the kind; then remember it.

    Exact also where many workers ask at once. A message that was let through stays so.
    """
    if session.get_bind().dialect.name == "postgresql":
        # Counting and marking must be one: nobody else may count for this address meanwhile.
        lock = func.hashtextextended(f"{held.kind} {held.recipient_key}", 0)
        session.execute(select(func.pg_advisory_xact_lock(lock)))
    other = aliased(OutboxMessage)
    admitted = (
        select(func.count())
        .select_from(other)
        .where(
            other.recipient_key == held.recipient_key,
            other.kind == held.kind,
            other.id != held.id,
            other.admitted_at > now - guard.seconds,
        )
        .scalar_subquery()
    )
    mark = (
        update(OutboxMessage)
        .where(
            OutboxMessage.id == held.id,
            OutboxMessage.admitted_at.is_not(None) | (admitted < guard.messages),
        )
        .values(admitted_at=func.coalesce(OutboxMessage.admitted_at, now))
        .execution_options(synchronize_session=False)
    )
    return bool(session.execute(mark).rowcount)  # type: ignore[attr-defined]


def condemns_address(answer: str) -> bool:
    """Whether a server's refusal says that the address does not exist."""
    return bool(_NO_SUCH_ADDRESS.search(answer))


def suppress(session: Session, condemned: Iterable[tuple[str, str]], *, now: float) -> None:
    """Send nothing more to these addresses; each comes with the server's words."""
    for address, reason in condemned:
        values = {"key": address_key(address), "reason": reason, "since": now}
        session.execute(_SUPPRESS, values)


def suppression(session: Session, key: str) -> Suppression | None:
    """Why nothing is sent to the address with this key, if so."""
    return session.get(Suppression, key)


def suppressions(session: Session, key: str | None = None) -> Sequence[Suppression]:
    """All suppressed addresses, newest first, or the one with this key."""
    wanted = select(Suppression).order_by(Suppression.since.desc())
    return session.scalars(wanted.where(Suppression.address_key == key) if key else wanted).all()


def search_suppressions(
    session: Session, part: str, *, after: str = "", count: int = 50
) -> Sequence[Suppression]:
    """Suppressed addresses that hold `part`, by the alphabet; `after` a key continues a list."""
    key = Suppression.address_key
    wanted = select(Suppression).order_by(key).limit(count)
    if part:
        wanted = wanted.where(key.contains(part.lower(), autoescape=True))
    return session.scalars(wanted.where(key > after) if after else wanted).all()


def lift_suppression(session: Session, key: str) -> bool:
    """Send to the address again; False where it was not suppressed."""
    found = session.get(Suppression, key)
    if found is not None:
        session.delete(found)
    return found is not None
