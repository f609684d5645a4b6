"""`flask outbox check --bounce ADDRESS`: a mail that cannot arrive, and whether that comes home."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Session

from flask_outbox.application import current_outbox, make_dispatcher
from flask_outbox.cli.sessions import reading, writing
from flask_outbox.cli.verdicts import Level, Verdict
from flask_outbox.feedback.mailbox import POLL_MAILBOX
from flask_outbox.feedback.meanings import Meaning
from flask_outbox.feedback.working import WORK_OFF
from flask_outbox.message.addresses import Address
from flask_outbox.message.return_path import claimed_row, find_tokens
from flask_outbox.outbox import suppressions
from flask_outbox.outbox.models import WAITING, MailEvent, MailReport, OutboxMessage, Status
from flask_outbox.outbox.outbox import Outbox
from flask_outbox.translation import gettext as _

logger = logging.getLogger(__name__)

BOUNCE_SECONDS = 60.0
"""How long the report is waited for: servers that know an address to be dead say so at once."""

LOOK_SECONDS = 1.0

TASKS = (POLL_MAILBOX, WORK_OFF)
"""The periodic tasks that bring reports in: nobody wants to wait until it is their time."""


def bounce_verdicts(address: Address) -> Iterator[Verdict]:
    """Send a mail to an address that does not exist, and wait until its report has come home.

    The address is not suppressed afterwards.
    """
    outbox = current_outbox()
    if reason := _leaves_not(outbox):
        yield Verdict(Level.WRONG, reason)
        return
    with reading() as session:
        known = suppressions.suppression(session, address.key)
    if known is not None:
        words = _("{address} is suppressed: nothing is sent there.")
        hint = _("Try another one, or: flask outbox suppressed {address} --lift")
        yield Verdict(
            Level.WRONG,
            words.format(address=address.mailbox),
            hint.format(address=address.mailbox),
        )
        return
    name = current_app.name.partition(".")[0].capitalize()
    text = "If you can read this, the address exists: the test needs one that doesn't.\n"
    row_id = outbox.send_email(f"[{name}] Test of bounces", None, [address], text)
    try:
        yield _waited(row_id, address)
    finally:
        with writing() as session:
            suppressions.lift_suppression(session, address.key)


def _leaves_not(outbox: Outbox) -> str | None:
    """Why no mail with a token leaves from here, if so."""
    if outbox.delivery.return_path is None:
        return _("MAIL_RETURN_PATH isn't set: nothing tells which mail came back.")
    if outbox.delivery.redirect_to:
        return _("MAIL_REDIRECT_TO is set: mail leaves without a token.")
    if current_app.extensions["mail"].suppress:
        return _("MAIL_SUPPRESS_SEND is on: no mail is sent.")
    return None


def _waited(row_id: int, address: Address) -> Verdict:
    """Deliver the message, and look again and again for what becomes of it."""
    began = time.monotonic()
    _deliver(row_id)
    while True:
        _bring_in()
        waited = time.monotonic() - began
        with reading() as session:
            found = _come_home(session, row_id, waited) or _not_sent(session, row_id)
            if found is not None:
                return found
            if waited >= BOUNCE_SECONDS:
                return _missing(session, row_id, address)
        time.sleep(LOOK_SECONDS)


def _deliver(row_id: int) -> None:
    """Deliver this message, unless a dispatcher has it already."""
    dispatcher = make_dispatcher(current_app._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001
    with dispatcher.lease_keeper() as leases, dispatcher.delivery(leases) as delivery:
        claim = delivery.claims.claim_one(row_id, now=current_outbox().clock())
        if claim is not None:
            delivery.deliver_one(claim)


def _bring_in() -> None:
    outbox = current_outbox()
    for task in (outbox.periodic_tasks.get(name) for name in TASKS):
        if task is None:
            continue
        try:
            with outbox.sessions() as session:
                session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
                task(session, outbox.clock())
                session.commit()
        except Exception:
            # The end says that nothing came home; the dispatcher's log has this, too.
            logger.exception("What came back could not be brought in")


def _come_home(session: Session, row_id: int, waited: float) -> Verdict | None:
    """That the message came back, or that a report is there that nobody understands."""
    # A server on the way may have said "delivered" before.
    came_back = select(MailEvent).where(
        MailEvent.outbox_id == row_id,
        MailEvent.trusted.is_(True),
        MailEvent.meaning != Meaning.DELIVERED,
    )
    event = session.scalars(came_back.order_by(MailEvent.id.desc())).first()
    if event is not None:
        words = _("the report came home after {seconds:.0f} s, through {source}: {meaning} {code}.")
        told = words.format(
            seconds=waited, source=event.source, meaning=event.meaning, code=event.code
        )
        return Verdict(Level.OK, told.replace(" .", "."))
    report = _report(session, row_id)
    if report is not None and report.note is not None:
        words = _("the report came home through {source}, and nobody understands it: {note}")
        return Verdict(Level.WRONG, words.format(source=report.source, note=report.note))
    return None


def _report(session: Session, row_id: int) -> MailReport | None:
    """A report with the token of this message that is not worked off."""
    newest = select(MailReport).order_by(MailReport.id.desc()).limit(100)
    for report in session.scalars(newest):
        text = report.envelope_recipient + "\n" + report.content.decode("ascii", "replace")
        if row_id in map(claimed_row, find_tokens(text)):
            return report
    return None


def _not_sent(session: Session, row_id: int) -> Verdict | None:
    row = session.get(OutboxMessage, row_id)
    if row is None or row.status in WAITING or row.settled_at is None:
        return None
    if row.status in {Status.DEAD, Status.DISCARDED, Status.EXPIRED, Status.CANCELLED}:
        words = _(
            "the mail server refused the message itself ({answer}), so nothing can come back."
        )
        hint = _("Try an address at a provider that your mail server has to pass it on to.")
        return Verdict(Level.WARNING, words.format(answer=row.answer), hint)
    return None


def _missing(session: Session, row_id: int, address: Address) -> Verdict:
    row = session.get(OutboxMessage, row_id)
    if row is not None and row.status in WAITING:
        words = _("the message has not left within {seconds:.0f} s: {answer}")
        told = words.format(seconds=BOUNCE_SECONDS, answer=row.answer or row.status)
        return Verdict(Level.WRONG, told, _("Check the mail server first."))
    if _report(session, row_id) is not None:
        words = _("the report came home, and nobody works it off.")
        return Verdict(Level.WRONG, words, _("Check that this is running: flask outbox deliver"))
    words = _("no report about the mail to {address} came home within {seconds:.0f} s.")
    hint = _(
        "Look whether there is one in the mailbox of MAIL_RETURN_PATH. If so, let the application"
        " have it, by IMAP or through flask outbox feedback. If not, look whether mail to its"
        " address with +something before the @ arrives, and whether {address} exists."
    )
    told = words.format(address=address.mailbox, seconds=BOUNCE_SECONDS)
    return Verdict(Level.WRONG, told, hint.format(address=address.mailbox))
