"""`microblog mail`: tools for the mail of a site."""

from __future__ import annotations

import logging
import sys
import time

import click
from flask import Flask, redirect
from werkzeug.serving import make_server

from microblog.app import caught_mail, signer
from microblog.cli.operations import (
    cancel,
    list_messages,
    preview,
    retry,
    show,
    stats,
    suppressed,
)
from microblog.cli.ports import require_free
from microblog.mail import AddressError, parse_address, smtp_server
from microblog.mail.catcher import Catcher, CaughtMessage
from microblog.mail.diagnosis import advice, send_test
from microblog.mail.email import Email
from microblog.mail.extension import new_message_id
from microblog.mail.inbox import inbox_blueprint
from microblog.mail.mime import render
from microblog.mail.outcomes import SmtpError
from microblog.mail.smtp import Envelope
from microblog.settings import load_settings


@click.group()
def mail() -> None:
    """Catch mail while developing; find out why mail does not arrive; see what became of it."""


for command in (list_messages, show, retry, cancel, stats, preview, suppressed):
    mail.add_command(command)


@mail.command()
@click.option("--port", default=8025, show_default=True, help="The SMTP port.")
@click.option("--web-port", default=8026, show_default=True, help="The inbox's port; 0 for none.")
@click.option("--host", default="localhost", show_default=True, help="The address to listen at.")
def catch(host: str, port: int, web_port: int) -> None:
    """Catch mail: a mail server for development, which delivers nothing to anybody.

    Every message is printed here and shown at http://localhost:8026/dev/inbox. Let the site send
    to it with MAIL_SERVER=localhost and MAIL_PORT=8025.
    """
    require_free("127.0.0.1" if host == "localhost" else host, port, "--port")
    if web_port:
        require_free("127.0.0.1", web_port, "--web-port")
    caught = caught_mail(load_settings())
    catcher = Catcher(caught, host=host, port=port, caught=_print)
    catcher.start()
    click.echo(f"Catching mail at {host}, port {port}. Ctrl-C ends it.")
    try:
        if web_port:
            app = Flask("microblog.catcher", static_folder=None)
            app.register_blueprint(inbox_blueprint(caught))
            app.add_url_rule("/", view_func=lambda: redirect("/dev/inbox"))
            click.echo(f"The inbox is at http://localhost:{web_port}/dev/inbox")
            _serve_quietly(app, web_port)
        else:
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        click.echo("")
    finally:
        catcher.stop()


@mail.command()
@click.argument("address")
def test(address: str) -> None:
    """Send a test message to ADDRESS over the configured server, step by step.

    When it fails, it says at which step, what the server answered, and what to try. Exit code 0
    when the server took the message, 1 when not.
    """
    settings = load_settings()
    config = settings.as_flask_config()
    server = smtp_server(config, debug=config["MAIL_DEBUG"])
    try:
        recipient = parse_address(address)
    except AddressError as error:
        raise click.ClickException(f"{address!r} is not an e-mail address: {error}") from None
    sender = parse_address(settings.sender)
    message = Email(
        subject="[Microblog] Test message",
        text="If you can read this, the mail settings of the site work.\n",
        to=(recipient,),
        sender=sender,
    )
    content = signer(settings)(render(message, message_id=new_message_id(sender), date=time.time()))
    envelope = Envelope(
        sender.mailbox, [recipient.mailbox], content, smtputf8=message.needs_smtputf8()
    )
    click.echo(f"From {sender} to {recipient}, over {server.host}, port {server.port}:")
    try:
        send_test(server, envelope, lambda line: click.echo(f"  ok: {line}"))
    except SmtpError as error:
        click.echo(f'  FAILED at the step "{error.step}": {_words(error)}')
        click.echo(f"What to try: {advice(error, server)}")
        sys.exit(1)
    click.echo("Sent. If it does not arrive, look into the spam folder, then at the sender's")
    click.echo("domain: without SPF, DKIM and DMARC records many receivers refuse or hide mail.")


def _words(error: SmtpError) -> str:
    return f"the server said {error.code} {error.answer}" if error.code else error.answer


def _print(message: CaughtMessage) -> None:
    click.echo(f"---------- message {message.id}, to {', '.join(message.recipients)} ----------")
    click.echo(message.source.decode("utf-8", "replace"))


def _serve_quietly(app: Flask, port: int) -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    make_server("127.0.0.1", port, app, threaded=True).serve_forever()
