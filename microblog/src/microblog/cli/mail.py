"""`microblog mail`: tools for the mail of a site."""

from __future__ import annotations

import logging
import sys
import time
from gettext import gettext as _

import click
from flask import Flask, redirect
from werkzeug.serving import make_server

from flask_outbox import Address, AddressError, parse_address, smtp_server
from flask_outbox.dev.catcher import Catcher, CaughtMessage
from flask_outbox.dev.inbox import inbox_blueprint
from flask_outbox.message.email import Email
from flask_outbox.message.message_id import new_message_id
from flask_outbox.message.mime import render
from flask_outbox.smtp.diagnosis import advice, send_test
from flask_outbox.smtp.errors import SmtpError
from flask_outbox.smtp.submission import Envelope
from microblog.app import caught_mail, signer
from microblog.cli.operations import cancel, list_messages, retry, show, stats
from microblog.cli.options import as_json, echo_json, no_address
from microblog.cli.ports import require_free
from microblog.cli.preview import preview
from microblog.cli.suppressed import suppressed
from microblog.settings import Settings, load_settings


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
    words = _("Catching mail at {host}, port {port}. Ctrl-C ends it.")
    click.echo(words.format(host=host, port=port))
    try:
        if web_port:
            app = Flask("microblog.catcher", static_folder=None)
            app.config["TRUSTED_HOSTS"] = ["localhost", "127.0.0.1"]
            app.register_blueprint(inbox_blueprint(caught))
            app.add_url_rule("/", view_func=lambda: redirect("/dev/inbox"))
            place = f"http://localhost:{web_port}/dev/inbox"
            click.echo(_("The inbox is at {place}").format(place=place))
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
@as_json
def test(address: str, *, as_json: bool) -> None:
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
        raise no_address(address, error) from None
    sender = parse_address(settings.sender)
    envelope = _test_message(settings, sender, recipient)
    say = (lambda _line: None) if as_json else click.echo
    words = _("From {sender} to {recipient}, over {host}, port {port}:")
    say(words.format(sender=sender, recipient=recipient, host=server.host, port=server.port))
    done: list[str] = []
    told: dict[str, object] = {"sent": True, "done": done}

    def progress(line: str) -> None:
        done.append(line)
        say(f"  ok: {line}")

    try:
        send_test(server, envelope, progress)
    except SmtpError as error:
        told |= {"sent": False, "step": str(error.step), "code": error.code}
        told |= {"answer": error.answer, "advice": advice(error, server)}
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


def _test_message(settings: Settings, sender: Address, recipient: Address) -> Envelope:
    message = Email(
        subject="[Microblog] Test message",
        text="If you can read this, the mail settings of the site work.\n",
        to=(recipient,),
        sender=sender,
    )
    content = render(message, message_id=new_message_id(sender), date=time.time())
    return Envelope(
        sender.mailbox,
        [recipient.mailbox],
        signer(settings)(content),
        smtputf8=message.needs_smtputf8(),
    )


def _words(error: SmtpError) -> str:
    if not error.code:
        return error.answer
    return _("the server said {answer}").format(answer=f"{error.code} {error.answer}")


def _print(message: CaughtMessage) -> None:
    words = _("message {number}, to {recipients}").format(
        number=message.id, recipients=", ".join(message.recipients)
    )
    click.echo(f"---------- {words} ----------")
    click.echo(message.source.decode("utf-8", "replace"))


def _serve_quietly(app: Flask, port: int) -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    make_server("127.0.0.1", port, app, threaded=True).serve_forever()
