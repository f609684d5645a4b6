"""`microblog demo`: everything on one machine, with nothing to configure."""

from __future__ import annotations

import secrets
import sys
import tempfile
from datetime import timedelta
from gettext import gettext as _
from pathlib import Path

import click
from sqlalchemy.orm import Session

from microblog.accounts.actions.registration import create_account
from microblog.accounts.passwords import hash_password
from microblog.app import create_app
from microblog.blog.models import Follow
from microblog.blog.posts import write_post
from microblog.cli.ports import choose_free, require_free, wait_until_open
from microblog.cli.sample import PASSWORD
from microblog.cli.smoke_test import Walk
from microblog.cli.supervisor import Child, Supervisor
from microblog.database import transaction, upgrade, utc_now
from microblog.settings import Settings, as_environment

HOST = "127.0.0.1"
START_WITHIN_SECONDS = 30.0

PEOPLE = ("alice", "bob", "carol")
ADMIN = "alice"

FOLLOWS = (("alice", "bob"), ("bob", "alice"), ("carol", "alice"), ("carol", "bob"))

POSTS = (
    (190, "alice", "My first post. Is anybody here?"),
    (150, "bob", "@alice I am! The #garden needs rain."),
    (95, "carol", "Somebody forgot a password again. It took a minute to get back in."),
    (40, "alice", "How beans live through a dry month: https://www.example.org/beans #garden"),
    (12, "bob", "It rains at last!"),
)
"""How many minutes ago who wrote what."""


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
        settings = _settings(Path(folder), port, smtp_port)
        _fill(settings)
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
            _welcome(port, smtp_port)
            return None

        sys.exit(Supervisor(children, as_environment(settings)).run(ready=ready))


def _settings(folder: Path, port: int, smtp_port: int) -> Settings:
    """Every setting is given, so that the site's own ones do not leak into the demonstration."""
    values = {name: field.default for name, field in Settings.model_fields.items()}
    values |= {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "INSTANCE_PATH": folder,
        "PUBLIC_URL": f"http://localhost:{port}",
        "ADMINS": ("admin@microblog.example",),
        "MAIL_SERVER": HOST,
        "MAIL_PORT": smtp_port,
        "MAIL_DEBUG": False,
        "MAIL_SUPPRESS_SEND": False,
        "RATELIMIT_ENABLED": False,
    }
    return Settings(_env_file=None, **values)


def _fill(settings: Settings) -> None:
    app = create_app(settings)
    password_hash = hash_password(PASSWORD)
    with app.app_context():
        upgrade()
        with transaction() as writing:
            people = {name: _person(writing, name, password_hash) for name in PEOPLE}
            for follower, followed in FOLLOWS:
                ids = {"follower_id": people[follower], "followed_id": people[followed]}
                writing.add(Follow(**ids))
            for minutes, name, post in POSTS:
                moment = utc_now() - timedelta(minutes=minutes)
                write_post(writing, user_id=people[name], body=post, now=moment)


def _person(session: Session, name: str, password_hash: str) -> int:
    """Make an account, the administrator's for ADMIN; returns its number."""
    person = create_account(
        session,
        username=name,
        email=f"{name}@microblog.example",
        password_hash=password_hash,
        verified_at=utc_now(),
    )
    person.is_admin = name == ADMIN
    return person.id


def _welcome(port: int, smtp_port: int) -> None:
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
    click.echo(words.format(site=site, smtp_port=smtp_port, admin=ADMIN, password=PASSWORD))
