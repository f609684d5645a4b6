"""Admission: the limit on how much mail that strangers can trigger one address gets.

It is checked when a message is delivered, never when it is enqueued, so neither the answer of a
page nor its time reveals anything about an address.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ScalarSelect, func, select, update
from sqlalchemy.orm import Session, aliased

from flask_outbox.delivery.claims import Claim
from flask_outbox.outbox.email_types import DAY, HOUR
from flask_outbox.outbox.limits import RecipientLimit, Share
from flask_outbox.outbox.models import OutboxMessage


def admit(
    session: Session,
    claim: Claim,
    recipient_limit: RecipientLimit,
    *,
    now: float,
    share: Share | None = None,
) -> bool:
    """Admit a message unless its address has reached the limit; return whether it is admitted.

    It is counted with the messages of its share, or of its own kind. The count is exact even if
    many workers ask at once. A message that was admitted once stays admitted.
    """
    if session.get_bind().dialect.name == "postgresql":
        # Nobody else may count the messages of this address until this one is marked.
        lock = func.hashtextextended(f"guard {claim.recipient_key}", 0)
        session.execute(select(func.pg_advisory_xact_lock(lock)))
    share = share or Share((claim.kind,))

    def admitted(seconds: float) -> ScalarSelect[int]:
        return _admitted(claim, share.kinds, since=now - seconds)

    has_room = (admitted(recipient_limit.seconds) < recipient_limit.messages) & (
        admitted(DAY) < recipient_limit.daily
    )
    if share.stays_open:
        has_room |= admitted(max(HOUR, recipient_limit.seconds)) == 0
    mark = (
        update(OutboxMessage)
        .where(OutboxMessage.id == claim.id, OutboxMessage.admitted_at.is_not(None) | has_room)
        .values(admitted_at=func.coalesce(OutboxMessage.admitted_at, now))
        .execution_options(synchronize_session=False)
    )
    return bool(session.execute(mark).rowcount)  # type: ignore[attr-defined]


def _admitted(claim: Claim, kinds: Sequence[str], *, since: float) -> ScalarSelect[int]:
    """How many other messages of these kinds were admitted to the same address."""
    other = aliased(OutboxMessage)
    return (
        select(func.count())
        .select_from(other)
        .where(
            other.recipient_key == claim.recipient_key,
            other.kind.in_(kinds),
            other.id != claim.id,
            other.admitted_at > since,
        )
        .scalar_subquery()
    )
