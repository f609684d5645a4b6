"""`microblog demo`: everything on one machine, with nothing to configure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from gettext import gettext as _
from typing import Any

import click

from flask_outbox.cli import require_free
from microblog.cli.ports import choose_free, wait_until_open
from microblog.cli.smoke_test import Walk
from microblog.cli.supervisor import MICROBLOG, PARENT, Child, Supervisor

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
    require_free(HOST, port, "--port")
    require_free(HOST, smtp_port, "--smtp-port")
    with tempfile.TemporaryDirectory(prefix="microblog-demo-") as folder:
        made = _prepared(folder, port, smtp_port)
        children = [
            Child(
                _("mail catcher"), ["process", "catcher", "--port", str(smtp_port)], essential=True
            ),
            Child(
                _("web server"),
                ["process", "web", "--demo", "--host", HOST, "--port", str(port)],
                essential=True,
            ),
            Child(_("mail dispatcher"), ["process", "dispatcher"]),
        ]

        def ready() -> int | None:
            for one in (port, smtp_port):
                if not wait_until_open(HOST, one, seconds=START_WITHIN_SECONDS):
                    words = _("Nothing answers at port {port}; the lines above say why.")
                    click.echo(words.format(port=one), err=True)
                    return 1
            if check:
                return Walk(port).walk()
            _welcome(port, smtp_port, made)
            return None

        sys.exit(Supervisor(children, made["environment"]).run(ready=ready))


def _prepared(folder: str, port: int, smtp_port: int) -> dict[str, Any]:
    """What `process prepare-demo` tells; ends with its exit code where it fails."""
    command = [*MICROBLOG, "process", "prepare-demo", folder]
    command += ["--port", str(port), "--smtp-port", str(smtp_port)]
    done = subprocess.run(  # noqa: S603 - our own command
        command,
        env={**os.environ, PARENT: str(os.getpid())},
        stdout=subprocess.PIPE,
        start_new_session=True,
        check=False,
    )
    if done.returncode:
        # A signal's number is negative.
        sys.exit(max(done.returncode, 1))
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def _welcome(port: int, smtp_port: int, made: dict[str, Any]) -> None:
    words = _("""
Microblog is running on this machine, with nothing to lose:

  the site    {site}
  its mail    {site}/dev/inbox   (caught at SMTP port {smtp_port})
  its fate    {site}/admin/mail  (as {admin}, the administrator)

Log in as alice, bob or carol with the password: {password}
Or register, log out, forget your password, and find the way back in the mail.

Ctrl-C ends everything.
""")
    site = f"http://localhost:{port}"
    admin, password = made["admin"], made["password"]
    click.echo(words.format(site=site, smtp_port=smtp_port, admin=admin, password=password))
