"""`microblog worker`: delivers mail for a site on several machines."""

from __future__ import annotations

import os
import sys
from gettext import gettext as _
from pkgutil import resolve_name

import click

from microblog.cli.supervisor import Child, Supervisor, is_second_start, start_again


@click.command()
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    help="Connections to the mail server for all mail, beside the one that is kept free for mail"
    " that people wait for; default: MAIL_CONNECTIONS.",
)
def worker(concurrency: int | None) -> None:
    """Deliver mail for a site on several machines.

    Needs PostgreSQL and the settings of the web servers. With CELERY_BROKER_URL it runs two Celery
    workers, without it a dispatcher. Start as many as you like, on any machine that reaches the
    database, the broker if there is one, and the mail server.
    """
    if not is_second_start():
        # Of all that this loads, the supervisor keeps nothing but the environment.
        start_again(resolve_name("microblog.cli.prepare:prepare_worker")())
    connections = str(concurrency or os.environ["MAIL_CONNECTIONS"])
    if os.environ["CELERY_BROKER_URL"]:
        celery = ["process", "worker"]
        children = [
            Child(_("worker for urgent mail"), [*celery, "outbox-high", "1"], essential=True),
            Child(_("worker for all mail"), [*celery, "outbox", connections], essential=True),
        ]
    else:
        dispatcher = ["process", "dispatcher", "--connections", connections]
        children = [Child(_("mail dispatcher"), dispatcher, essential=True)]
    sys.exit(Supervisor(children, {}).run())
