"""`microblog run`: a site, as long as it is wanted."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from functools import partial
from gettext import gettext as _

import click

from microblog.cli.listening import UNIX, is_unix, listening, name_of
from microblog.cli.options import WORKERS
from microblog.cli.supervisor import Child, Environment, Supervisor, prepared


def _require_unix(
    _context: click.Context, _option: click.Parameter, bind: str | None
) -> str | None:
    if bind is not None and not bind.startswith(UNIX):
        raise click.BadParameter(
            _("{bind!r} does not begin with unix:. For a port there are --host and --port.").format(
                bind=bind
            )
        )
    return bind


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=5000, show_default=True, help="The port to listen at.")
@click.option(
    "--bind",
    metavar="unix:PATH",
    callback=_require_unix,
    help="Listen at a socket instead, for a proxy on this machine.",
)
@click.option(
    "--workers", type=WORKERS, help="Web processes, of 8 threads each; default: WEB_CONCURRENCY."
)
@click.option(
    "--drain",
    type=click.FloatRange(0, 600),
    default=0,
    metavar="SECONDS",
    help="At the end, serve for so long while /readyz says 503, for a load balancer to notice.",
)
def run(host: str, port: int, bind: str | None, workers: int | None, drain: float) -> None:
    """Run the site: a production web server and the mail dispatcher beside it.

    Needs SECRET_KEY and PUBLIC_URL. Put a reverse proxy with HTTPS in front of it and set
    TRUSTED_PROXIES=1. An SQLite database is brought up to date at the start; with PostgreSQL, run
    `microblog db upgrade` first.

    SIGHUP reloads settings and code: new processes start, and the old ones end when the new ones
    serve. No request fails. SIGTERM ends all after the requests that have begun. Sockets of systemd
    are used if it hands any over.
    """
    prepare = partial(prepared, "prepare", *([f"--workers={workers}"] if workers else []))
    environment = prepare()
    with listening(host, port, bind) as sockets:
        if not int(environment["TRUSTED_PROXIES"]) and any(map(is_unix, sockets)):
            words = _("TRUSTED_PROXIES is 0: behind the socket all people look like one visitor.")
            click.echo(words, err=True)

        def children(environment: Environment) -> list[Child]:
            return _children(environment, sockets, workers)

        supervisor = Supervisor(children, environment, prepare=prepare, drain_seconds=drain)
        sys.exit(supervisor.run(ready=lambda: _welcome(environment, sockets)))


def _children(
    environment: Environment, sockets: Sequence[socket.socket], workers: int | None
) -> list[Child]:
    web = ["process", "web", "--workers", str(workers or environment["WEB_CONCURRENCY"])]
    children = [Child(_("web server"), web, essential=True, sockets=sockets)]
    if not environment["CELERY_BROKER_URL"]:
        children.append(Child(_("mail dispatcher"), ["process", "dispatcher"]))
    return children


def _welcome(environment: Environment, sockets: Sequence[socket.socket]) -> None:
    if environment["CELERY_BROKER_URL"]:
        click.echo(_("Mail is delivered by: {command}").format(command="microblog worker"))
    words = _("Microblog listens at {place}; people reach it at {url}")
    place = ", ".join(map(name_of, sockets))
    click.echo(words.format(place=place, url=environment["PUBLIC_URL"]))
