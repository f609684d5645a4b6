"""The site of the demonstration: its settings, and people who have written something already."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from pathlib import Path

import click
from sqlalchemy.orm import Session

from microblog.accounts.actions.registration import create_account
from microblog.accounts.passwords import hash_password
from microblog.app import create_app
from microblog.blog.likes import like
from microblog.blog.models import Post
from microblog.blog.posts import write_post
from microblog.cli.sample import PASSWORD
from microblog.database import transaction, utc_now
from microblog.people.models import Follow
from microblog.schema import upgrade
from microblog.settings import Settings, as_environment

PEOPLE = ("alice", "bob", "carol")
ADMIN = "alice"

FOLLOWS = (("alice", "bob"), ("bob", "alice"), ("carol", "alice"), ("carol", "bob"))

POSTS = (
    (190, "alice", "My first post. Is anybody here?", None),
    (150, "bob", "I am! The #garden needs rain.", 0),
    (148, "carol", "Me too. Mine is a jungle, and nobody waters it.", 0),
    (145, "alice", "@carol What grows in it?", 2),
    (95, "carol", "Somebody forgot a password again. It took a minute to get back in.", None),
    (
        40,
        "alice",
        "How beans live through a dry month: https://example.org/beans #garden",
        None,
    ),
    (31, "bob", "Mine did not. Too late for this year?", 5),
    (28, "alice", "Not for bush beans, if you sow today.", 6),
    (12, "bob", "It rains at last!", None),
)
"""How many minutes ago who wrote what, and which of these posts it answers."""

LIKES = (("bob", 0), ("carol", 0), ("alice", 1), ("carol", 5), ("bob", 5), ("alice", 8))
"""Who likes which of them."""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--port", type=int, required=True)
@click.option("--smtp-port", type=int, required=True)
def prepare_demo(folder: Path, port: int, smtp_port: int) -> None:
    """Makes the site in the folder; prints for `demo` what it needs."""
    settings = _settings(folder, port, smtp_port)
    _fill(settings)
    answer = {"environment": as_environment(settings), "admin": ADMIN, "password": PASSWORD}
    click.echo(json.dumps(answer))


def _settings(folder: Path, port: int, smtp_port: int) -> Settings:
    """Every setting is given, so that the site's own ones do not leak into the demonstration."""
    values = {name: field.default for name, field in Settings.model_fields.items()}
    values |= {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "INSTANCE_PATH": folder,
        "PUBLIC_URL": f"http://localhost:{port}",
        "ADMINS": ("admin@microblog.example",),
        "MAIL_SERVER": "127.0.0.1",
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
            _converse(writing, people)


def _converse(session: Session, people: dict[str, int]) -> None:
    posts: list[Post] = []
    for minutes, name, body, answered in POSTS:
        moment = utc_now() - timedelta(minutes=minutes)
        reply_to = None if answered is None else posts[answered].id
        user_id = people[name]
        posts.append(write_post(session, user_id=user_id, body=body, now=moment, reply_to=reply_to))
    for name, liked in LIKES:
        like(session, posts[liked], people[name], now=utc_now())


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
