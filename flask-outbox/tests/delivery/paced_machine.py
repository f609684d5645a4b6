"""A state machine that delivers under rate limits in any order, and knows what they allow.

Processes with their own hints claim, offer, release, are slow, die and start again; time is a
number. A ledger, which follows the rules of docs/delivery.md alone, knows which slots are in
use and so which messages may leave. The claims are the real ones.
"""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session, sessionmaker

from flask_outbox import Priority
from flask_outbox.delivery.claims import Claim, Claims, Settlement
from flask_outbox.delivery.dispatcher import ALL_PRIORITIES, HIGH_ONLY
from flask_outbox.delivery.pacing import DOMAINS_AT_ONCE, HINT_SECONDS, Pacing
from flask_outbox.delivery.slots import EVERYTHING
from flask_outbox.outbox.models import Model, RateSlot, Status
from flask_outbox.outbox.rate_limits import RateLimit, RateLimits, parse_rate_limits
from tests.databases import WRITING
from tests.delivery.bare_outbox import put
from tests.windows import most_within

LEASE = 20.0
DELAY = 45.0
THREADS = 6
THREADS_OF_A_PROCESS = 2

FEW = ["gmail.com", "example.com", "example.org"]
MANY = [f"domain{number:02}.example" for number in range(DOMAINS_AT_ONCE + 3)]

CASES = (
    ("3/10seconds", None, FEW),
    ("10/minute", None, FEW),
    ("2/5seconds, 5/30seconds", "gmail.com=1/10seconds", FEW),
    ("12/minute", "gmail.com=3/minute, *=2/minute", FEW),
    (None, "gmail.com=2/10seconds, gmail.com=3/minute, *=2/10seconds", FEW),
    (None, "*=1/10seconds", MANY),
)
"""Overall limits, limits by domain, and the domains that messages go to."""

LANES = st.sampled_from([*Priority])

ACTIONS = (
    *["claim"] * 3,
    "claim what is urgent",
    *["offer"] * 3,
    "settle",
    "settle and claim",
    "refuse for now",
    "give back",
    "give back and claim",
    "server is away",
    "renew",
    "stall",
    "die",
)
"""What a thread does next: without a claim it claims; an action that does not fit is a wait."""

STEPS = st.tuples(
    st.integers(0, THREADS - 1),
    st.sampled_from(ACTIONS),
    st.sampled_from([0.0, 0.0, 0.3, 1.0, 6.0]),
)
"""Which thread acts, what it does, and how many seconds pass after it."""


@dataclass
class Row:
    lane: Priority
    domain: str
    due_at: float
    waits: bool = True
    attempts: int = 0


@dataclass
class Use:
    """The last use of a slot, and until when it is in use."""

    uses: int
    until: float


@dataclass(eq=False)
class Process:
    """Threads that die together; `others_gave_back` is when others last released slots, unseen."""

    pacing: Pacing
    others_gave_back: float = -math.inf


@dataclass(eq=False)
class Thread:
    process: Process
    claims: Claims
    claim: Claim | None = None
    lease_ends: float = 0.0
    is_offered: bool = False


