"""`flask outbox catch`: a mail server for development, and its inbox."""

from __future__ import annotations

import logging
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click
from flask import Flask, current_app, redirect
from flask.cli import with_appcontext
from werkzeug.serving import make_server

from flask_outbox.cli.ports import require_free
from flask_outbox.extras import needs_extra
from flask_outbox.translation import gettext as _

if TYPE_CHECKING:
    from flask_outbox.dev.catcher import CaughtMail, CaughtMessage


@click.command()
@click.option("--port", default=8025, show_default=True, help="The SMTP port.")
@click.option(
    "--web-port", default=8026, show_default=True, help="The inbox's port; 0 for no inbox."
)
@click.option("--host", default="localhost", show_default=True, help="The address to listen on.")
@with_appcontext
def catch(host: str, port: int, web_port: int) -> None:
    """Run a mail server for development that catches mail and delivers nothing.

    It prints every message and shows it at http://localhost:8026/dev/inbox. To use it, set
    MAIL_SERVER=localhost and MAIL_PORT=8025 in the application.
    """
    if find_spec("aiosmtpd") is None:
        raise click.ClickException("flask outbox catch " + needs_extra("aiosmtpd", "dev"))
    require_free("127.0.0.1" if host == "localhost" else host, port, "--port")
    if web_port:
        require_free("127.0.0.1", web_port, "--web-port")
    # An extra, which an application that serves people does without.
    from flask_outbox.dev.catcher import Catcher, CaughtMail  # noqa: PLC0415

    caught = CaughtMail(Path(current_app.instance_path) / "caught-mail")
    server = Catcher(caught, host=host, port=port, caught=_print)
    server.start()
    words = _("Catching mail at {host}, port {port}. Press Ctrl-C to stop.")
    click.echo(words.format(host=host, port=port))
    try:
        if web_port:
            place = f"http://localhost:{web_port}/dev/inbox"
            click.echo(_("The inbox is at {place}").format(place=place))
            _serve_quietly(_inbox(caught), web_port)
        else:
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        click.echo("")
    finally:
        server.stop()


def _print(message: CaughtMessage) -> None:
    words = _("message {number}, to {recipients}").format(
        number=message.id, recipients=", ".join(message.recipients)
    )
    click.echo(f"---------- {words} ----------")
    click.echo(message.source.decode("utf-8", "replace"))


def _inbox(caught: CaughtMail) -> Flask:
    from flask_outbox.dev.inbox import inbox_blueprint  # noqa: PLC0415

    app = Flask("flask_outbox.catcher", static_folder=None)
    app.config["TRUSTED_HOSTS"] = ["localhost", "127.0.0.1"]
    app.register_blueprint(inbox_blueprint(caught))
    app.add_url_rule("/", view_func=lambda: redirect("/dev/inbox"))
    return app


def _serve_quietly(app: Flask, port: int) -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    make_server("127.0.0.1", port, app, threaded=True).serve_forever()
