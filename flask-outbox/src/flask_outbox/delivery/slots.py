"""The slots of rate limits: ten messages a minute are ten slots, each usable once a minute.

A message takes a slot of each of its limits when it is claimed. The slot is leased as the message
is; once the message has reached the server, the slot becomes free when the limit's time has passed
since then. So no stretch of that time sees more messages than there are slots, however many
processes deliver and however long a delivery takes. A message that did not reach the server gives
its slots back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Dialect, delete, func, select, text
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.orm import Session

from flask_outbox.delivery.raw_sql import Statement
from flask_outbox.outbox.email_types import DAY
from flask_outbox.outbox.models import RateSlot
from flask_outbox.outbox.rate_limits import RateLimit

EVERYTHING = "*"
"""The scope of limits on all messages together; other scopes are domains."""

FORGET_AFTER_SECONDS = DAY
"""Longer than anybody can still use a slot under its old fence."""

_RESERVED = " prompt"
"""The end of a pool's name that only urgent mail may use."""

_TAKE = """UPDATE mail_rate_slots SET free_at = :free_at, uses = uses + 1
    WHERE name = :name AND number = (SELECT number FROM mail_rate_slots
        WHERE name = :name AND free_at <= :now AND number < :count
        ORDER BY free_at LIMIT 1 {lock})
    RETURNING number, uses"""

# Slots are made when they are first needed, so that a domain that gets little mail has few.
_MAKE = """INSERT INTO mail_rate_slots (name, number, free_at, uses)
    SELECT :name, next.number, :free_at, 1
    FROM (SELECT COALESCE(MAX(number) + 1, 0) AS number FROM mail_rate_slots
        WHERE name = :name) AS next
    WHERE next.number < :count
    ON CONFLICT DO NOTHING RETURNING number, uses"""

_NEXT_FREE = """SELECT free_at FROM mail_rate_slots WHERE name = :name AND number < :count
    ORDER BY free_at LIMIT 1"""

_SET = """UPDATE mail_rate_slots SET free_at = :free_at
    WHERE name = :name AND number = :number AND uses = :uses"""


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot that is taken; `uses` is the fence: whoever changes the slot must know its value."""

    scope: str
    name: str
    number: int
    uses: int
    seconds: int


class NoSlotError(Exception):
    """A limit is reached; `until` is the Unix time at which one of its slots will be free.

    `for_all` tells that not even urgent mail can leave: no slot is reserved for it.
    """

    def __init__(self, until: float, *, for_all: bool) -> None:
        super().__init__(until)
        self.until = until
        self.for_all = for_all


class Slots:
    """Takes slots and sets when they are free again, in the caller's transaction."""

    def __init__(self, dialect: Dialect) -> None:
        lock = "" if dialect.name == "sqlite" else "FOR UPDATE SKIP LOCKED"
        self._take = Statement(_TAKE.format(lock=lock), dialect)
        self._make = Statement(_MAKE, dialect)
        self._next_free = Statement(_NEXT_FREE, dialect)
        self._set = Statement(_SET, dialect)

    def take(
        self,
        cursor: DBAPICursor,
        scope: str,
        limits: Iterable[RateLimit],
        *,
        urgent: bool,
        now: float,
        until: float,
    ) -> list[Slot]:
        """Take one slot of each limit until then. Raises NoSlotError and takes none if one is full.

        `urgent` mail may also use the slots that are reserved for it.
        """
        taken: list[Slot] = []
        for limit in limits:
            pools = list(_pools(scope, limit, urgent=urgent))
            slot = self._take_one(cursor, scope, limit, pools, now=now, until=until)
            if slot is None:
                self.give_back(cursor, taken, now=now)
                for_all = urgent or not limit.reserved
                raise NoSlotError(self._opening(cursor, pools), for_all=for_all)
            taken.append(slot)
        return taken

    def keep(self, cursor: DBAPICursor, slots: Iterable[Slot], *, until: float) -> None:
        """Free these slots when their limit's time has passed since `until`."""
        for slot in slots:
            self._free_at(cursor, slot, until + slot.seconds)

    def give_back(self, cursor: DBAPICursor, slots: Iterable[Slot], *, now: float) -> None:
        """Free these slots now: their message did not reach a server."""
        for slot in slots:
            self._free_at(cursor, slot, now)

    def _take_one(
        self,
        cursor: DBAPICursor,
        scope: str,
        limit: RateLimit,
        pools: Sequence[tuple[str, int]],
        *,
        now: float,
        until: float,
    ) -> Slot | None:
        for name, count in pools:
            for statement in (self._take, self._make):
                values = {"name": name, "count": count, "now": now}
                row = statement.run(cursor, values | {"free_at": until + limit.seconds}).fetchone()
                if row is not None:
                    number, uses = row
                    return Slot(scope, name, number, uses, limit.seconds)
        return None

    def _opening(self, cursor: DBAPICursor, pools: Sequence[tuple[str, int]]) -> float:
        rows = [
            self._next_free.run(cursor, {"name": name, "count": count}).fetchone()
            for name, count in pools
        ]
        return min((row[0] for row in rows if row is not None), default=0.0)

    def _free_at(self, cursor: DBAPICursor, slot: Slot, free_at: float) -> None:
        fence = {"name": slot.name, "number": slot.number, "uses": slot.uses}
        self._set.run(cursor, fence | {"free_at": free_at})


def forget_slots(session: Session, now: float) -> bool:
    """A periodic task: remove the slots of limits that were not used for a day.

    They are made again when they are needed. Returns False: there is never more to do.
    """
    if session.get_bind().dialect.name == "postgresql":
        # Nobody may take or make a slot between the query and the removal.
        session.execute(text("LOCK TABLE mail_rate_slots IN SHARE ROW EXCLUSIVE MODE"))
    free = (
        select(RateSlot.name)
        .group_by(RateSlot.name)
        .having(func.max(RateSlot.free_at) < now - FORGET_AFTER_SECONDS)
    )
    session.execute(delete(RateSlot).where(RateSlot.name.in_(free)))
    return False


def seconds_of(name: str) -> int:
    """How long a slot of this pool counts, as its name tells."""
    return int(name.removesuffix(_RESERVED).rpartition(" ")[2])


def _pools(scope: str, limit: RateLimit, *, urgent: bool) -> Iterator[tuple[str, int]]:
    """Where slots may be taken: each pool's name and number of slots."""
    name = f"{scope} {limit.seconds}"
    yield name, limit.count - limit.reserved
    if urgent and limit.reserved:
        yield f"{name}{_RESERVED}", limit.reserved
