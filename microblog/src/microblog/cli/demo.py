"""`microblog demo`: everything on one machine, with nothing to configure."""

from __future__ import annotations

import sys
import tempfile
from gettext import gettext as _
from typing import Any

import click

from flask_outbox.cli import require_free
from microblog.cli.listening import listening
from microblog.cli.ports import choose_free, wait_until_open
from microblog.cli.smoke_test import Walk
from microblog.cli.supervisor import Child, Supervisor, prepared

HOST = "127.0.0.1"
START_WITHIN_SECONDS = 30.0


@click.command()
@click.option(
    "--port", default=5000, show_default=True, help="The site's port; 0 for any free one."
)
@click.option("--smtp-port", default=8025, show_default=True, help="The catcher's; 0 for any.")
@click.option("--check", is_flag=True, help="Walk the main job by itself, then exit with 0 or 1.")
def demo(port: int, smtp_port: int, *, check: bool) -> None:
    """Try the site on this machine: sample people, mail dispatcher, and an inbox for its mail.

    Nothing needs to be configured, and nothing is left behind. With --check, the whole way from a
    forgotten password back in is walked over HTTP and SMTP, a line a step.
    """
    port, smtp_port = port or choose_free(HOST), smtp_port or choose_free(HOST)
    require_free(HOST, smtp_port, "--smtp-port")
    with (
        listening(HOST, port, None) as sockets,
        tempfile.TemporaryDirectory(prefix="microblog-demo-") as folder,
    ):
        made = prepared("prepare-demo", folder, "--port", str(port), "--smtp-port", str(smtp_port))
        children = [
            Child(
                _("mail catcher"), ["process", "catcher", "--port", str(smtp_port)], essential=True
            ),
            Child(_("web server"), ["process", "web", "--demo"], essential=True, sockets=sockets),
            Child(_("mail dispatcher"), ["process", "dispatcher"]),
        ]

        def ready() -> int | None:
            if not wait_until_open(HOST, smtp_port, seconds=START_WITHIN_SECONDS):
                words = _("Nothing answers at port {port}; the lines above say why.")
                click.echo(words.format(port=smtp_port), err=True)
                return 1
            if check:
                return Walk(port).walk()
            _welcome(port, smtp_port, made)
            return None

        sys.exit(Supervisor(lambda _environment: children, made["environment"]).run(ready=ready))


def _welcome(port: int, smtp_port: int, made: dict[str, Any]) -> None:
    words = _("""
Microblog is running on this machine. Nothing you do here is kept.

  the site    {site}
  its email   {site}/dev/inbox   (caught at SMTP port {smtp_port})
  its fate    {site}/admin/mail  (as {admin}, the administrator)

Sign in as alice, bob or carol with the password: {password}
Their addresses are alice@microblog.example and so on.
Or join, sign out, forget your password, and find the way back by email.

Ctrl-C ends everything.
""")
    site = f"http://localhost:{port}"
    admin, password = made["admin"], made["password"]
    click.echo(words.format(site=site, smtp_port=smtp_port, admin=admin, password=password))
