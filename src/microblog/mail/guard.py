"""What keeps mail from an address that should not get it: too much of it, or a server's verdict.

Both are looked at where a message is delivered, never where it is asked for, so that no page's
answer or time tells anything about an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ScalarSelect, func, select, text, update
from sqlalchemy.orm import Session, aliased

from microblog.mail.addresses import address_key
from microblog.mail.claims import Claim
from microblog.mail.kinds import DAY, HOUR, MINUTE
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
    """How many messages that strangers can trigger one address gets of each share.

    At most `messages` within `seconds`, and `daily` within a day.
    """

    messages: int = 3
    seconds: float = 15 * MINUTE
    daily: int = 10

    def opens_at(self, posted: Sequence[float], *, now: float) -> float | None:
        """When the next message would be let through after those posted then; None for now."""
        opens = now
        for most, seconds in ((self.messages, self.seconds), (self.daily, DAY)):
            counted = sorted(moment for moment in posted if moment > now - seconds)
            if len(counted) >= most:
                opens = max(opens, counted[-most] + seconds)
        return opens if opens > now else None


@dataclass(frozen=True, slots=True)
class Share:
    """Kinds of message that are counted together, so that others do not use it up.

    One that `stays_open` has one message an hour also when the day's are used up: else a stranger
    could shut the owner of an address out for the day.
    """

    kinds: tuple[str, ...]
    stays_open: bool = False


def admit(
    session: Session, held: Claim, guard: Guard, *, now: float, share: Share | None = None
) -> bool:
    """Let this message through unless its address has had enough of the share; then remember it.

    Without a share it is counted with those of its kind. Exact also where many workers ask at once.
    A message that was let through stays so.
    """
    if session.get_bind().dialect.name == "postgresql":
        # Counting and marking must be one: nobody else may count for this address meanwhile.
        lock = func.hashtextextended(f"guard {held.recipient_key}", 0)
        session.execute(select(func.pg_advisory_xact_lock(lock)))
    share = share or Share((held.kind,))

    def admitted(seconds: float) -> ScalarSelect[int]:
        return _admitted(held, share.kinds, since=now - seconds)

    has_room = (admitted(guard.seconds) < guard.messages) & (admitted(DAY) < guard.daily)
    if share.stays_open:
        has_room |= admitted(max(HOUR, guard.seconds)) == 0
    mark = (
        update(OutboxMessage)
        .where(OutboxMessage.id == held.id, OutboxMessage.admitted_at.is_not(None) | has_room)
        .values(admitted_at=func.coalesce(OutboxMessage.admitted_at, now))
        .execution_options(synchronize_session=False)
    )
    return bool(session.execute(mark).rowcount)  # type: ignore[attr-defined]


def _admitted(held: Claim, kinds: Sequence[str], *, since: float) -> ScalarSelect[int]:
    """How many other messages of these kinds were let through to the same address."""
    other = aliased(OutboxMessage)
    return (
        select(func.count())
        .select_from(other)
        .where(
            other.recipient_key == held.recipient_key,
            other.kind.in_(kinds),
            other.id != held.id,
            other.admitted_at > since,
        )
        .scalar_subquery()
    )


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
