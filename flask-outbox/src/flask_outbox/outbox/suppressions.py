"""Suppressions: addresses that nothing is sent to, as a server said that they do not exist.

They end after SUPPRESSED_SECONDS, since addresses come back and servers err. Mail that leads back
into an account is tried once a day all the same; those that an operator added are the exception.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum

from sqlalchemy import String, bindparam, delete, exists, select, text
from sqlalchemy.orm import Session

from flask_outbox.message.addresses import Address, address_key
from flask_outbox.outbox.email_types import DAY
from flask_outbox.outbox.models import OutboxMessage, Status, Suppression

SUPPRESSED_SECONDS = 180 * DAY
"""How long an address is suppressed that a server called dead: providers give names anew after
half a year and later."""

TRIED_EVERY = DAY
"""How often mail that leads back into an account is tried at a suppressed address."""

GIVEN_UP_SECONDS = 5 * DAY
"""When what was tried at a suppressed address has not come back for so long, the address took it:
servers give up after five days (RFC 5321, section 4.5.4.1)."""

# Enhanced codes (RFC 3463, RFC 7505) about the address itself, not about this one message to it.
_NO_SUCH_ADDRESS = re.compile(r"\b5\.1\.(?:1|2|3|6|10)\b")


class SuppressionSource(StrEnum):
    """Who said that nothing is to be sent to an address. Values are stored."""

    ANSWER = "answer"
    REPORT = "report"
    PROVIDER = "provider"
    OPERATOR = "operator"


# One statement, since several workers may suppress an address at the same moment. What an operator
# added stays as it is.
_SUPPRESS = text(
    "INSERT INTO mail_suppressions (address_key, reason, since, until, source)"
    " VALUES (:key, :reason, :since, :until, :source)"
    " ON CONFLICT (address_key) DO UPDATE SET reason = excluded.reason, since = excluded.since,"
    " until = excluded.until, source = excluded.source"
    " WHERE mail_suppressions.source <> 'operator' OR excluded.source = 'operator'"
)

# One statement decides who tries: of all messages of a day one, and that one again while it is
# deferred, which happened after it was let through. What was refused at first was that day's.
_TRY = text(
    "UPDATE mail_suppressions SET tried_at = :now"
    " WHERE address_key = :key AND source <> 'operator'"
    " AND (since <= :before AND (tried_at IS NULL OR tried_at <= :before)"
    " OR tried_at <= :deferred_at)"
)


def condemns_address(answer: str) -> bool:
    """Whether a server's refusal says that the address does not exist."""
    return bool(_NO_SUCH_ADDRESS.search(answer))


def suppress(
    session: Session,
    condemned: Iterable[tuple[str, str]],
    *,
    now: float,
    source: SuppressionSource = SuppressionSource.ANSWER,
) -> None:
    """Send nothing more to these addresses; each comes with the words of whoever said so.

    It ends after SUPPRESSED_SECONDS, unless an operator says it. Raises AddressError.
    """
    until = None if source is SuppressionSource.OPERATOR else now + SUPPRESSED_SECONDS
    for address, reason in condemned:
        values = {
            "key": address_key(address),
            "reason": reason,
            "since": now,
            "until": until,
            "source": source.value,
        }
        session.execute(_SUPPRESS, values)


def may_try(session: Session, key: str, *, now: float, deferred_at: float = 0.0) -> bool:
    """Whether mail that leads back into an account may be tried at a suppressed address.

    Once a day it may, the first time a day after the address was refused. A message that was let
    through and `deferred_at` (Unix time) may again.
    """
    values = {"key": key, "now": now, "before": now - TRIED_EVERY, "deferred_at": deferred_at}
    tried = session.execute(_TRY, values)
    return bool(tried.rowcount)  # type: ignore[attr-defined]


def lift_proved_wrong(
    session: Session, key: str, *, sent_at: float, sources: Iterable[SuppressionSource]
) -> bool:
    """Lift the suppression of an address that took what was sent at `sent_at`, if it began before.

    Only those of these `sources`; an operator's is never among them.
    """
    lifted = session.execute(
        delete(Suppression).where(
            Suppression.address_key == key,
            Suppression.source.in_([one.value for one in sources]),
            Suppression.since < sent_at,
        )
    )
    return bool(lifted.rowcount)  # type: ignore[attr-defined]


def forget_ended(session: Session, now: float) -> bool:
    """Delete suppressions that have ended, or that what was tried has proved wrong.

    A periodic task, which never leaves some over.
    """
    session.execute(delete(Suppression).where(Suppression.until <= now))
    took_mail = exists().where(
        OutboxMessage.recipient_key == Suppression.address_key,
        OutboxMessage.status.in_([Status.SENT, Status.DELIVERED]),
        OutboxMessage.settled_at > Suppression.since,
        OutboxMessage.settled_at <= now - GIVEN_UP_SECONDS,
    )
    came_back = [SuppressionSource.REPORT.value, SuppressionSource.PROVIDER.value]
    session.execute(
        delete(Suppression)
        .where(Suppression.source.in_(came_back), took_mail)
        .execution_options(synchronize_session=False)
    )
    return False


# Building a statement costs more than running it, and an application may ask on each page.
_BY_KEY = select(Suppression).where(Suppression.address_key == bindparam("key", type_=String))


def suppression(session: Session, key: str, *, now: float | None = None) -> Suppression | None:
    """The suppression of the address with this key, or None; at `now` (Unix time), if given."""
    found = session.scalar(_BY_KEY, {"key": key})
    ended = found is not None and found.until is not None and now is not None and found.until <= now
    return None if ended else found


def suppressed_among(session: Session, addresses: Sequence[str], *, now: float) -> dict[str, str]:
    """Those of the addresses, which were parsed before, that are suppressed at `now` (Unix time).

    Each comes with its reason.
    """
    keys = {address: Address.from_mailbox(address).key for address in addresses}
    found = session.scalars(
        select(Suppression).where(
            Suppression.address_key.in_(set(keys.values())),
            (Suppression.until.is_(None)) | (Suppression.until > now),
        )
    )
    reasons = {one.address_key: one.reason for one in found}
    return {address: reasons[key] for address, key in keys.items() if key in reasons}


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
