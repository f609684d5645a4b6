"""`microblog worker`: delivers mail for a site on several machines."""

from __future__ import annotations

import sys
from functools import partial
from gettext import gettext as _

import click

from microblog.cli.supervisor import Child, Environment, Supervisor, prepared


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
    database, the broker if there is one, and the mail server. SIGHUP reloads settings and code.
    """

    def children(environment: Environment) -> list[Child]:
        return _children(environment, concurrency)

    prepare = partial(prepared, "prepare-worker")
    sys.exit(Supervisor(children, prepare(), prepare=prepare).run())


def _children(environment: Environment, concurrency: int | None) -> list[Child]:
    connections = str(concurrency or environment["MAIL_CONNECTIONS"])
    if environment["CELERY_BROKER_URL"]:
        celery = ["process", "worker"]
        return [
            Child(_("worker for urgent mail"), [*celery, "outbox-high", "1"], essential=True),
            Child(_("worker for all mail"), [*celery, "outbox", connections], essential=True),
        ]
    dispatcher = ["process", "dispatcher", "--connections", connections]
    return [Child(_("mail dispatcher"), dispatcher, essential=True)]