class PacedMachine(RuleBasedStateMachine):
    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine
        self.sessions = sessionmaker(engine)
        self.now = 1_800_000_000.0
        self.limits, self.domains = RateLimits(), FEW
        self.threads: list[Thread] = []
        self.rows: dict[int, Row] = {}
        self.ledger: dict[str, dict[int, Use]] = defaultdict(dict)
        self.offers: dict[tuple[str, bool], list[float]] = defaultdict(list)
        """When a server was offered something, by the scope of a limit, and whether urgent."""
        with self.writing() as session:
            for table in Model.metadata.sorted_tables:
                session.execute(delete(table))

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with self.sessions() as session:
            session.connection(execution_options=WRITING)
            yield session
            session.commit()

    # What happens

    @initialize(case=st.sampled_from(CASES), lane=LANES)
    def begin(self, case: tuple[str | None, str | None, list[str]], lane: Priority) -> None:
        overall, by_domain, self.domains = case
        self.limits = parse_rate_limits(overall, by_domain)
        self._post(lane, self.domains * 2)
        while len(self.threads) < THREADS:
            self._start_process()

    def _start_process(self) -> Process:
        process = Process(Pacing(self.limits))
        for _ in range(THREADS_OF_A_PROCESS):
            claims = Claims(self.engine, lease=LEASE, pacing=process.pacing)
            self.threads.append(Thread(process, claims))
        return process

    @rule(lane=LANES, which=st.lists(st.integers(0, len(MANY) - 1), min_size=1, max_size=6))
    def post(self, lane: Priority, which: list[int]) -> None:
        self._post(lane, [self.domains[number % len(self.domains)] for number in which])

    def _post(self, lane: Priority, domains: Sequence[str]) -> None:
        with self.writing() as session:
            for domain in domains:
                self.now += 0.001
                key = f"person@{domain}"
                number = put(session, lane=lane, recipient_key=key, due_at=self.now)
                self.rows[number] = Row(lane, domain, self.now)

    @rule(steps=st.lists(STEPS, min_size=1, max_size=12))
    def work(self, steps: list[tuple[int, str, float]]) -> None:
        for which, action, seconds in steps:
            thread = self.threads[which]
            if thread.claim is None:
                self._claim(thread, HIGH_ONLY if "urgent" in action else ALL_PRIORITIES)
            else:
                self._act(thread, thread.claim, action)
            self.now += seconds

    @rule(seconds=st.sampled_from([1.0, 5.0, 10.0, 60.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    def _act(self, thread: Thread, claim: Claim, action: str) -> None:
        if action == "die":
            self._die(thread.process)
        elif action == "stall":
            # So long that others may take what it holds: the row, and after that the slots.
            longest = max((slot.seconds for slot in claim.slots), default=0)
            self.now = max(self.now, thread.lease_ends + longest)
        elif action == "renew":
            self._renew(thread, claim)
        elif action == "offer":
            self._offer(thread, claim)
        elif thread.is_offered or action.startswith("settle"):
            self._offer(thread, claim)
            self._settle(thread, claim, Status.SENT, reached_server=True, claims="claim" in action)
        elif action == "refuse for now":
            self._offer(thread, claim)
            self._settle(thread, claim, Status.DEFERRED, reached_server=True, due_in=DELAY)
        elif action.startswith("give back"):
            self._settle(
                thread, claim, Status.DISCARDED, reached_server=False, claims="claim" in action
            )
        elif action == "server is away":
            self._settle(thread, claim, Status.DEFERRED, reached_server=False, due_in=0.0)

    def _die(self, process: Process) -> None:
        dead = [thread for thread in self.threads if thread.process is process]
        for thread in dead:
            thread.claims.close()
            self.threads.remove(thread)
        self._start_process()

    # What that must lead to

    def _claim(
        self, thread: Thread, priorities: range, settlement: Settlement | None = None
    ) -> None:
        thread.claims.refresh_rate_limited()
        _ours, claim = thread.claims.settle_and_claim(settlement, priorities, now=self.now)
        self._claimed(thread, claim, priorities)

    def _claimed(self, thread: Thread, claim: Claim | None, priorities: range) -> None:
        may_leave = [
            row for row in self.rows.values() if row.lane in priorities and self._may_leave(row)
        ]
        is_informed = self.now - thread.process.others_gave_back >= HINT_SECONDS
        if claim is None:
            assert not (may_leave and is_informed), f"claim up without need: {may_leave}"
            opens_in = thread.process.pacing.opens_in(priorities, self.now)
            assert opens_in > 0.0, "it would ask again and again"
            if any(row.lane in priorities and self._is_due(row) for row in self.rows.values()):
                assert opens_in <= HINT_SECONDS, "it would not ask in time"
            return
        row = self.rows[claim.id]
        assert row in may_leave, f"{row} left too early"
        if is_informed:
            self._is_first(row, may_leave)
        row.attempts += 1
        assert claim.attempts == row.attempts
        self._takes_slots(row, claim)
        thread.claim, thread.is_offered = claim, False
        thread.lease_ends = row.due_at = self.now + LEASE

    def _is_first(self, row: Row, may_leave: list[Row]) -> None:
        first = min(may_leave, key=lambda one: (one.lane, one.due_at))
        if len(self.domains) > DOMAINS_AT_ONCE:
            # Among so many, only what is urgent is sure to be found before the rest.
            assert row.lane == Priority.HIGH or first.lane != Priority.HIGH, f"{row} before {first}"
        else:
            assert (row.lane, row.due_at) == (first.lane, first.due_at), f"{row} before {first}"

    def _takes_slots(self, row: Row, claim: Claim) -> None:
        """Take a free slot of each limit."""
        wanted = [pools for _, pools in self._pools_of(row)]
        assert len(claim.slots) == len(wanted)
        for slot, pools in zip(claim.slots, wanted, strict=True):
            assert 0 <= slot.number < pools[slot.name]
            known = self.ledger[slot.name].setdefault(slot.number, Use(0, -math.inf))
            assert known.until <= self.now, "somebody else uses this slot"
            known.uses, known.until = slot.uses, self.now + LEASE + slot.seconds

    def _offer(self, thread: Thread, claim: Claim) -> None:
        if thread.is_offered:
            return
        thread.is_offered = True
        if self.now > thread.lease_ends:
            return  # A lease is renewed in time; otherwise nothing is promised.
        row = self.rows[claim.id]
        for scope in (EVERYTHING, row.domain):
            self.offers[scope, row.lane == Priority.HIGH].append(self.now)
            for limit in self._limits_of(scope):
                others, urgent = self.offers[scope, False], self.offers[scope, True]
                assert most_within(limit.seconds, [*others, *urgent]) <= limit.count
                assert most_within(limit.seconds, others) <= limit.count - _reserved(limit)

    def _settle(
        self,
        thread: Thread,
        claim: Claim,
        status: Status,
        *,
        reached_server: bool,
        due_in: float | None = None,
        claims: bool = False,
    ) -> None:
        due_at = None if due_in is None else self.now + due_in
        settlement = Settlement(
            claim, status, "", self.now, due_at=due_at, reached_server=reached_server
        )
        row = self.rows[claim.id]
        if row.waits and row.attempts == claim.attempts:
            row.waits, row.due_at = due_at is not None, due_at or row.due_at
        for slot in claim.slots:
            self._frees(slot.name, slot.number, slot.uses, slot.seconds if reached_server else 0)
        if not reached_server:
            for process in {one.process for one in self.threads} - {thread.process}:
                process.others_gave_back = self.now
        thread.claim = None
        if claims:
            self._claim(thread, ALL_PRIORITIES, settlement)
        else:
            thread.claims.settle(settlement)

    def _renew(self, thread: Thread, claim: Claim) -> None:
        row = self.rows[claim.id]
        is_ours = row.waits and row.attempts == claim.attempts
        assert thread.claims.renew(claim, until=self.now + LEASE) == is_ours
        if is_ours:
            row.due_at = self.now + LEASE
            if self.now <= thread.lease_ends:
                # Later, its slots may be gone though its row is not: nothing is promised then.
                thread.lease_ends = row.due_at
            for slot in claim.slots:
                self._frees(slot.name, slot.number, slot.uses, LEASE + slot.seconds)

    def _frees(self, name: str, number: int, uses: int, after: float) -> None:
        """Record when a slot is free, which only its present user may decide.

        A free one may have been taken and released since, unseen: the table knows.
        """
        use = self.ledger[name][number]
        if use.uses == uses and (use.until > self.now or self._uses(name, number) == uses):
            use.until = self.now + after

    def _uses(self, name: str, number: int) -> int | None:
        with self.sessions() as session:
            return session.scalar(
                select(RateSlot.uses).where(RateSlot.name == name, RateSlot.number == number)
            )

    # What the limits say

    def _is_due(self, row: Row) -> bool:
        return row.waits and row.due_at <= self.now

    def _may_leave(self, row: Row) -> bool:
        return self._is_due(row) and all(
            any(self._in_use(name) < count for name, count in pools.items())
            for _, pools in self._pools_of(row)
        )

    def _in_use(self, name: str) -> int:
        return sum(use.until > self.now for use in self.ledger[name].values())

    def _limits_of(self, scope: str) -> tuple[RateLimit, ...]:
        return self.limits.overall if scope == EVERYTHING else self.limits.of(scope)

    def _pools_of(self, row: Row) -> Iterator[tuple[RateLimit, dict[str, int]]]:
        """Each limit of this message, with the numbers of the slots that it may take."""
        for scope in (EVERYTHING, row.domain):
            for limit in self._limits_of(scope):
                name = f"{scope} {limit.seconds}"
                pools = {name: limit.count - _reserved(limit)}
                if row.lane == Priority.HIGH and _reserved(limit):
                    pools[f"{name} prompt"] = _reserved(limit)
                yield limit, pools

    # How it ends

    def teardown(self) -> None:
        """Check that one process alone can settle everything, with few polls, whatever happened."""
        if sys.exc_info()[0] is None:
            self._bring_to_an_end()
        for thread in self.threads:
            thread.claims.close()

    def _bring_to_an_end(self) -> None:
        process = self._start_process()
        thread = self.threads[-1]
        while any(row.waits for row in self.rows.values()):
            self._claim(thread, ALL_PRIORITIES)
            if thread.claim is not None:
                self._offer(thread, thread.claim)
                self._settle(thread, thread.claim, Status.SENT, reached_server=True)
                continue
            due = [row.due_at for row in self.rows.values() if row.waits]
            free = [use.until for uses in self.ledger.values() for use in uses.values()]
            # Something must be due or free then; its hints were valid for a second.
            self.now = min(moment for moment in [*due, *free] if moment > self.now)
            self.now += min(process.pacing.opens_in(ALL_PRIORITIES, self.now), HINT_SECONDS)


def _reserved(limit: RateLimit) -> int:
    """The slots of a limit by the minute or longer that are reserved for urgent mail: a tenth."""
    if limit.seconds < 60 or limit.count == 1:
        return 0
    return max(1, limit.count // 10)
