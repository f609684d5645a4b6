"""`flask outbox test`: one message over the configured server, and what became of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace

import click
from flask import current_app
from flask.cli import with_appcontext

from flask_outbox.application import current_outbox
from flask_outbox.cli.options import as_json, echo_json, no_address
from flask_outbox.delivery.copies import copy_for
from flask_outbox.delivery.server_settings import MailServer
from flask_outbox.message.addresses import Address, AddressError, parse_address
from flask_outbox.message.email import Email
from flask_outbox.message.message_id import new_message_id
from flask_outbox.message.mime import render
from flask_outbox.message.return_path import ReturnPath
from flask_outbox.operations.messages import MAX_ID
from flask_outbox.smtp.client import SmtpServer
from flask_outbox.smtp.diagnosis import advice, send_test
from flask_outbox.smtp.errors import SmtpError
from flask_outbox.smtp.submission import Envelope
from flask_outbox.translation import gettext as _


@click.command()
@click.argument("address")
@as_json
@with_appcontext
def test(address: str, *, as_json: bool) -> None:
    """Send a test message to ADDRESS through the configured server, step by step.

    If it fails, it says at which step, what the server answered, and what to try. Exit code 0 if
    the server accepted the message, otherwise 1.
    """
    servers: list[MailServer] = current_app.extensions["mail"].servers
    try:
        recipient = parse_address(address)
    except AddressError as error:
        raise no_address(address, error) from None
    sender = current_outbox().sender
    if sender is None:
        raise click.ClickException(_("There's no sender. Set MAIL_DEFAULT_SENDER or ADMINS."))
    say = (lambda _line: None) if as_json else click.echo
    told = {one.name: _try(one.smtp, sender, recipient, say) for one in servers}
    sent = all(one["sent"] for one in told.values())
    if as_json:
        echo_json(told.get("") or {"sent": sent, "servers": told})
    sys.exit(0 if sent else 1)


def _try(
    server: SmtpServer, sender: Address, recipient: Address, say: Callable[[str], None]
) -> dict[str, object]:
    """Send a test message over one server; return what became of it."""
    words = _("From {sender} to {recipient}, through {host}, port {port}:")
    say(words.format(sender=sender, recipient=recipient, host=server.host, port=server.port))
    done: list[str] = []
    told: dict[str, object] = {"sent": True, "done": done}

    def progress(line: str) -> None:
        done.append(line)
        say(f"  ok: {line}")

    try:
        send_test(server, _test_message(sender, recipient), progress)
    except SmtpError as error:
        told |= {"sent": False, "step": str(error.step), "code": error.code}
        hint = advice(error, server, has_return_path=_return_path() is not None)
        told |= {"answer": error.answer, "advice": hint}
        words = _('FAILED at the step "{step}":').format(step=error.step.label)
        say(f"  {words} {_words(error)}")
        say(_("What to try: {advice}").format(advice=told["advice"]))
    else:
        say(
            _(
                "Sent. If it doesn't arrive, check the spam folder, then the sender's"
                " domain: without SPF, DKIM and DMARC records, many providers refuse or hide"
                " mail."
            )
        )
    return told


def _test_message(sender: Address, recipient: Address) -> Envelope:
    name = current_app.name.partition(".")[0].capitalize()
    message = Email(
        subject=f"[{name}] Test message",
        text="If you can read this, your mail settings work.\n",
        to=(recipient,),
        sender=sender,
    )
    now = time.time()
    content = render(message, message_id=new_message_id(sender), date=now)
    to = recipient.mailbox
    envelope = Envelope(sender.mailbox, [to], content, smtputf8=message.needs_smtputf8())
    sign, return_path = current_outbox().delivery.sign, _return_path()
    if return_path is None:
        return replace(envelope, content=sign(content))
    # It is no row's mail: what comes back about it must be about none.
    return copy_for(to, envelope, return_path, MAX_ID, now=now, sign=sign)


def _return_path() -> ReturnPath | None:
    """What mail leaves with, but for mail that is redirected."""
    options = current_outbox().delivery
    return None if options.redirect_to else options.return_path


def _words(error: SmtpError) -> str:
    if not error.code:
        return error.answer
    return _("the server said {answer}").format(answer=f"{error.code} {error.answer}")
