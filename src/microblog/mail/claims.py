"""Claiming and settling rows of the outbox: the SQL of delivery, each function one statement.

A claim moves `due_at` forward by a lease and counts the attempt, in one UPDATE. Whoever settles
must still hold that attempt's number, so that a worker that was thought dead cannot overwrite a
newer one. A crash leaves nothing to clean up: the lease runs out and the row is due again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from microblog.mail.models import WAITING, OutboxMessage, Status


@dataclass(frozen=True, slots=True)
class Claim:
    """A row as it was when it was claimed; `attempts` is the fence."""

    id: int
    kind: str
    recipient: str
    locale: str
    arguments: Mapping[str, Any]
    recipients: list[str] | None
    message_id: str
    created_at: float
    expires_at: float | None
    attempts: int
    failures: int


_CLAIMED = [getattr(OutboxMessage, name) for name in Claim.__dataclass_fields__]


def claim(session: Session, *, now: float, lease: float, lanes: range) -> Claim | None:
    """Take the most urgent due row of these lanes for `lease` seconds."""
    due = (
        select(OutboxMessage.id)
        .where(
            OutboxMessage.status.in_(WAITING),
            OutboxMessage.lane >= lanes.start,
            OutboxMessage.lane < lanes.stop,
            OutboxMessage.due_at <= now,
        )
        .order_by(OutboxMessage.lane, OutboxMessage.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    take = (
        update(OutboxMessage)
        .where(OutboxMessage.id == due)
        .values(
            due_at=now + lease,
            attempts=OutboxMessage.attempts + 1,
            failures=OutboxMessage.failures + 1,
        )
        .returning(*_CLAIMED)
        .execution_options(synchronize_session=False)
    )
    row = session.execute(take).one_or_none()
    return Claim(*row) if row else None


def renew(session: Session, held: Claim, *, until: float) -> bool:
    """Lengthen the lease; False when the claim is no longer ours."""
    return _change(session, held, {"due_at": until})


def settle(
    session: Session, held: Claim, status: Status, answer: str, *, now: float, forget: bool = False
) -> bool:
    """Write the end of the story. `forget` drops the arguments: nobody will compose it again.

    False when the claim is no longer ours; then nothing was written.
    """
    values: dict[str, Any] = {"status": status, "answer": answer, "settled_at": now}
    if forget:
        values["arguments"] = {}
    return _change(session, held, values)


def defer(
    session: Session,
    held: Claim,
    answer: str,
    *,
    due_at: float,
    recipients: list[str] | None = None,
) -> bool:
    """Put the row back for another attempt at `due_at`."""
    values: dict[str, Any] = {"status": Status.DEFERRED, "answer": answer, "due_at": due_at}
    if recipients is not None:
        values["recipients"] = recipients
    return _change(session, held, values)


def release(session: Session, held: Claim, answer: str, *, due_at: float) -> bool:
    """Put the row back as if it had not been tried: the trouble was not the message's."""
    values = {
        "status": Status.DEFERRED,
        "answer": answer,
        "due_at": due_at,
        "failures": held.failures - 1,
    }
    return _change(session, held, values)


def next_due(session: Session) -> float | None:
    """When the next waiting row is due, or its lease runs out; None when nothing waits."""
    waiting = OutboxMessage.status.in_(WAITING)
    return session.scalar(select(func.min(OutboxMessage.due_at)).where(waiting))


def _change(session: Session, held: Claim, values: dict[str, Any]) -> bool:
    change = (
        update(OutboxMessage)
        .where(
            OutboxMessage.id == held.id,
            OutboxMessage.attempts == held.attempts,
            OutboxMessage.status.in_(WAITING),
        )
        .values(values)
        .execution_options(synchronize_session=False)
    )
    return bool(session.execute(change).rowcount)  # type: ignore[attr-defined]
