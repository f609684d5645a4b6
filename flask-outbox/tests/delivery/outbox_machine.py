"""A state machine that does to an outbox whatever can happen to it, in any order.

Workers claim, send, settle, renew and die at any point; time passes; an operator cancels, retries,
prunes and erases. A model says what each message must look like. Claims, deliveries and operations
are the real ones; only the mail server is inside this process.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session, sessionmaker

from flask_outbox import ComposeContext, Discard, Email, EmailType, Outbox, Priority, parse_address
from flask_outbox.delivery.claims import Claim, Claims, Settlement
from flask_outbox.delivery.delivery import Delivery
from flask_outbox.delivery.dispatcher import ALL_PRIORITIES, HIGH_ONLY
from flask_outbox.delivery.leases import LeaseKeeper
from flask_outbox.delivery.pacing import Pacing
from flask_outbox.delivery.servers import Connections, one_server
from flask_outbox.delivery.slots import forget_slots
from flask_outbox.operations import counts, messages
from flask_outbox.operations.messages import NotPossibleError, RejectionReason
from flask_outbox.operations.personal_data import erase_address
from flask_outbox.outbox.email_types import DAY, HOUR
from flask_outbox.outbox.models import Model, OutboxMessage
from flask_outbox.outbox.rate_limits import RateLimits, parse_rate_limits
from flask_outbox.smtp.errors import SmtpError, Step
from flask_outbox.smtp.submission import Accepted, Envelope, RecipientsRefusedError
from tests.databases import WRITING
from tests.windows import most_within

LEASE = 20.0
DELAYS = (60.0, 600.0)
LIFETIME = 100.0
RETENTION = 30 * DAY
WORKERS = 3

OVERALL, BY_DOMAIN, WITHIN = 3, 1, 10
LIMITS = parse_rate_limits(
    f"{OVERALL}/{WITHIN}seconds", f"slow.example={BY_DOMAIN}/{WITHIN}seconds"
)

ADDRESSES = st.sampled_from(
    ["susan@example.com", "john@example.com", "alice@slow.example", "bob@slow.example"]
)
COPY = "copy@example.com"

WAITING = ("queued", "deferred")

TROUBLE = ("unreachable", "busy")
OUTCOMES = (
    "taken",
    "taken by some",
    "taken, but the answer is lost",
    "not taken, and the answer is lost",
    "again",
    "never",
    "no such address",
    "nobody to write to",
    "cannot be written",
    *TROUBLE,
)

KINDS = st.sampled_from(["normal", "prompt", "bulk", "brief", "once"])

WAYS = ("on", "on", "on", "hurry", "renew", "crash", "lease ends")
"""How a worker does its next step; a way that does not fit is ignored."""

STEPS = st.tuples(
    st.integers(0, WORKERS - 1),
    st.sampled_from(WAYS),
    st.sampled_from(OUTCOMES),
    st.sampled_from([0.0, 1.0, LEASE + 1]),
)
"""Which worker acts, how, what happens to a message that it sends, and how many seconds pass."""


@dataclass
class Row:
    """What a message must look like.

    `settled` is the last attempt that was settled; `taken` has the attempts at which the server
    took the message, by recipient; `excused` those after which a copy may follow.
    """

    lane: Priority
    address: str
    due_at: float
    status: str = "queued"
    attempts: int = 0
    failures: int = 0
    settled: int = 0
    reduced: bool = False
    taken: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    excused: set[int] = field(default_factory=set)

    @property
    def waits(self) -> bool:
        return self.status in WAITING


class Server:
    """The mail server and the composer's data; what happens next is set beforehand."""

    def __init__(self, machine: OutboxMachine) -> None:
        self.machine = machine
        self.outcome = "taken"
        self.seconds = 0.0
        self.troubled = False
        self.took_some = False

    def compose(self, _session: Session, context: ComposeContext) -> Email | Discard:
        if self.outcome == "nobody to write to":
            return Discard("nobody is there")
        if self.outcome == "cannot be written":
            raise LookupError("a mistake in a composer")
        to = (context.recipient, parse_address(COPY))
        return Email("Hello", "text", to=to)

    def open(self) -> None:
        if self.outcome == "unreachable":
            self._trouble(SmtpError(Step.CONNECT, None, "nobody answers"))

    def send(self, envelope: Envelope) -> Accepted:
        self.machine.reached_server()
        self.machine.now += self.seconds
        if self.outcome == "busy":
            self._trouble(SmtpError(Step.MAIL, 421, "4.3.2 busy"))
        if self.outcome == "again":
            raise SmtpError(Step.MAIL, 450, "4.2.0 later")
        if self.outcome == "never":
            raise SmtpError(Step.CONTENT, 550, "5.7.1 no")
        if self.outcome == "no such address":
            self.machine.condemned |= set(envelope.recipients)
            refused = SmtpError(Step.RCPT, 550, "5.1.1 no such address")
            raise RecipientsRefusedError([(one, refused) for one in envelope.recipients])
        if self.outcome == "not taken, and the answer is lost":
            raise SmtpError(Step.ACCEPTANCE, None, "connection lost")
        first, *others = envelope.recipients
        if self.outcome == "taken by some" and others:
            self.machine.taken([first])
            self.took_some = True
            later = SmtpError(Step.RCPT, 450, "4.2.2 full")
            return Accepted("250 ok", tuple((one, later) for one in others))
        self.machine.taken(envelope.recipients)
        if self.outcome == "taken, but the answer is lost":
            self.machine.excuse()
            raise SmtpError(Step.ACCEPTANCE, None, "connection lost")
        return Accepted("250 ok")

    def offers(self, _keyword: str, /) -> bool:
        return True

    def close_if_idle(self) -> None:
        pass

    def close(self) -> None:
        pass

    def _trouble(self, error: SmtpError) -> None:
        self.troubled = True
        raise error


