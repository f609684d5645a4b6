"""Delivery to a test: a dispatcher's own way of a message, with a list in the place of a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.orm import Session

from flask_outbox.delivery.claims import Claim, Claims, Settlement
from flask_outbox.delivery.delivery import Delivery
from flask_outbox.delivery.dispatcher import ALL_PRIORITIES, LEASE_SECONDS
from flask_outbox.delivery.leases import LeaseKeeper
from flask_outbox.message.email import Email
from flask_outbox.outbox.email_types import ComposeContext, Discard, EmailType
from flask_outbox.outbox.models import Status
from flask_outbox.outbox.outbox import Outbox
from flask_outbox.smtp.submission import Accepted, Envelope
from flask_outbox.smtp.transport import SuppressedTransport

_FAILED = {Status.DEFERRED, Status.DEAD, Status.UNKNOWN}


def deliver_all(outbox: Outbox, *, now: float | None) -> list[Email]:
    """Deliver what is due at this Unix time, or at the outbox's own; return the emails.

    Raises what a composer raised, and AssertionError for a message that could not be delivered.
    """
    composing = _Composing(outbox)
    with _at(outbox, now), _watched(outbox, composing):
        claims = Claims(
            outbox.engine, lease=LEASE_SECONDS, connection=_SessionConnection(outbox.sessions)
        )
        delivery = _Delivery(outbox, composing, claims, LeaseKeeper(claims, clock=outbox.clock))
        delivery.run(ALL_PRIORITIES, proceed=lambda: composing.raised is None)
    if composing.raised is not None:
        raise composing.raised
    failed = [one for one in delivery.outcomes if one.status in _FAILED]
    if failed:
        raise AssertionError("\n".join(map(_words, failed)))
    return composing.delivered


class _Composing(SuppressedTransport):
    """Remembers what composers return and raise, and takes it in the place of a server."""

    def __init__(self, outbox: Outbox) -> None:
        self.delivered: list[Email] = []
        self.raised: BaseException | None = None
        self._outbox = outbox
        self._composed: Email | None = None

    def watching(self, email_type: EmailType) -> EmailType:
        """The same type, whose composer is watched."""

        def compose(session: Session, context: ComposeContext) -> Email | Discard:
            try:
                composed = email_type.compose(session, context)
                if isinstance(composed, Email):
                    self._composed = self._addressed(email_type, context, composed)
            except (Exception, SystemExit) as error:
                self.raised = error
                raise
            return composed

        return replace(email_type, compose=compose)

    def send(self, envelope: Envelope) -> Accepted:
        assert self._composed is not None  # noqa: S101 - nothing is sent that was not composed
        self.delivered.append(self._composed)
        return Accepted(f"delivered to the test for {len(envelope.recipients)}")

    def _addressed(self, email_type: EmailType, context: ComposeContext, email: Email) -> Email:
        """The email with the sender and the recipients that it leaves with."""
        sender = email.sender or self._outbox.author(email_type)
        return replace(
            email, sender=sender, to=email.to if email.recipients else (context.recipient,)
        )


class _Delivery(Delivery):
    """A delivery that remembers how each attempt ended."""

    def __init__(
        self, outbox: Outbox, composing: _Composing, claims: Claims, leases: LeaseKeeper
    ) -> None:
        super().__init__(outbox, composing, claims, leases)
        self.outcomes: list[Settlement] = []

    def deliver(self, claim: Claim) -> Settlement:
        outcome = super().deliver(claim)
        self.outcomes.append(outcome)
        return outcome


class _SessionConnection:
    """Transactions of the application's own sessions, which a test may have bound to a connection
    of its own, and which on SQLite in memory are the only ones that see the database."""

    def __init__(self, sessions: Callable[[], Session]) -> None:
        self._sessions = sessions

    @contextmanager
    def transaction(self, *, writing: bool = True) -> Iterator[DBAPICursor]:  # noqa: ARG002
        with self._sessions() as session:
            yield session.connection().connection.cursor()
            session.commit()

    def close(self) -> None:
        pass


@contextmanager
def _at(outbox: Outbox, now: float | None) -> Iterator[None]:
    clock = outbox.clock
    if now is not None:
        outbox.clock = lambda: now
    try:
        yield
    finally:
        outbox.clock = clock


@contextmanager
def _watched(outbox: Outbox, composing: _Composing) -> Iterator[None]:
    types = dict(outbox.email_types)
    outbox.email_types.update({name: composing.watching(one) for name, one in types.items()})
    try:
        yield
    finally:
        outbox.email_types.update(types)


def _words(outcome: Settlement) -> str:
    claim = outcome.claim
    return (
        f"Message {claim.id} ({claim.kind}) to {claim.recipient} was not delivered, but"
        f" {outcome.status}: {outcome.answer}"
    )
