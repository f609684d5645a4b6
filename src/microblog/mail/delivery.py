"""One delivery: compose, send, settle. Each step has its own short transaction or none at all.

The text is made after the claim and dies with the delivery, so that a secret in it, such as the
token of a mailed link, is never stored and its time begins when the message leaves.
"""

from __future__ import annotations

import logging
import traceback

from sqlalchemy.exc import SQLAlchemyError

from microblog.mail import claims
from microblog.mail.addresses import AddressError
from microblog.mail.claims import Claim
from microblog.mail.email import BadHeaderError, Email
from microblog.mail.kinds import Discard, Intent, Kind
from microblog.mail.leases import LeaseKeeper
from microblog.mail.mime import render
from microblog.mail.models import Status
from microblog.mail.outbox import Outbox
from microblog.mail.outcomes import Meaning, SmtpError, one_line
from microblog.mail.smtp import Accepted, Envelope
from microblog.mail.transport import Transport

logger = logging.getLogger(__name__)


class Delivery:
    """Delivers claimed rows of one outbox over one transport. Belongs to one thread."""

    def __init__(self, outbox: Outbox, transport: Transport, leases: LeaseKeeper) -> None:
        self.outbox = outbox
        self.transport = transport
        self.leases = leases

    def claim(self, lanes: range) -> Claim | None:
        """Take the most urgent due row, or None where nothing is due."""
        with self.outbox.sessions() as session:
            held = claims.claim(session, now=self._now(), lease=self.leases.lease, lanes=lanes)
            session.commit()
        return held

    def deliver(self, held: Claim) -> SmtpError | None:
        """Bring one row to its end, or put it back.

        Returns the error where the server itself is in trouble, which is no message's fault.
        """
        kind = self.outbox.kinds.get(held.kind)
        if kind is None:
            self._end(held, Status.DEAD, f"No kind of message is named {held.kind!r} any more.")
            return None
        if held.expires_at is not None and held.expires_at <= self._now():
            self._end(held, Status.EXPIRED, "It was worthless before it could be sent.")
            return None
        with self.leases.holding(held):
            return self._compose_and_send(kind, held)

    def _compose_and_send(self, kind: Kind, held: Claim) -> SmtpError | None:
        try:
            # First the connection, then the text: the life of a link begins when it can leave.
            self.transport.open()
        except SmtpError as error:
            return self._failed(kind, held, error)
        composed = self._compose(kind, held)
        if isinstance(composed, Discard):
            self._end(held, Status.DISCARDED, composed.reason)
        elif composed is not None:
            return self._send(kind, held, composed)
        return None

    def _compose(self, kind: Kind, held: Claim) -> Email | Discard | None:
        intent = Intent(held.recipient, held.locale, held.arguments, self._now(), held.attempts)
        try:
            with self.outbox.sessions() as session:
                composed = kind.compose(session, intent)
                session.commit()
        except SQLAlchemyError:
            raise
        except Exception as error:
            last_line = traceback.format_exception_only(error)[-1]
            logger.exception("Message %s (%s) could not be composed", held.id, held.kind)
            self._again(kind, held, f"It could not be composed: {one_line(last_line)}")
            return None
        return composed

    def _send(self, kind: Kind, held: Claim, email: Email) -> SmtpError | None:
        try:
            envelope = self._envelope(kind, held, email)
        except (AddressError, BadHeaderError, ValueError) as error:
            self._end(held, Status.DEAD, f"It could not be written: {one_line(str(error))}")
            return None
        try:
            accepted = self.transport.send(envelope)
        except SmtpError as error:
            return self._failed(kind, held, error)
        self._accepted(kind, held, accepted)
        return None

    def _envelope(self, kind: Kind, held: Claim, email: Email) -> Envelope:
        sender = email.sender or self.outbox.author(kind)
        recipients = held.recipients or [one.mailbox for one in email.recipients]
        content = render(email, message_id=held.message_id, date=held.created_at, sender=sender)
        utf8 = email.needs_smtputf8() or sender.needs_smtputf8
        return Envelope(sender.mailbox, recipients, content, utf8)

    def _accepted(self, kind: Kind, held: Claim, accepted: Accepted) -> None:
        later = [who for who, error in accepted.refused if error.meaning is Meaning.AGAIN]
        refusals = [f"{who} was refused ({error})" for who, error in accepted.refused]
        answer = "; ".join([accepted.answer, *refusals])
        if later:
            self._again(kind, held, answer, recipients=later)
        else:
            self._end(held, Status.SENT, answer)

    def _failed(self, kind: Kind, held: Claim, error: SmtpError) -> SmtpError | None:
        if error.meaning is Meaning.SERVER:
            with self.outbox.sessions() as session:
                claims.release(session, held, str(error), due_at=self._now())
                session.commit()
            return error
        if error.meaning is Meaning.NEVER:
            self._end(held, Status.DEAD, str(error))
        elif error.meaning is Meaning.UNKNOWN and not kind.repeat_unknown:
            self._end(held, Status.UNKNOWN, str(error))
        else:
            self._again(kind, held, str(error))
        return None

    def _again(
        self, kind: Kind, held: Claim, answer: str, *, recipients: list[str] | None = None
    ) -> None:
        delay = kind.delay(held.failures)
        if delay is None:
            self._end(held, Status.DEAD, f"{answer} (given up after {held.failures} attempts)")
            return
        with self.outbox.sessions() as session:
            due_at = self._now() + delay
            claims.defer(session, held, answer, due_at=due_at, recipients=recipients)
            session.commit()
        logger.info("Message %s (%s) will be tried again: %s", held.id, held.kind, answer)

    def _end(self, held: Claim, status: Status, answer: str) -> None:
        with self.outbox.sessions() as session:
            ours = claims.settle(
                session, held, status, answer, now=self._now(), forget=status is Status.SENT
            )
            session.commit()
        if not ours:
            logger.warning("Message %s was taken over by another worker", held.id)
        level = logging.WARNING if status in {Status.DEAD, Status.UNKNOWN} else logging.INFO
        logger.log(level, "Message %s (%s): %s: %s", held.id, held.kind, status, answer)

    def _now(self) -> float:
        return self.outbox.clock()