@dataclass
class Worker:
    """A thread or a process that delivers, with its present claim."""

    claims: Claims
    delivery: Delivery
    claim: Claim | None = None
    settlement: Settlement | None = None
    lease_ends: float = 0.0


class OutboxMachine(RuleBasedStateMachine):
    """`arrows` are the allowed changes of a status."""

    def __init__(
        self, engine: Engine, arrows: set[tuple[str, str]], limits: RateLimits | None = None
    ) -> None:
        super().__init__()
        self.now = 1_800_000_000.0
        self.arrows = arrows
        self.rows: dict[int, Row] = {}
        self.condemned: set[str] = set()
        self.offers: dict[str, list[float]] = defaultdict(list)
        self.server = Server(self)
        self.acting: Worker | None = None
        self.limits = limits or RateLimits()
        self.outbox = Outbox(
            sessionmaker(engine), sender="site@example.com", clock=lambda: self.now
        )
        self._register_kinds()
        with self.writing() as session:
            for table in Model.metadata.sorted_tables:
                session.execute(delete(table))
        self.workers = [self._worker(engine) for _ in range(WORKERS)]

    def _register_kinds(self) -> None:
        compose = self.server.compose
        for kind in (
            EmailType("normal", compose, delays=DELAYS),
            EmailType("prompt", compose, delays=DELAYS, priority=Priority.HIGH),
            EmailType("bulk", compose, delays=DELAYS, priority=Priority.LOW, guarded=True),
            EmailType("brief", compose, delays=DELAYS, expires_after=timedelta(seconds=LIFETIME)),
            EmailType("once", compose, delays=DELAYS, repeat_unknown=False),
        ):
            self.outbox.register(kind)

    def _worker(self, engine: Engine) -> Worker:
        # Each knows only what it saw itself, as if it were another process.
        pacing = Pacing(self.limits)
        claims = Claims(engine, lease=LEASE, pacing=pacing)
        leases = LeaseKeeper(claims, clock=lambda: self.now)
        return Worker(
            claims,
            Delivery(self.outbox, Connections(one_server(lambda: self.server)), claims, leases),
        )

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with self.outbox.sessions() as session:
            session.connection(execution_options=WRITING)
            yield session
            session.commit()

    # What happens

    @initialize(posts=st.lists(st.tuples(KINDS, ADDRESSES), min_size=1, max_size=6))
    def begin(self, posts: list[tuple[str, str]]) -> None:
        for kind, address in posts:
            self.post(kind, address, is_rolled_back=False)

    @rule(kind=KINDS, address=ADDRESSES, is_rolled_back=st.booleans())
    def post(self, kind: str, address: str, is_rolled_back: bool) -> None:
        self.now += 0.001
        with self.outbox.sessions() as session:
            session.connection(execution_options=WRITING)
            number = self.outbox.enqueue(session, kind, address)
            lane = self.outbox.email_types[kind].priority
            if is_rolled_back:
                session.rollback()
                return
            session.commit()
        self.rows[number] = Row(lane, address, due_at=self.now)

    @rule(steps=st.lists(STEPS, min_size=1, max_size=8))
    def work(self, steps: list[tuple[int, str, str, float]]) -> None:
        for step in steps:
            self._work(*step)
            self.every_message_is_as_it_must_be()

    def _work(self, which: int, way: str, outcome: str, seconds: float) -> None:
        """One worker does its next step, or fails at it."""
        worker = self.workers[which]
        if worker.claim is None:
            self._claim(worker, way)
        elif way == "crash":
            self._crash(worker)
        elif way == "lease ends":
            self.now = max(self.now, worker.lease_ends)
        elif worker.settlement is not None:
            self._settle(worker, and_claim=way == "hurry")
        elif way == "renew":
            self._renew(worker)
        else:
            self._send(worker, outcome, seconds)

    def _claim(self, worker: Worker, way: str) -> None:
        slow = [one.claim.id for one in self.workers if one.claim is not None]
        if way == "lease ends" and slow and not self.limits:
            # Another is so slow that its lease runs out, and this one takes the message over.
            self.now = max(self.now, *(one.lease_ends for one in self.workers))
            self._claim_by_number(worker, slow[0])
        elif way == "renew" and self.rows and not self.limits:
            self._claim_by_number(worker, max(self.rows))
        else:
            priorities = HIGH_ONLY if way == "crash" else ALL_PRIORITIES
            worker.claims.refresh_rate_limited()
            self._claimed(worker, worker.claims.claim(priorities, now=self.now), priorities)

    def _send(self, worker: Worker, outcome: str, seconds: float) -> None:
        assert worker.claim is not None
        self.acting = worker
        server = self.server
        server.outcome, server.seconds = outcome, seconds
        server.troubled = server.took_some = False
        settlement = worker.settlement = worker.delivery.deliver(worker.claim)
        assert settlement.uncounted == (server.troubled or server.took_some)
        assert (settlement.trouble is not None) == server.troubled

    def _settle(self, worker: Worker, *, and_claim: bool) -> None:
        settlement = worker.settlement
        assert settlement is not None
        worker.claim = worker.settlement = None
        expected = self.is_claimed(settlement.claim)
        if not and_claim:
            assert worker.claims.settle(settlement) == expected
            self._settled(settlement, ours=expected)
            return
        ours, claim = worker.claims.settle_and_claim(settlement, ALL_PRIORITIES, now=self.now)
        assert ours == expected
        self._settled(settlement, ours=expected)
        self._claimed(worker, claim, ALL_PRIORITIES)

    def _renew(self, worker: Worker) -> None:
        assert worker.claim is not None
        until = self.now + LEASE
        ours = self.is_claimed(worker.claim)
        assert worker.claims.renew(worker.claim, until=until) == ours
        if ours:
            worker.lease_ends = self.rows[worker.claim.id].due_at = until

    def _crash(self, worker: Worker) -> None:
        assert worker.claim is not None
        if worker.claim.id in self.rows:
            self.rows[worker.claim.id].excused.add(worker.claim.attempts)
        worker.claim = worker.settlement = None
        worker.claims.close()

    @rule(
        seconds=st.sampled_from([0.5, 5.0, WITHIN + 1, LEASE + 1, 700.0, HOUR, 31 * DAY, 400 * DAY])
    )
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.rows)
    @rule(which=st.integers(0, 50), cancels=st.booleans())
    def operate(self, which: int, cancels: bool) -> None:
        """An operator cancels or retries a message, which may be refused."""
        numbers = sorted(self.rows)
        number = numbers[which % len(numbers)]
        if cancels:
            self._cancel(number)
        else:
            self._retry(number)

    def _retry(self, number: int) -> None:
        row = self.rows[number]
        obstacle = self._obstacle_to_retry(row)
        with self._refused_for(obstacle), self.writing() as session:
            messages.retry(session, number, now=self.now)
        if obstacle is None:
            self._move(row, "queued")
            row.due_at, row.failures = self.now, 0
            row.excused |= set(range(row.attempts + 1))

    def _cancel(self, number: int) -> None:
        row = self.rows[number]
        obstacle = None if row.waits else RejectionReason.NOTHING_TO_CANCEL
        with self._refused_for(obstacle), self.writing() as session:
            messages.cancel(session, number, now=self.now)
        if obstacle is None:
            self._move(row, "cancelled")

    @precondition(lambda self: not all(row.waits for row in self.rows.values()))
    @rule(erased=st.none() | ADDRESSES)
    def tidy(self, erased: str | None) -> None:
        """Prune old messages, and erase those to one address for its owner."""
        if erased is not None:
            with self.writing() as session:
                erase_address(session, erased)
            self.rows = {n: row for n, row in self.rows.items() if row.address != erased}
            self.condemned.discard(erased)
        with self.writing() as session:
            while counts.add_up(session, now=self.now):
                pass
            messages.prune(session, now=self.now, retention=RETENTION)
        with self.writing() as session:
            forget_slots(session, self.now)
        found = self.found()
        for number, row in list(self.rows.items()):
            if number in found:
                row.reduced = found[number].reduced
            elif row.reduced:
                del self.rows[number]
            assert not (row.reduced and row.waits)

    # What must hold

    @invariant()
    def every_message_is_as_it_must_be(self) -> None:
        found = self.found()
        assert sorted(found) == sorted(self.rows)
        for number, message in found.items():
            row = self.rows[number]
            assert (message.status, message.attempts, message.failures) == (
                row.status,
                row.attempts,
                row.failures,
            )
            assert (message.settled_at is None) == row.waits
            if row.waits:
                assert message.due_at == row.due_at, "it is due at another time, or stranded"

    def found(self) -> dict[int, OutboxMessage]:
        with self.outbox.sessions() as session:
            return {one.id: one for one in session.scalars(select(OutboxMessage))}

    def teardown(self) -> None:
        """Check that living workers can settle everything that waits, whatever happened before."""
        if sys.exc_info()[0] is None:
            self._bring_to_an_end()
        for worker in self.workers:
            worker.claims.close()

    def _bring_to_an_end(self) -> None:
        for worker in self.workers:
            if worker.claim is not None:
                self._crash(worker)
        for _ in range(len(self.rows) + len(DELAYS) + 1):
            # Long enough for a lease, a delay and a limit.
            self.now += 1.2 * max(DELAYS)
            for worker in self.workers:
                self._claim(worker, "on")
                while worker.claim is not None:
                    self._send(worker, "taken", 0.0)
                    self._settle(worker, and_claim=True)
        assert [number for number, row in self.rows.items() if row.waits] == []
        self.every_message_is_as_it_must_be()

    # What each step means for the model

    def is_due(self, row: Row) -> bool:
        return row.waits and row.due_at <= self.now

    def is_claimed(self, claim: Claim) -> bool:
        row = self.rows.get(claim.id)
        return row is not None and row.waits and row.attempts == claim.attempts

    def _claim_by_number(self, worker: Worker, number: int) -> None:
        row = self.rows.get(number)
        claim = worker.claims.claim_one(number, now=self.now)
        assert (claim is not None) == (row is not None and self.is_due(row))
        if claim is not None:
            self._took(worker, claim)

    def _claimed(self, worker: Worker, claim: Claim | None, priorities: range) -> None:
        due = [
            (r.lane, r.due_at)
            for r in self.rows.values()
            if self.is_due(r) and r.lane in priorities
        ]
        if claim is not None:
            row = self.rows[claim.id]
            assert (row.lane, row.due_at) in due
            assert self.limits or (row.lane, row.due_at) == min(due)
            self._took(worker, claim)
        elif not self.limits:
            assert due == []

    def _took(self, worker: Worker, claim: Claim) -> None:
        row = self.rows[claim.id]
        row.attempts += 1
        row.failures += 1
        assert (claim.attempts, claim.failures) == (row.attempts, row.failures)
        others = [one.claim for one in self.workers if one.claim is not None]
        # It was due, so their leases have run out, or an operator let it be sent again.
        row.excused |= {other.attempts for other in others if other.id == claim.id}
        worker.claim = claim
        worker.lease_ends = row.due_at = self.now + LEASE

    def _settled(self, settlement: Settlement, *, ours: bool) -> None:
        if not ours:
            return
        claim = settlement.claim
        row = self.rows[claim.id]
        self._move(row, str(settlement.status))
        row.settled = claim.attempts
        row.failures = claim.failures - settlement.uncounted
        if row.waits:
            assert settlement.due_at is not None
            assert settlement.due_at <= settlement.at + 1.1 * max(DELAYS)
            row.due_at = settlement.due_at

    def _move(self, row: Row, status: str) -> None:
        assert status == row.status or (row.status, status) in self.arrows
        row.status = status

    @staticmethod
    @contextmanager
    def _refused_for(obstacle: RejectionReason | None) -> Iterator[None]:
        if obstacle is None:
            yield
            return
        with pytest.raises(NotPossibleError) as refused:
            yield
        assert refused.value.reason == obstacle

    def _obstacle_to_retry(self, row: Row) -> RejectionReason | None:
        if (row.status, "queued") not in self.arrows:
            return RejectionReason.NOTHING_TO_RETRY
        if row.waits and row.settled != row.attempts:
            return RejectionReason.BEING_SENT
        if row.reduced:
            return RejectionReason.TOO_OLD
        return RejectionReason.SUPPRESSED if row.address in self.condemned else None

    # What the server reports

    def reached_server(self) -> None:
        """The server is offered a message: within the limits, while leases last."""
        worker = self.acting
        assert worker is not None
        assert worker.claim is not None
        if not self.limits or self.now > worker.lease_ends:
            return
        domain = worker.claim.recipient.partition("@")[2]
        for scope, limit in (("", OVERALL), (domain, BY_DOMAIN)):
            self.offers[scope].append(self.now)
            if scope != "example.com":
                assert most_within(WITHIN, self.offers[scope]) <= limit

    def taken(self, recipients: Sequence[str]) -> None:
        """The server takes the message: only once, unless there is an excuse."""
        row, attempt = self._acting_on()
        if row is None:
            return
        if attempt != row.attempts:
            row.excused.add(attempt)  # its lease ran out before it was sent
        for recipient in recipients:
            copies = row.taken[recipient] - row.excused
            assert not copies or attempt in row.excused, f"attempt {attempt} copies {copies}"
            row.taken[recipient].add(attempt)

    def excuse(self) -> None:
        """Whether the server took the message cannot be known: a copy may follow."""
        row, attempt = self._acting_on()
        if row is not None:
            row.excused.add(attempt)

    def _acting_on(self) -> tuple[Row | None, int]:
        assert self.acting is not None
        assert self.acting.claim is not None
        return self.rows.get(self.acting.claim.id), self.acting.claim.attempts
