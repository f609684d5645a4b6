"""One delivery: compose, send, and say how to settle. No transaction is open while a server talks.

The text is made after the claim and dies with the delivery, so that a secret in it, such as the
token of a mailed link, is never stored and its time begins when the message leaves.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from flask_outbox.database_errors import is_outage
from flask_outbox.delivery.admission import admit
from flask_outbox.delivery.claims import Claim, Claims, Settlement
from flask_outbox.delivery.leases import LeaseKeeper
from flask_outbox.message.addresses import AddressError
from flask_outbox.message.email import BadHeaderError, Email
from flask_outbox.message.mime import render
from flask_outbox.outbox.email_types import ComposeContext, Discard, EmailType
from flask_outbox.outbox.models import Status
from flask_outbox.outbox.outbox import Outbox
from flask_outbox.outbox.suppressions import condemns_address, suppress
from flask_outbox.smtp.errors import Meaning, SmtpError, one_line
from flask_outbox.smtp.recipients import left_over, served_before, told, without_beyond_ascii
from flask_outbox.smtp.submission import Accepted, Envelope, RecipientsRefusedError
from flask_outbox.smtp.transport import Transport

logger = logging.getLogger(__name__)

MAX_CRASHES = 20
"""Most deaths of a process are no doing of the messages that it had in hand: a machine restarts,
or another message kills it. Only one that was there each time, beyond its attempts, ends for it."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """How to settle the row, and the error where the server itself is in trouble."""

    settlement: Settlement
    trouble: SmtpError | None = None


class Delivery:
    """Delivers rows of one outbox over one transport. Belongs to one thread."""

    def __init__(
        self, outbox: Outbox, transport: Transport, claims: Claims, leases: LeaseKeeper
    ) -> None:
        self.outbox = outbox
        self.transport = transport
        self.claims = claims
        self.leases = leases

    def run(
        self,
        priorities: range,
        *,
        proceed: Callable[[], bool] = lambda: True,
        well: Callable[[], None] = lambda: None,
    ) -> tuple[int, SmtpError | None]:
        """Deliver what is due in these lanes, as long as `proceed` says so.

        `well` is called when the server took or judged a message. Returns how many rows were
        handled, and the trouble with the server that ended it. Raises SQLAlchemyError.
        """
        handled = 0
        settlement: Settlement | None = None
        while True:
            if not proceed():
                if settlement is not None:
                    self._settle(settlement)
                return handled, None
            ours, claim = self.claims.settle_and_claim(settlement, priorities, now=self._now())
            self._report(settlement, ours=ours)
            if claim is None:
                return handled, None
            delivered = self.deliver(claim)
            handled += 1
            settlement = delivered.settlement
            if delivered.trouble is not None:
                self._settle(settlement)
                return handled, delivered.trouble
            well()

    def deliver_one(self, claim: Claim) -> SmtpError | None:
        """Bring one claimed row to its end, or put it back; returns the server's trouble."""
        delivered = self.deliver(claim)
        self._settle(delivered.settlement)
        return delivered.trouble

    def deliver(self, claim: Claim) -> Delivered:
        """Compose and send one claimed row; the caller settles it."""
        kind = self.outbox.email_types.get(claim.kind)
        if kind is None:
            words = f"No kind of message is named {claim.kind!r} any more."
            return self._ends(claim, Status.DEAD, words)
        return self._undeliverable(kind, claim) or self._deliver(kind, claim)

    def _undeliverable(self, kind: EmailType, claim: Claim) -> Delivered | None:
        """The end of what needs no server to be told."""
        if claim.damaged is not None:
            words = f"Its row is damaged: the {claim.damaged} cannot be read."
            return self._ends(claim, Status.DEAD, words)
        # Where others are left over, they get it, whatever the server said of the first.
        is_left = claim.recipients is None or claim.recipient in claim.recipients
        if claim.suppressed is not None and is_left:
            words = f"The address is suppressed: {claim.suppressed}"
            return self._ends(claim, Status.DISCARDED, words)
        if claim.previous_attempt_lost and not kind.repeat_unknown:
            words = "An attempt was begun and not ended, since its process died."
            return self._ends(claim, Status.UNKNOWN, words)
        if claim.failures > kind.attempts + MAX_CRASHES:
            words = f"It was begun {claim.failures} times: each time the process died."
            return self._ends(claim, Status.DEAD, words)
        return None

    def _deliver(self, kind: EmailType, claim: Claim) -> Delivered:
        with self.leases.holding(claim):
            try:
                # First the connection, then the text: a link's life begins when it can leave.
                self.transport.open()
            except SmtpError as error:
                return self._failed(kind, claim, error)
            return self._expired(claim) or self._compose_and_send(kind, claim)

    def _compose_and_send(self, kind: EmailType, claim: Claim) -> Delivered:
        language = self.outbox.resolve_locale(claim.locale)
        intent = ComposeContext(
            claim.recipient, language, claim.arguments, self._now(), claim.attempts
        )
        try:
            with self.outbox.sessions() as session:
                if kind.guarded:
                    share = self.outbox.share_of(kind)
                    if not admit(
                        session, claim, self.outbox.recipient_limit, now=intent.now, share=share
                    ):
                        return self._ends(claim, Status.DISCARDED, self._enough())
                    session.commit()
                composed = kind.compose(session, intent)
                if session.in_transaction():
                    session.commit()
            if isinstance(composed, Discard):
                return self._ends(claim, Status.DISCARDED, composed.reason)
            envelope = self._envelope(kind, claim, composed)
        except (AddressError, BadHeaderError) as error:
            words = f"It could not be written: {one_line(str(error))}"
            return self._ends(claim, Status.DEAD, words)
        except (Exception, SystemExit) as error:
            if is_outage(error):
                # The database cannot be used: that is not the message's fault.
                raise
            logger.exception("Message %s (%s) could not be composed", claim.id, claim.kind)
            return self._again(kind, claim, f"It could not be composed: {_last_line(error)}")
        return self._send(kind, claim, envelope)

    def _send(self, kind: EmailType, claim: Claim, envelope: Envelope) -> Delivered:
        try:
            # Composing takes its time: the connection may be stale now, and the message worthless.
            self.transport.open()
        except SmtpError as error:
            return self._failed(kind, claim, error)
        return self._expired(claim) or self._offer(kind, claim, envelope)

    def _offer(self, kind: EmailType, claim: Claim, envelope: Envelope) -> Delivered:
        delivered = self._handed_over(kind, claim, envelope)
        if not claim.slots:
            return delivered
        return replace(delivered, settlement=replace(delivered.settlement, reached_server=True))

    def _handed_over(self, kind: EmailType, claim: Claim, envelope: Envelope) -> Delivered:
        try:
            accepted = self.transport.send(envelope)
        except SmtpError as error:
            return self._failed(kind, claim, error)
        except Exception as error:
            logger.exception("Message %s (%s) could not be sent", claim.id, claim.kind)
            # The conversation may have stopped anywhere: the next message begins another.
            self.transport.close()
            words = f"It could not be sent: {_last_line(error)}"
            if not kind.repeat_unknown:
                return self._ends(claim, Status.UNKNOWN, words)
            return self._again(kind, claim, words)
        return self._accepted(kind, claim, accepted)

    def _expired(self, claim: Claim) -> Delivered | None:
        if claim.expires_at is None or claim.expires_at > self._now():
            return None
        return self._ends(claim, Status.EXPIRED, "It was worthless before it could be sent.")

    def _envelope(self, kind: EmailType, claim: Claim, email: Email) -> Envelope:
        sender = email.sender or self.outbox.author(kind)
        recipients = claim.recipients or [one.mailbox for one in email.recipients]
        if not recipients:
            raise AddressError("The message has no recipients.")
        if email.needs_smtputf8() and not self.transport.offers("smtputf8"):
            # Its headers name nobody whom the server would refuse the whole message for.
            email = without_beyond_ascii(email)
        content = self.outbox.sign(
            render(
                email,
                message_id=claim.message_id,
                date=claim.created_at,
                sender=sender,
                headers=kind.headers(claim.recipient, claim.arguments),
            )
        )
        utf8 = email.needs_smtputf8() or sender.needs_smtputf8
        return Envelope(sender.mailbox, recipients, content, utf8)

    def _accepted(self, kind: EmailType, claim: Claim, accepted: Accepted) -> Delivered:
        self._note_condemned(accepted.refused)
        answer = "; ".join([accepted.answer, *told(accepted.refused)])
        if left_over(accepted.refused):
            return self._goes_on(kind, claim, answer, accepted.refused)
        return self._sent(kind, claim, answer)

    def _goes_on(
        self, kind: EmailType, claim: Claim, answer: str, refused: Sequence[tuple[str, SmtpError]]
    ) -> Delivered:
        """Some recipients are done with: that is progress, and counts as no failed attempt."""
        left = left_over(refused)
        errors = [error for _, error in refused if error.meaning is not Meaning.REJECT]
        trouble = next((one for one in errors if one.meaning is Meaning.SERVER), None)
        at_once = trouble is not None or any(one.is_too_many for one in errors)
        if not at_once and not kind.delays:
            return self._given_up(claim, answer, left)
        failures = min(max(1, claim.failures - 1), len(kind.delays))
        delay = 0.0 if at_once else kind.delay(failures) or 0.0
        now = self._now()
        settlement = Settlement(
            claim,
            Status.DEFERRED,
            answer,
            now,
            due_at=now + delay,
            uncounted=True,
            recipients=left,
        )
        return Delivered(settlement, trouble)

    def _failed(self, kind: EmailType, claim: Claim, error: SmtpError) -> Delivered:
        if isinstance(error, RecipientsRefusedError) and error.is_final_for_some:
            return self._for_nobody(kind, claim, error)
        now = self._now()
        if error.meaning is Meaning.SERVER:
            waiting = Settlement(
                claim, Status.DEFERRED, str(error), now, due_at=now, uncounted=True
            )
            return Delivered(waiting, error)
        if error.meaning is Meaning.REJECT:
            return self._ends(claim, Status.DEAD, str(error))
        if error.meaning is Meaning.UNKNOWN and not kind.repeat_unknown:
            return self._ends(claim, Status.UNKNOWN, str(error))
        return self._again(kind, claim, str(error))

    def _for_nobody(
        self, kind: EmailType, claim: Claim, error: RecipientsRefusedError
    ) -> Delivered:
        """The server would take it for none of those who are left, and for some of them never."""
        self._note_condemned(error.refused)
        answer = str(error) if len(error.refused) == 1 else "; ".join(told(error.refused))
        if left_over(error.refused):
            return self._goes_on(kind, claim, answer, error.refused)
        if served_before(claim.history):
            return self._sent(kind, claim, answer)
        return self._ends(claim, Status.DEAD, answer)

    def _again(self, kind: EmailType, claim: Claim, answer: str) -> Delivered:
        delay = kind.delay(claim.failures)
        if delay is None:
            return self._given_up(claim, answer)
        now = self._now()
        return Delivered(Settlement(claim, Status.DEFERRED, answer, now, due_at=now + delay))

    def _given_up(self, claim: Claim, answer: str, left: list[str] | None = None) -> Delivered:
        words = f"{answer} (given up after {claim.failures} attempts)"
        ended = self._ends(claim, Status.DEAD, words)
        return replace(ended, settlement=replace(ended.settlement, recipients=left))

    def _sent(self, kind: EmailType, claim: Claim, answer: str) -> Delivered:
        kept = {name: value for name, value in claim.arguments.items() if name in kind.kept}
        return self._ends(claim, Status.SENT, answer, kept=kept)

    def _ends(
        self, claim: Claim, status: Status, answer: str, *, kept: Mapping[str, Any] | None = None
    ) -> Delivered:
        return Delivered(Settlement(claim, status, answer, self._now(), kept_arguments=kept))

    def _note_condemned(self, refused: Sequence[tuple[str, SmtpError]]) -> None:
        condemned = [(who, str(error)) for who, error in refused if condemns_address(error.answer)]
        if not condemned:
            return
        try:
            with self.outbox.sessions() as session:
                suppress(session, condemned, now=self._now())
                session.commit()
        except (AddressError, SQLAlchemyError):
            # The message itself may be sent: it must be settled all the same.
            logger.exception("An address that does not exist could not be noted")

    def _enough(self) -> str:
        limit = self.outbox.recipient_limit
        return (
            f"The address had {limit.messages} such messages within {limit.seconds / 60:g} minutes,"
            f" or {limit.daily} within a day."
        )

    def _settle(self, settlement: Settlement) -> None:
        self._report(settlement, ours=self.claims.settle(settlement))

    @staticmethod
    def _report(settlement: Settlement | None, *, ours: bool) -> None:
        if settlement is None:
            return
        claim = settlement.claim
        if not ours:
            logger.warning("Message %s was taken over by another worker", claim.id)
        worrying = settlement.status in {Status.DEAD, Status.UNKNOWN}
        level = logging.WARNING if worrying else logging.INFO
        words = (claim.id, claim.kind, settlement.status, settlement.answer)
        logger.log(level, "Message %s (%s): %s: %s", *words)

    def _now(self) -> float:
        return self.outbox.clock()


def _last_line(error: BaseException) -> str:
    """The last line of the traceback: what happened, without where."""
    return one_line(traceback.format_exception_only(error)[-1])
