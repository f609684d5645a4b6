"""`flask outbox deliver`: the dispatcher, as a process beside the web server."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, cast

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy.exc import DBAPIError

from flask_outbox.application import log_where_nobody_does, make_dispatcher, state_of
from flask_outbox.cli.sessions import reading
from flask_outbox.database_errors import reason
from flask_outbox.delivery.process import drain_until_ended, run_until_ended
from flask_outbox.operations import backlog
from flask_outbox.translation import gettext as _
from flask_outbox.translation import ngettext


@click.command()
@click.option(
    "--connections",
    type=click.IntRange(1, 64),
    help="Connections to the mail server, besides the one kept free for urgent mail. Default:"
    " MAIL_CONNECTIONS.",
)
@click.option(
    "--drain", is_flag=True, help="Deliver what's due now over one connection, then stop."
)
@with_appcontext
def deliver(connections: int | None, *, drain: bool) -> None:
    """Deliver the outbox's messages until SIGTERM or Ctrl-C.

    It finishes what is being sent before it stops. Let a supervisor such as systemd keep it
    running beside the web server. On PostgreSQL, several can run, on any number of hosts.

    Exit code 1 if the tables are missing, or with --drain if a mail server can't be used.
    """
    if drain and connections:
        raise click.UsageError(_("--drain uses one connection: leave out --connections."))
    app: Flask = cast(Any, current_app)._get_current_object()  # noqa: SLF001 - there is no other way
    log_where_nobody_does()
    options = state_of(app).options
    if connections:
        options = replace(options, connections=connections)
    dispatcher = make_dispatcher(app, options=options)
    click.echo(_target(app))
    click.echo(_backlog())
    if not drain:
        run_until_ended(dispatcher)
        return
    handled = drain_until_ended(dispatcher)
    words = ngettext("Handled {count} message.", "Handled {count} messages.", handled)
    click.echo(words.format(count=handled))
    if troubles := dispatcher.servers.trouble:
        words = _("The mail server can't be used: {reason}")
        named = [f"{name}: {error}" if name else str(error) for name, error in troubles.items()]
        raise click.ClickException(words.format(reason="; ".join(named)))


def _target(app: Flask) -> str:
    state = app.extensions["mail"]
    if state.suppress:
        return _("Nothing is sent: MAIL_SUPPRESS_SEND is on.")
    words = _("Delivering to {host}, port {port}.")
    return "\n".join(words.format(host=one.smtp.host, port=one.smtp.port) for one in state.servers)


def _backlog() -> str:
    try:
        with reading() as session:
            waiting = backlog.waiting(session, now=time.time())
    except DBAPIError as error:
        return _("The database can't be used: {reason}").format(reason=reason(error))
    count = sum(one.messages for one in waiting)
    words = ngettext("{count} message waits.", "{count} messages wait.", count)
    return words.format(count=count)
