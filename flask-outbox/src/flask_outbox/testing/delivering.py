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
from flask_outbox.delivery.mistakes import NothingComposedError
from flask_outbox.delivery.servers import Connections, one_server
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
    with _at(outbox, now):
        claims = Claims(
            outbox.engine, lease=LEASE_SECONDS, connection=_SessionConnection(outbox.sessions)
        )
        delivery = _Delivery(outbox, _Recorder(), claims, LeaseKeeper(claims, clock=outbox.clock))
        delivery.run(ALL_PRIORITIES, proceed=lambda: delivery.raised is None)
    if delivery.raised is not None:
        raise delivery.raised
    failed = [one for one in delivery.outcomes if one.status in _FAILED]
    if failed:
        raise AssertionError("\n".join(map(_words, failed)))
    return delivery.recorder.delivered


class _Recorder(SuppressedTransport):
    """Takes what is sent in the place of a server, as the email that was composed."""

    def __init__(self) -> None:
        self.composed: Email | None = None
        self.delivered: list[Email] = []

    def send(self, envelope: Envelope) -> Accepted:
        assert self.composed is not None  # noqa: S101 - nothing is sent that was not composed
        self.delivered.append(self.composed)
        return Accepted(f"delivered to the test for {len(envelope.recipients)}")


class _Delivery(Delivery):
    """A delivery that remembers what composers return and raise, and how each attempt ended."""

    def __init__(
        self, outbox: Outbox, recorder: _Recorder, claims: Claims, leases: LeaseKeeper
    ) -> None:
        super().__init__(outbox, Connections(one_server(lambda: recorder)), claims, leases)
        # A test asks for the email, which has one copy for each recipient with a return path.
        self.options = replace(self.options, return_path=None)
        self.recorder = recorder
        self.raised: BaseException | None = None
        self.outcomes: list[Settlement] = []

    def deliver(self, claim: Claim) -> Settlement:
        outcome = super().deliver(claim)
        self.outcomes.append(outcome)
        return outcome

    def _run_composer(
        self, email_type: EmailType, claim: Claim, context: ComposeContext
    ) -> Email | Discard:
        try:
            composed = super()._run_composer(email_type, claim, context)
            if isinstance(composed, Email):
                self.recorder.composed = self._addressed(email_type, context, composed)
        except NothingComposedError:
            raise  # not the composer's own error: told as what became of the message
        except (Exception, SystemExit) as error:
            self.raised = error
            raise
        return composed

    def _addressed(self, email_type: EmailType, context: ComposeContext, email: Email) -> Email:
        """The email with the sender and the recipients that it leaves with."""
        sender = email.sender or self.outbox.author(email_type)
        return replace(
            email, sender=sender, to=email.to if email.recipients else (context.recipient,)
        )


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


def _words(outcome: Settlement) -> str:
    claim = outcome.claim
    return (
        f"Message {claim.id} ({claim.kind}) to {claim.recipient} was not delivered, but"
        f" {outcome.status}: {outcome.answer}"
    )
