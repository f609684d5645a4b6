"""One delivery: compose, send, and say how to settle. No transaction is open while a server talks.

The message is composed after the claim and never stored, so a secret in it, such as the token of a
mailed link, exists only during the delivery, and its lifetime begins when the message leaves.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from flask_outbox.database_errors import is_outage
from flask_outbox.delivery.admission import admit
from flask_outbox.delivery.claims import Claim, Claims, Settlement
from flask_outbox.delivery.copies import copy_for, send_copies
from flask_outbox.delivery.leases import LeaseKeeper
from flask_outbox.delivery.mistakes import check_list_mail, checked, last_line, lasting_reason
from flask_outbox.delivery.servers import Connections, Server, is_urgent
from flask_outbox.message.addresses import Address, AddressError
from flask_outbox.message.email import Email
from flask_outbox.message.mime import render
from flask_outbox.message.return_path import ReturnPath
from flask_outbox.outbox.email_types import ComposeContext, Discard, EmailType
from flask_outbox.outbox.limits import RecipientLimit
from flask_outbox.outbox.models import Status
from flask_outbox.outbox.opt_outs import find_opt_out, words_of_opt_out
from flask_outbox.outbox.outbox import Outbox
from flask_outbox.outbox.prerendered import (
    PRERENDERED,
    has_several_recipients,
    read_prerendered,
)
from flask_outbox.outbox.suppressions import (
    SuppressionSource,
    condemns_address,
    lift_proved_wrong,
    may_try,
    suppress,
    suppressed_among,
)
from flask_outbox.signals import (
    MessageEvent,
    announce,
    message_deferred,
    message_discarded,
    message_expired,
    message_failed,
    message_sent,
    message_suppressed,
)
from flask_outbox.smtp.errors import Meaning, SmtpError, Step
from flask_outbox.smtp.recipients import (
    Refusals,
    accepted_before,
    describe,
    is_unknown,
    redirected,
    remaining,
    without_beyond_ascii,
)
from flask_outbox.smtp.submission import Accepted, Envelope, RecipientsRefusedError
from flask_outbox.smtp.transport import Transport

logger = logging.getLogger(__name__)

MAX_CRASHES = 20
"""How many crashes are forgiven, beyond a message's attempts. Few crashes are caused by the message
that is being delivered: a machine restarts, or another message kills the process."""

_SIGNALS = {
    Status.SENT: message_sent,
    Status.DEFERRED: message_deferred,
    Status.DEAD: message_failed,
    Status.UNKNOWN: message_failed,
    Status.DISCARDED: message_discarded,
    Status.EXPIRED: message_expired,
}


@dataclass(frozen=True, slots=True)
class _Composed:
    """A message as its composer wrote it, with its recipients, and as it is offered.

    `left_out` are suppressed recipients, with the reason of each.
    """

    email: Email
    envelope: Envelope
    left_out: Mapping[str, str]


class Delivery:
    """Delivers rows of one outbox over the connections of one thread, to which it belongs."""

    def __init__(
        self, outbox: Outbox, connections: Connections, claims: Claims, leases: LeaseKeeper
    ) -> None:
        self.outbox = outbox
        self.options = outbox.delivery
        self.connections = connections
        self.claims = claims
        self.leases = leases

    def run(self, priorities: range, *, proceed: Callable[[], bool] = lambda: True) -> int:
        """Deliver what is due in these lanes, as long as `proceed` returns True.

        It ends when no server can be used. Returns how many rows were handled. Raises
        SQLAlchemyError; how an attempt ended is then written by the next run of any thread.
        """
        self.leases.settle_left(self._settle)
        handled = 0
        settlement: Settlement | None = None
        while True:
            # Read first: if the clock is set after this, the claim has the time from before.
            now = self._now()
            if not proceed():
                if settlement is not None:
                    with self.leases.leaving(settlement):
                        self._settle(settlement)
                return handled
            with self.leases.leaving(settlement):
                ours, claim = self.claims.settle_and_claim(settlement, priorities, now=now)
            if claim is None:
                self._report(settlement, ours=ours)
                return handled
            with self.leases.renewing(claim):
                # An application's handler of signals may take its time.
                self._report(settlement, ours=ours)
            settlement = self.deliver(claim)
            handled += 1
            if settlement.trouble is not None and not self.connections.servers.may_be_tried:
                with self.leases.leaving(settlement):
                    self._settle(settlement)
                return handled

    def deliver_one(self, claim: Claim) -> SmtpError | None:
        """Deliver and settle one claimed row; return the error if the server is in trouble."""
        settlement = self.deliver(claim)
        self._settle(settlement)
        return settlement.trouble

    def deliver(self, claim: Claim) -> Settlement:
        """Compose and send one claimed row; return how the caller should settle it."""
        email_type = self.outbox.email_types.get(claim.kind)
        if email_type is None:
            return self._leave_to_newer_code(claim)
        if outcome := self._undeliverable(email_type, claim):
            return outcome
        server = self._server_for(email_type, claim)
        if server is None:
            words = f"No server of MAIL_SERVERS is for the type {claim.kind!r}."
            return self._end(claim, Status.DEAD, words)
        with self.leases.renewing(claim):
            outcome = self._attempt(email_type, claim, self.connections.to(server))
        if outcome.trouble is not None:
            server.health.failed(outcome.trouble)
        else:
            server.health.succeeded()
        return replace(outcome, server=server.name) if server.name else outcome

    def _server_for(self, email_type: EmailType, claim: Claim) -> Server | None:
        """That whose limits the claim counts against, or the first that is open, or the first."""
        servers = self.connections.servers
        found = claim.server or servers.choose(claim.kind, urgent=is_urgent(email_type))
        return found or next(iter(servers.for_type(claim.kind)), None)

    def _attempt(self, email_type: EmailType, claim: Claim, transport: Transport) -> Settlement:
        # First the connection, then the text: a link's life begins when it can leave.
        if outcome := self._not_ready(email_type, claim, transport):
            return outcome
        # Not before the server can be reached: what never left would use up the day's try.
        if claim.is_suppressed and email_type.way_back and not self._may_try(claim):
            return self._suppressed(claim)
        composed = self._compose(email_type, claim, transport)
        if isinstance(composed, Settlement):
            return composed
        # Composing takes time: the connection may be stale by now, or the message expired.
        if outcome := self._not_ready(email_type, claim, transport):
            return outcome
        if outcome := self._opted_out(email_type, claim):
            return outcome
        outcome = self._send(email_type, claim, composed, transport)
        return replace(outcome, reached_server=True) if claim.slots else outcome

    def _leave_to_newer_code(self, claim: Claim) -> Settlement:
        """Release the row at once: while code is rolled out, others may know its type."""
        if claim.kind not in self.outbox.unknown_types:
            self.outbox.unknown_types |= {claim.kind}
            logger.warning(
                "This process doesn't know the type %r of message %s. Such messages wait a"
                " day for a process with newer code.",
                claim.kind,
                claim.id,
            )
        words = f"This process does not know the type {claim.kind!r}."
        return self._defer(claim, words, uncounted=True)

    def _undeliverable(self, email_type: EmailType, claim: Claim) -> Settlement | None:
        """The outcome of a row that ends without a word to the server."""
        if claim.damaged is not None:
            words = f"Its row is damaged: the {claim.damaged} cannot be read."
            return self._end(claim, Status.DEAD, words)
        if claim.is_suppressed and not (email_type.way_back or _is_for_others(claim)):
            return self._suppressed(claim)
        if claim.previous_attempt_lost and not email_type.repeat_unknown:
            words = "The process died during an attempt."
            return self._end(claim, Status.UNKNOWN, words)
        if claim.failures > email_type.attempts + MAX_CRASHES:
            words = f"The process died {claim.failures} times during an attempt."
            return self._end(claim, Status.DEAD, words)
        return None

    def _suppressed(self, claim: Claim) -> Settlement:
        words = f"The address is suppressed: {claim.suppressed}"
        return replace(self._end(claim, Status.DISCARDED, words), suppressed=True)

    def _may_try(self, claim: Claim) -> bool:
        """Whether this is the one message of the day that is tried at a suppressed address.

        Raises SQLAlchemyError if the database cannot be used.
        """
        key, now = claim.recipient_key, self._now()
        # Whether it was let through before its process died, nobody knows.
        deferred_at = now if claim.previous_attempt_lost else claim.deferred_at
        with self.outbox.sessions() as session:
            tries = may_try(session, key, now=now, deferred_at=deferred_at)
            session.commit()
        return tries

    def _not_ready(
        self, email_type: EmailType, claim: Claim, transport: Transport
    ) -> Settlement | None:
        """Open the connection; return the outcome if that fails or the message has expired."""
        try:
            transport.open()
        except SmtpError as error:
            return self._failed(email_type, claim, error)
        if claim.expires_at is not None and claim.expires_at <= self._now():
            words = "It expired before it could be sent."
            return self._end(claim, Status.EXPIRED, words)
        return None

    def _opted_out(self, email_type: EmailType, claim: Claim) -> Settlement | None:
        """The outcome if the recipient wants no mail of this list, asked as late as can be.

        Raises SQLAlchemyError if the database cannot be used.
        """
        if email_type.list is None:
            return None
        with self.outbox.sessions() as session:
            found = find_opt_out(session, claim.recipient_key, email_type.list, now=self._now())
        if found is None:
            return None
        outcome = self._end(claim, Status.DISCARDED, words_of_opt_out(found, email_type.list))
        return replace(outcome, suppressed=True)

    def _compose(
        self, email_type: EmailType, claim: Claim, transport: Transport
    ) -> _Composed | Settlement:
        """The composed message, or the outcome if there is nothing to send or composing failed.

        Raises SQLAlchemyError if the database cannot be used.
        """
        context = ComposeContext(
            Address.from_mailbox(claim.recipient),
            self.options.resolve_locale(claim.locale),
            claim.arguments,
            self._now(),
            claim.attempts,
        )
        try:
            if email_type.list is not None:
                url = self.outbox.unsubscribe_url(claim.recipient_key, email_type.list)
                context = replace(context, unsubscribe_url=url)
            composed = self._run_composer(email_type, claim, context)
            if isinstance(composed, Discard):
                return self._end(claim, Status.DISCARDED, composed.reason)
            return self._written(email_type, claim, composed, transport)
        except (Exception, SystemExit) as error:
            if is_outage(error):
                # The database cannot be used: that is not the message's fault.
                raise
            logger.exception("Message %s (%s) could not be composed", claim.id, claim.kind)
            reason = lasting_reason(error)
            words = f"It could not be composed: {reason or last_line(error)}"
            if reason is not None:
                return self._end(claim, Status.DEAD, words)
            return self._retry(email_type, claim, words)

    def _run_composer(
        self, email_type: EmailType, claim: Claim, context: ComposeContext
    ) -> Email | Discard:
        """Compose in a transaction of its own; discard what exceeds the recipient limit."""
        if email_type.name == PRERENDERED:
            # It is finished, and needs neither the database nor a language.
            return read_prerendered(context.arguments)
        with self.outbox.sessions() as session:
            if email_type.guarded:
                limit, share = self.options.recipient_limit, self.outbox.share_of(email_type)
                if not admit(session, claim, limit, now=context.now, share=share):
                    return Discard(_limit_reached(limit))
                session.commit()
            with self.options.in_locale(context.locale):
                composed = checked(email_type.compose(session, context), email_type.name)
            if session.in_transaction():
                session.commit()
        return composed

    def _written(
        self, email_type: EmailType, claim: Claim, email: Email, transport: Transport
    ) -> _Composed | Settlement:
        """The email with its recipients, and as bytes, or the outcome if all are suppressed."""
        if not email.recipients:
            email = replace(email, to=(Address.from_mailbox(claim.recipient),))
        sender = email.sender or self.outbox.author(email_type)
        headers = email_type.headers(claim.recipient, claim.arguments)
        if email_type.list is not None:
            check_list_mail(email, claim.recipient_key)
            headers |= self.outbox.list_headers(claim.recipient_key, email_type.list, sender)
        recipients = claim.recipients or [one.mailbox for one in email.recipients]
        left_out = self._left_out(email_type, claim, recipients)
        recipients = [one for one in recipients if one not in left_out]
        if not recipients:
            return self._none_left(email_type, claim, left_out)
        offered = email
        if email.needs_smtputf8() and not transport.offers("smtputf8"):
            # The server would refuse the whole message for an address in its headers.
            offered = without_beyond_ascii(email)
        utf8 = offered.needs_smtputf8() or sender.needs_smtputf8
        if self.options.redirect_to:
            offered = redirected(offered, recipients)
            recipients = [one.mailbox for one in self.options.redirect_to]
            utf8 |= any(one.needs_smtputf8 for one in self.options.redirect_to)
        content = render(
            offered,
            message_id=claim.message_id,
            date=claim.date,
            sender=sender,
            headers=headers,
        )
        if self._return_path is None:
            content = self.options.sign(content)
        return _Composed(email, Envelope(sender.mailbox, recipients, content, utf8), left_out)

    def _left_out(
        self, email_type: EmailType, claim: Claim, recipients: Sequence[str]
    ) -> dict[str, str]:
        """The recipients beside the first who are suppressed, as the claim told of that one alone.

        Raises SQLAlchemyError if the database cannot be used.
        """
        if email_type.way_back or list(recipients) == [claim.recipient]:
            return {}
        with self.outbox.sessions() as session:
            return suppressed_among(session, recipients, now=self._now())

    def _none_left(
        self, email_type: EmailType, claim: Claim, left_out: Mapping[str, str]
    ) -> Settlement:
        words = "; ".join(_left_out_words(left_out))
        if accepted_before(claim.history):
            return self._sent(email_type, claim, words)
        return replace(self._end(claim, Status.DISCARDED, words), suppressed=True)

    @property
    def _return_path(self) -> ReturnPath | None:
        """None with a redirection: what comes back would be about an address that was not meant."""
        return None if self.options.redirect_to else self.options.return_path

    def _hand_over(self, claim: Claim, envelope: Envelope, transport: Transport) -> Accepted:
        if self._return_path is None:
            return transport.send(envelope)
        copy = partial(
            copy_for,
            envelope=envelope,
            return_path=self._return_path,
            row_id=claim.id,
            now=self._now(),
            sign=self.options.sign,
        )
        return send_copies(transport, copy, envelope.recipients)

    def _send(
        self, email_type: EmailType, claim: Claim, composed: _Composed, transport: Transport
    ) -> Settlement:
        try:
            accepted = self._hand_over(claim, composed.envelope, transport)
        except SmtpError as error:
            return self._failed(email_type, claim, error)
        except Exception as error:
            logger.exception("Message %s (%s) could not be sent", claim.id, claim.kind)
            # The conversation may have stopped anywhere: the next message needs a new connection.
            transport.close()
            words = f"It could not be sent: {last_line(error)}"
            if not email_type.repeat_unknown:
                return self._end(claim, Status.UNKNOWN, words)
            return self._retry(email_type, claim, words)
        self._suppress_unknown(accepted.refused)
        is_tried = claim.is_suppressed and claim.recipient not in composed.left_out
        if is_tried and not accepted.refused and not self.options.redirect_to:
            self._forget_suppression(claim)
        answer = "; ".join(
            [
                accepted.answer,
                *describe(accepted.refused),
                *_left_out_words(composed.left_out),
                *self._redirection(),
            ]
        )
        if is_unknown(accepted.refused) and not email_type.repeat_unknown:
            left = remaining(accepted.refused)
            outcome = self._end(claim, Status.UNKNOWN, answer, recipients=left)
        elif remaining(accepted.refused):
            outcome = self._retry_remaining(email_type, claim, answer, accepted.refused)
        else:
            outcome = self._sent(email_type, claim, answer)
        return replace(outcome, email=composed.email)

    def _redirection(self) -> list[str]:
        others = ", ".join(one.mailbox for one in self.options.redirect_to)
        return [f"redirected to {others} (MAIL_REDIRECT_TO)"] if others else []

    def _failed(self, email_type: EmailType, claim: Claim, error: SmtpError) -> Settlement:
        if isinstance(error, RecipientsRefusedError) and error.is_final_for_some:
            return self._refused(email_type, claim, error)
        if error.meaning is Meaning.SERVER:
            return self._defer(claim, str(error), uncounted=True, trouble=error)
        if error.meaning is Meaning.REJECT:
            return self._end(claim, Status.DEAD, str(error))
        if error.meaning is Meaning.UNKNOWN and not email_type.repeat_unknown:
            return self._end(claim, Status.UNKNOWN, str(error))
        return self._retry(email_type, claim, str(error))

    def _refused(
        self, email_type: EmailType, claim: Claim, error: RecipientsRefusedError
    ) -> Settlement:
        """The outcome if the server refused all remaining recipients, some of them for good."""
        self._suppress_unknown(error.refused)
        answer = str(error) if len(error.refused) == 1 else "; ".join(describe(error.refused))
        if remaining(error.refused):
            return self._retry_remaining(email_type, claim, answer, error.refused)
        if accepted_before(claim.history):
            return self._sent(email_type, claim, answer)
        return self._end(claim, Status.DEAD, answer)

    def _retry_remaining(
        self, email_type: EmailType, claim: Claim, answer: str, refused: Refusals
    ) -> Settlement:
        """Try the remaining recipients again. Others are done, so no failed attempt is counted."""
        # Those of a redirection are not the message's own, and its own are still to be served.
        left = None if self.options.redirect_to else remaining(refused)
        errors = [error for _, error in refused if error.meaning is not Meaning.REJECT]
        trouble = next((one for one in errors if one.meaning is Meaning.SERVER), None)
        if trouble is not None or any(one.is_too_many for one in errors):
            delay = 0.0
        elif email_type.delays:
            failures = min(max(1, claim.failures - 1), len(email_type.delays))
            delay = email_type.delay(failures) or 0.0
        else:
            return self._give_up(claim, answer, recipients=left)
        return self._defer(claim, answer, delay, uncounted=True, recipients=left, trouble=trouble)

    def _retry(self, email_type: EmailType, claim: Claim, answer: str) -> Settlement:
        delay = email_type.delay(claim.failures)
        if delay is None:
            return self._give_up(claim, answer)
        return self._defer(claim, answer, delay)

    def _defer(
        self,
        claim: Claim,
        answer: str,
        delay: float = 0.0,
        *,
        uncounted: bool = False,
        recipients: list[str] | None = None,
        trouble: SmtpError | None = None,
    ) -> Settlement:
        now = self._now()
        return Settlement(
            claim,
            Status.DEFERRED,
            answer,
            now,
            due_at=now + delay,
            uncounted=uncounted,
            recipients=recipients,
            trouble=trouble,
        )

    def _give_up(
        self, claim: Claim, answer: str, *, recipients: list[str] | None = None
    ) -> Settlement:
        words = f"{answer} (given up after {claim.failures} attempts)"
        return self._end(claim, Status.DEAD, words, recipients=recipients)

    def _sent(self, email_type: EmailType, claim: Claim, answer: str) -> Settlement:
        kept = {name: value for name, value in claim.arguments.items() if name in email_type.kept}
        return self._end(claim, Status.SENT, answer, kept_arguments=kept)

    def _end(
        self,
        claim: Claim,
        status: Status,
        answer: str,
        *,
        kept_arguments: Mapping[str, Any] | None = None,
        recipients: list[str] | None = None,
    ) -> Settlement:
        return Settlement(
            claim,
            status,
            answer,
            self._now(),
            kept_arguments=kept_arguments,
            recipients=recipients,
        )

    def _suppress_unknown(self, refused: Refusals) -> None:
        """Suppress the addresses of which the server said that they do not exist."""
        condemned = [
            (who, str(error))
            for who, error in refused
            if error.step is Step.RCPT and condemns_address(error.answer)
        ]
        if not condemned or self.options.redirect_to:
            return
        try:
            with self.outbox.sessions() as session:
                suppress(session, condemned, now=self._now())
                session.commit()
        except (AddressError, SQLAlchemyError):
            # The message itself may be sent: it must be settled all the same.
            logger.exception("An address that does not exist could not be suppressed")

    def _forget_suppression(self, claim: Claim) -> None:
        """Lift the suppression of an address that a server refused, and now took all the same.

        A server that only passes mail on takes it for any address: what a report said stays.
        """
        try:
            with self.outbox.sessions() as session:
                answers = [SuppressionSource.ANSWER]
                lift_proved_wrong(
                    session, claim.recipient_key, sent_at=self._now(), sources=answers
                )
                session.commit()
        except SQLAlchemyError:
            # The message itself was sent: it must be settled all the same.
            logger.exception("The suppression of an address could not be lifted")

    def _settle(self, settlement: Settlement) -> None:
        self._report(settlement, ours=self.claims.settle(settlement))

    def _report(self, settlement: Settlement | None, *, ours: bool) -> None:
        """Tell the log, and what listens to signals, how an attempt ended."""
        if settlement is None:
            return
        claim = settlement.claim
        worrying = settlement.status in {Status.DEAD, Status.UNKNOWN}
        level = logging.WARNING if worrying else logging.INFO
        answer = settlement.answer
        if settlement.server:
            answer = f"{settlement.server}: {answer}"
        words = (claim.id, claim.kind, settlement.status, answer)
        if not ours:
            logger.warning("Message %s was taken over by another worker", claim.id)
        logger.log(level, "Message %s (%s): %s: %s", *words)
        if settlement.email is not None and self.outbox.dispatched is not None:
            email = self._authored(claim, settlement.email)
            self.outbox.dispatched(email, claim.message_id, claim.date)
        if ours:
            signal = _SIGNALS[settlement.status]
            if signal is message_discarded and settlement.suppressed:
                signal = message_suppressed
            announce(signal, self.outbox.signal_sender, _event(settlement))

    def _authored(self, claim: Claim, email: Email) -> Email:
        """The email with the sender that it was sent with."""
        if email.sender is not None:
            return email
        return replace(email, sender=self.outbox.author(self.outbox.email_types[claim.kind]))

    def _now(self) -> float:
        return self.outbox.clock()


def _is_for_others(claim: Claim) -> bool:
    """Whether a finished message is for others beside the one whom its row names."""
    return claim.kind == PRERENDERED and has_several_recipients(claim.arguments)


def _left_out_words(left_out: Mapping[str, str]) -> list[str]:
    return [f"{who} is suppressed ({reason})" for who, reason in left_out.items()]


def warn_of_redirection(outbox: Outbox) -> None:
    """Say, when a process begins to deliver, that nobody gets their mail."""
    if outbox.delivery.redirect_to:
        others = ", ".join(one.mailbox for one in outbox.delivery.redirect_to)
        logger.warning("All mail goes to %s instead of its recipients (MAIL_REDIRECT_TO).", others)


def _limit_reached(limit: RecipientLimit) -> str:
    return (
        f"The address had {limit.messages} such messages within {limit.seconds / 60:g} minutes,"
        f" or {limit.daily} within a day."
    )


def _event(settlement: Settlement) -> MessageEvent:
    claim = settlement.claim
    return MessageEvent(
        claim.id, claim.kind, claim.recipient, settlement.status, settlement.answer, claim.attempts
    )
