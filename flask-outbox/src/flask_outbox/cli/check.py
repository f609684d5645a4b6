"""`flask outbox check`: can the database and the mail server be used, and what to do if not."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from flask_outbox import schema
from flask_outbox.application import current_outbox, servers_of
from flask_outbox.cli.sessions import reading
from flask_outbox.database_errors import reason
from flask_outbox.delivery.server_settings import MailServer
from flask_outbox.message.addresses import Address, is_loopback
from flask_outbox.outbox.models import WAITING, OutboxMessage
from flask_outbox.outbox.validation import OutboxError
from flask_outbox.smtp.client import SmtpServer
from flask_outbox.smtp.diagnosis import advice, try_sender
from flask_outbox.smtp.errors import SmtpError, Step
from flask_outbox.translation import gettext as _
from flask_outbox.translation import gettext_noop, ngettext

OVERDUE_SECONDS = 300.0
"""Mail that is due for so long is delivered by nobody."""


class Level(StrEnum):
    """How bad it is; only WRONG makes the command fail."""

    OK = "ok"
    WARNING = "WARNING"
    WRONG = "WRONG"


class Verdict(NamedTuple):
    """What was found, and how to mend it."""

    level: Level
    says: str
    hint: str | None = None


@click.command()
@with_appcontext
def check() -> None:
    """Check the outbox's database and the mail server, and say how to fix what's wrong.

    It names the sender's address to the mail server, but sends nothing and changes nothing. Each
    line begins with ok, WARNING or WRONG. Exit code 0 if nothing is WRONG, otherwise 1.
    """
    levels = set()
    for subject, look in CHECKS:
        for verdict in look():
            levels.add(verdict.level)
            hint = f" {verdict.hint}" if verdict.hint else ""
            click.echo(f"{verdict.level}: {_(subject)}: {verdict.says}{hint}")
    sys.exit(1 if Level.WRONG in levels else 0)


def check_database() -> Iterator[Verdict]:
    """Whether it answers and has the tables that this library needs, and whether mail leaves."""
    place = current_outbox().engine.url.render_as_string(hide_password=True)
    try:
        with reading() as session:
            found = schema.version(session.connection())
            late = overdue(session, now=time.time())
    except OutboxError as error:
        yield Verdict(Level.WRONG, str(error))
        return
    except DBAPIError as error:
        words = _("{place} can't be used: {reason}.")
        yield Verdict(Level.WRONG, words.format(place=place, reason=reason(error).rstrip(".")))
        return
    words = _("{place} answers. Its tables have version {version}.")
    yield Verdict(Level.OK, words.format(place=place, version=found))
    if late is not None:
        yield Verdict(Level.WARNING, late, _("Check that this is running: flask outbox deliver"))


def overdue(session: Session, *, now: float) -> str | None:
    """What to say of mail that is due and leaves not; None if there is none."""
    late = select(func.count(), func.min(OutboxMessage.due_at)).where(
        OutboxMessage.status.in_(WAITING), OutboxMessage.due_at < now - OVERDUE_SECONDS
    )
    count, since = session.execute(late).one()
    if not count:
        return None
    return ngettext(
        "{count} message is overdue by {minutes:.0f} min: no dispatcher seems to be running.",
        "{count} messages are overdue, the oldest by {minutes:.0f} min: no dispatcher seems"
        " to be running.",
        count,
    ).format(count=count, minutes=(now - since) / 60)


def check_mail_server() -> Iterator[Verdict]:
    """Whether each lets the application in and takes mail from its sender."""
    state = current_app.extensions["mail"]
    outbox = current_outbox()
    try:
        servers_of(current_app).check(outbox.email_types.values())
    except OutboxError as error:
        yield Verdict(Level.WRONG, str(error))
    yield from mail_server_verdicts(
        state.servers, outbox.sender, suppress=state.suppress, redirect_to=state.redirect_to
    )


def mail_server_verdicts(
    servers: Sequence[MailServer],
    sender: Address | None,
    *,
    suppress: bool,
    redirect_to: Sequence[Address] = (),
) -> Iterator[Verdict]:
    """Connect to each, encrypt, log in and name the sender, as a message would."""
    if redirect_to:
        words = _(
            "MAIL_REDIRECT_TO is set: all mail goes to {addresses} instead of its recipients."
        )
        addresses = ", ".join(one.mailbox for one in redirect_to)
        hint = _("Remove it where people should get their mail.")
        yield Verdict(Level.WARNING, words.format(addresses=addresses), hint)
    if suppress:
        words = _("MAIL_SUPPRESS_SEND is on: no mail is sent.")
        yield Verdict(Level.WARNING, words, _("Remove it."))
        return
    if sender is None:
        words = _("There's no sender. Set MAIL_DEFAULT_SENDER or ADMINS.")
        yield Verdict(Level.WRONG, words)
        return
    for one in servers:
        server = one.smtp
        if not (server.use_tls or server.use_ssl or is_loopback(server.host)):
            words = _("Mail and the links in it cross the network to {host} unencrypted.")
            yield Verdict(
                Level.WARNING,
                words.format(host=server.host),
                _("Set MAIL_USE_TLS=on (port 587) or MAIL_USE_SSL=on (port 465)."),
            )
        yield _asked(server, sender)


def _asked(server: SmtpServer, sender: Address) -> Verdict:
    told: list[str] = []
    try:
        try_sender(server, sender, told.append)
    except SmtpError as error:
        said = f"{error.code} {error.answer}" if error.code else error.answer
        words = _('{host}, port {port}, failed at the step "{step}": {answer}.').format(
            host=server.host, port=server.port, step=error.step.label, answer=said.rstrip(".")
        )
        for_now = error.step is Step.MAIL and error.code is not None and error.code < 500
        return Verdict(Level.WARNING if for_now else Level.WRONG, words, advice(error, server))
    return Verdict(Level.OK, " ".join(told))


CHECKS: list[tuple[str, Callable[[], Iterator[Verdict]]]] = [
    (gettext_noop("database"), check_database),
    (gettext_noop("mail server"), check_mail_server),
]
