"""`microblog mail catch`, and the catcher of the demonstration: they load nothing of the site."""

from __future__ import annotations

import logging
import time
from gettext import gettext as _

import click
from flask import Flask, redirect
from werkzeug.serving import make_server

from flask_outbox.dev.catcher import Catcher, CaughtMail, CaughtMessage, run_catcher
from flask_outbox.dev.inbox import inbox_blueprint
from microblog.cli.ports import require_free
from microblog.settings import load_settings


@click.command()
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
    caught = CaughtMail(load_settings().caught_mail_folder)
    server = Catcher(caught, host=host, port=port, caught=_print)
    server.start()
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
        server.stop()


@click.command()
@click.option("--port", type=int, required=True)
def catcher(port: int) -> None:
    """The mail catcher of the demonstration."""
    run_catcher(CaughtMail(load_settings().caught_mail_folder), host="127.0.0.1", port=port)


def _print(message: CaughtMessage) -> None:
    words = _("message {number}, to {recipients}").format(
        number=message.id, recipients=", ".join(message.recipients)
    )
    click.echo(f"---------- {words} ----------")
    click.echo(message.source.decode("utf-8", "replace"))


def _serve_quietly(app: Flask, port: int) -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    make_server("127.0.0.1", port, app, threaded=True).serve_forever()
