"""`microblog worker`: delivers mail for a site on several machines."""

from __future__ import annotations

import sys
from gettext import gettext as _
from typing import Any

import click

from flask_outbox import current_outbox, run_dispatcher
from flask_outbox.application import make_dispatcher, transport_maker
from flask_outbox.delivery.dispatcher import DispatcherOptions
from flask_outbox.delivery.housekeeping import Housekeeping
from flask_outbox.outbox.email_types import DAY
from microblog.app import create_app
from microblog.cli.processes import configure_log
from microblog.cli.site import prepare_database
from microblog.settings import Settings, load_settings


@click.command()
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    help="Connections to the mail server for all mail, beside the one that is kept free for mail"
    " that people wait for; default: MAIL_CONNECTIONS.",
)
def worker(concurrency: int | None) -> None:
    """Deliver mail for a site on several machines.

    Needs PostgreSQL and the settings of the web servers. With CELERY_BROKER_URL it is a Celery
    worker, without it a dispatcher. Start as many as you like, on any machine that reaches the
    database, the broker if there is one, and the mail server.
    """
    settings = load_settings(serving=True)
    if settings.CELERY_BROKER_URL is None:
        _dispatch(settings, concurrency or settings.MAIL_CONNECTIONS)
        return
    # Celery is an extra, which a site on one machine does without.
    from flask_outbox.celery.consumer import run_paced_worker, run_worker  # noqa: PLC0415
    from flask_outbox.celery.deliverer import Deliverer  # noqa: PLC0415
    from flask_outbox.celery.wakeup import make_celery  # noqa: PLC0415

    configure_log(settings, process="worker")
    app: Any = create_app(settings)
    with app.app_context():
        prepare_database()
        outbox = current_outbox()
    celery = make_celery(settings.CELERY_BROKER_URL, settings.CELERY_QUEUE_PREFIX)
    connections = concurrency or settings.MAIL_CONNECTIONS
    retention = settings.MAIL_RETENTION_DAYS * DAY
    if outbox.delivery.rate_limits:
        options = DispatcherOptions(connections=connections, retention=retention)
        sys.exit(run_paced_worker(celery, make_dispatcher(app, options=options)))
    deliverer = Deliverer(
        outbox, transport_maker(app), connections=connections, context=app.app_context
    )
    housekeeping = Housekeeping(outbox, retention=retention, context=app.app_context)
    sys.exit(run_worker(celery, deliverer, housekeeping))


def _dispatch(settings: Settings, connections: int) -> None:
    if settings.DATABASE_URL.startswith("sqlite"):
        raise click.ClickException(
            _(
                "DATABASE_URL names an SQLite file, which only one machine can use: the dispatcher"
                " that `microblog run` starts delivers this site's mail. Several machines need"
                " PostgreSQL."
            )
        )
    configure_log(settings, process="worker")
    app = create_app(settings)
    with app.app_context():
        prepare_database()
    retention = settings.MAIL_RETENTION_DAYS * DAY
    run_dispatcher(app, options=DispatcherOptions(connections=connections, retention=retention))
