"""`microblog run`: a site, as long as it is wanted."""

from __future__ import annotations

import os
import sys
from gettext import gettext as _
from pkgutil import resolve_name

import click

from microblog.cli.options import WORKERS
from microblog.cli.supervisor import Child, Supervisor, is_second_start, start_again


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=5000, show_default=True, help="The port to listen at.")
@click.option(
    "--workers", type=WORKERS, help="Web processes, of 8 threads each; default: WEB_CONCURRENCY."
)
def run(host: str, port: int, workers: int | None) -> None:
    """Run the site: a production web server and the mail dispatcher beside it.

    Needs SECRET_KEY and PUBLIC_URL. Put a reverse proxy with HTTPS in front of it and set
    TRUSTED_PROXIES=1. An SQLite database is brought up to date at the start; with PostgreSQL, run
    `microblog db upgrade` first.
    """
    if not is_second_start():
        # Of all that this loads, the supervisor keeps nothing but the environment.
        start_again(resolve_name("microblog.cli.prepare:prepare")(host, port, workers))
    web = ["process", "web", "--host", host, "--port", str(port)]
    web += ["--workers", str(workers or os.environ["WEB_CONCURRENCY"])]
    children = [Child(_("web server"), web, essential=True)]
    if not os.environ["CELERY_BROKER_URL"]:
        children.append(Child(_("mail dispatcher"), ["process", "dispatcher"]))
    sys.exit(Supervisor(children, {}).run())
