"""`flask outbox test`: one message over the configured server, and what became of it."""

from __future__ import annotations

import sys
import time

import click
from flask import current_app
from flask.cli import with_appcontext

from flask_outbox.application import current_outbox
from flask_outbox.cli.options import as_json, echo_json, no_address
from flask_outbox.delivery.server_settings import MailServer
from flask_outbox.message.addresses import Address, AddressError, parse_address
from flask_outbox.message.email import Email
from flask_outbox.message.message_id import new_message_id
from flask_outbox.message.mime import render
from flask_outbox.smtp.client import SmtpServer
from flask_outbox.smtp.diagnosis import advice, send_test
from flask_outbox.smtp.errors import SmtpError
from flask_outbox.smtp.submission import Envelope
from flask_outbox.translation import gettext as _


@click.command()
@click.argument("address")
@click.option("--server", metavar="NAME", help="One of MAIL_SERVERS; default: the first.")
@as_json
@with_appcontext
def test(address: str, *, server: str | None, as_json: bool) -> None:
    """Send a test message to ADDRESS over the configured server, step by step.

    When it fails, it says at which step, what the server answered, and what to try. Exit code 0
    when the server took the message, 1 when not.
    """
    smtp = _server(server)
    try:
        recipient = parse_address(address)
    except AddressError as error:
        raise no_address(address, error) from None
    sender = current_outbox().sender
    if sender is None:
        raise click.ClickException(_("There is no sender: set MAIL_DEFAULT_SENDER or ADMINS."))
    envelope = _test_message(sender, recipient)
    say = (lambda _line: None) if as_json else click.echo
    words = _("From {sender} to {recipient}, over {host}, port {port}:")
    say(words.format(sender=sender, recipient=recipient, host=smtp.host, port=smtp.port))
    done: list[str] = []
    told: dict[str, object] = {"sent": True, "done": done}

    def progress(line: str) -> None:
        done.append(line)
        say(f"  ok: {line}")

    try:
        send_test(smtp, envelope, progress)
    except SmtpError as error:
        told |= {"sent": False, "step": str(error.step), "code": error.code}
        told |= {"answer": error.answer, "advice": advice(error, smtp)}
        words = _('FAILED at the step "{step}":').format(step=error.step.label)
        say(f"  {words} {_words(error)}")
        say(_("What to try: {advice}").format(advice=told["advice"]))
    else:
        say(
            _(
                "Sent. If it does not arrive, look into the spam folder, then at the sender's"
                " domain: without SPF, DKIM and DMARC records many receivers refuse or hide mail."
            )
        )
    if as_json:
        echo_json(told)
    sys.exit(0 if told["sent"] else 1)


def _server(name: str | None) -> SmtpServer:
    """The server of this name. Raises BadParameter if there is none."""
    servers: list[MailServer] = current_app.extensions["mail"].servers
    for one in servers:
        if name in {None, one.name}:
            return one.smtp
    words = _("{name!r} is none of MAIL_SERVERS: {names}.")
    names = ", ".join(one.name for one in servers if one.name) or "-"
    raise click.BadParameter(words.format(name=name, names=names), param_hint="--server")


def _test_message(sender: Address, recipient: Address) -> Envelope:
    name = current_app.name.partition(".")[0].capitalize()
    message = Email(
        subject=f"[{name}] Test message",
        text="If you can read this, the mail settings of the site work.\n",
        to=(recipient,),
        sender=sender,
    )
    content = render(message, message_id=new_message_id(sender), date=time.time())
    return Envelope(
        sender.mailbox,
        [recipient.mailbox],
        current_outbox().delivery.sign(content),
        smtputf8=message.needs_smtputf8(),
    )


def _words(error: SmtpError) -> str:
    if not error.code:
        return error.answer
    return _("the server said {answer}").format(answer=f"{error.code} {error.answer}")
