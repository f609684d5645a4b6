"""`flask outbox check`: can the database and the mail server be used, and what to do if not."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from urllib.parse import urlsplit

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException

from flask_outbox import schema
from flask_outbox.application import current_outbox, servers_of
from flask_outbox.cli.alignment import alignment_verdicts
from flask_outbox.cli.bounce import bounce_verdicts
from flask_outbox.cli.check_feedback import check_feedback
from flask_outbox.cli.mailbox import check_mailbox
from flask_outbox.cli.options import no_address
from flask_outbox.cli.sessions import reading
from flask_outbox.cli.verdicts import Level, Verdict
from flask_outbox.cli.webhooks import check_webhooks
from flask_outbox.database_errors import reason
from flask_outbox.delivery.server_settings import MailServer
from flask_outbox.message.addresses import Address, AddressError, is_loopback, parse_address
from flask_outbox.message.return_path import ReturnPath
from flask_outbox.outbox.models import WAITING, OutboxMessage
from flask_outbox.outbox.validation import OutboxError
from flask_outbox.smtp.client import SmtpServer
from flask_outbox.smtp.diagnosis import advice, try_sender
from flask_outbox.smtp.errors import SmtpError, Step
from flask_outbox.translation import gettext as _
from flask_outbox.translation import gettext_noop, ngettext

OVERDUE_SECONDS = 300.0
"""Mail that is due for so long is delivered by nobody."""


@click.command()
@click.option(
    "--bounce",
    "bounces",
    metavar="ADDRESS",
    help="Send a mail to ADDRESS, which must not exist, and wait until the report comes home.",
)
@with_appcontext
def check(bounces: str | None) -> None:
    """Check the outbox's database and the mail server, and say how to fix what's wrong.

    It names the sender's address to the mail server, but sends nothing and changes nothing, unless
    you ask for a bounce. Each line begins with ok, WARNING or WRONG. Exit code 0 if nothing is
    WRONG, otherwise 1.

    \b
    Does a bounce come home?  flask outbox check --bounce nobody@another-provider.example
    """
    levels = set()
    checks = list(CHECKS)
    if bounces:
        checks.append((_BOUNCE, partial(bounce_verdicts, _address(bounces))))
    for subject, look in checks:
        for verdict in look():
            levels.add(verdict.level)
            hint = f" {verdict.hint}" if verdict.hint else ""
            click.echo(f"{verdict.level}: {_(subject)}: {verdict.says}{hint}")
    sys.exit(1 if Level.WRONG in levels else 0)


def _address(text: str) -> Address:
    try:
        return parse_address(text)
    except AddressError as error:
        raise no_address(text, error) from None


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
        state.servers,
        outbox.sender,
        suppress=state.suppress,
        redirect_to=state.redirect_to,
        return_path=outbox.delivery.return_path,
    )


def check_return_path() -> Iterator[Verdict]:
    """Whether the DNS joins the return path to those in From. Nothing without a return path."""
    outbox = current_outbox()
    return_path = outbox.delivery.return_path
    if return_path is None or outbox.sender is None:
        return
    senders = [outbox.author(one) for one in outbox.email_types.values()]
    signer = outbox.delivery.sign
    yield from alignment_verdicts(
        {outbox.sender.domain, *(one.domain for one in senders)},
        return_path.address.domain,
        signer if hasattr(signer, "selector") else None,
    )


def check_unsubscribing() -> Iterator[Verdict]:
    """Whether one click ends each list (RFC 8058). Nothing without lists."""
    outbox = current_outbox()
    if not outbox.lists:
        return
    try:
        outbox.check_lists()
        sender = outbox.sender or _NOBODY
        headers = outbox.list_headers(_NOBODY.key, outbox.lists[0], sender)
    except OutboxError as error:
        yield Verdict(Level.WRONG, str(error))
        return
    link = headers["List-Unsubscribe"].strip("<>")
    if "List-Unsubscribe-Post" not in headers:
        words = _("{url} isn't https: mail of lists can't be ended by one click.")
        hint = _("Set MAIL_UNSUBSCRIBE_URL to an address that begins with https.")
        yield Verdict(Level.WARNING, words.format(url=_page(link)), hint)
    elif _serves(link):
        words = _("one click ends each of these lists: {lists}.")
        yield Verdict(Level.OK, words.format(lists=", ".join(outbox.lists)))
    else:
        words = _("no page of this application ends mail of lists at {url}.")
        hint = _("Register unsubscribe_blueprint there, unless another application serves it.")
        yield Verdict(Level.WARNING, words.format(url=_page(link)), hint)


def _page(link: str) -> str:
    return link.rpartition("/")[0]


def _serves(link: str) -> bool:
    """Whether this application has a page for the link that can be posted to."""
    parts = urlsplit(link)
    root = (current_app.config.get("APPLICATION_ROOT") or "/").rstrip("/")
    adapter = current_app.url_map.bind(parts.netloc, url_scheme=parts.scheme)
    try:
        adapter.match(parts.path.removeprefix(root), method="POST")
    except HTTPException:
        return False
    return True


def mail_server_verdicts(
    servers: Sequence[MailServer],
    sender: Address | None,
    *,
    suppress: bool,
    redirect_to: Sequence[Address] = (),
    return_path: ReturnPath | None = None,
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
        yield _asked(server, sender, None if redirect_to else return_path)


def _asked(server: SmtpServer, sender: Address, return_path: ReturnPath | None) -> Verdict:
    told: list[str] = []
    named = sender
    if return_path is not None:
        named = parse_address(return_path.sender_for(1, sender.key, time.time()))
    try:
        try_sender(server, named, told.append)
    except SmtpError as error:
        said = f"{error.code} {error.answer}" if error.code else error.answer
        words = _('{host}, port {port}, failed at the step "{step}": {answer}.').format(
            host=server.host, port=server.port, step=error.step.label, answer=said.rstrip(".")
        )
        for_now = error.step is Step.MAIL and error.code is not None and error.code < 500
        hint = advice(error, server, has_return_path=return_path is not None)
        return Verdict(Level.WARNING if for_now else Level.WRONG, words, hint)
    return Verdict(Level.OK, " ".join(told))


CHECKS: list[tuple[str, Callable[[], Iterator[Verdict]]]] = [
    (gettext_noop("database"), check_database),
    (gettext_noop("mail server"), check_mail_server),
    (gettext_noop("return path"), check_return_path),
    (gettext_noop("unsubscribing"), check_unsubscribing),
    (gettext_noop("mailbox"), check_mailbox),
    (gettext_noop("webhooks"), check_webhooks),
    (gettext_noop("what comes back"), check_feedback),
]

_BOUNCE = gettext_noop("bounces")

_NOBODY = Address("", "nobody", "example.com")
