"""The code in README.md and the pages of docs/ that are named here runs, and does what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from jinja2 import DictLoader
from sqlalchemy.orm import Session

from flask_outbox import Email, FlaskOutbox, email_from_templates, mail_servers
from flask_outbox.celery import DELIVER, DELIVER_HIGH, register
from flask_outbox.outbox.email_types import EmailType
from flask_outbox.testing import OutboxTester
from tests.documentation import LIBRARY, example, run

README = LIBRARY / "README.md"
CELERY = LIBRARY / "docs" / "celery.md"
DASHBOARD = LIBRARY / "docs" / "dashboard.md"
DELIVERY = LIBRARY / "docs" / "delivery.md"
WEBHOOKS = LIBRARY / "docs" / "webhooks.md"

TEMPLATES = {
    "email/reset_password.txt": "Dear {{ user.username }}, your token is {{ token }}.",
    "email/reset_password.html": "<p>Dear {{ user.username }}, your token is {{ token }}.</p>",
}


@pytest.fixture
def site() -> Iterator[dict[str, Any]]:
    """What the examples find: an application with users, as in the tutorial."""
    app = Flask("site")
    app.config.update(
        SQLALCHEMY_DATABASE_URI="sqlite://",
        MAIL_DEFAULT_SENDER="site@example.com",
        SECRET_KEY="a secret of the tests",
    )
    app.jinja_loader = DictLoader(TEMPLATES)
    db = SQLAlchemy(app)

    class User(db.Model):  # type: ignore[misc, name-defined]  # made at run time
        id = db.Column(db.Integer, primary_key=True)
        username = db.Column(db.String)
        email = db.Column(db.String)

        def get_reset_password_token(self) -> str:
            return f"token-{self.id}"

    outbox = FlaskOutbox(app, db)
    with app.app_context():
        db.create_all()
        yield {"app": app, "db": db, "outbox": outbox, "User": User, "_": str}
        db.session.remove()
        db.engine.dispose()


def test_the_tutorials_reset_is_composed_when_it_leaves(site: dict[str, Any]) -> None:
    site |= {"timedelta": timedelta, "email_from_templates": email_from_templates}
    run(site, example(README, '@outbox.email("reset_password"'))
    susan = site["User"](username="susan", email="susan@example.com")
    site["db"].session.add(susan)
    site["db"].session.commit()
    with OutboxTester(site["app"]) as outbox:
        site["send_password_reset_email"](susan)
        (queued,) = outbox.queued("reset_password")
        assert queued.arguments == {"user_id": susan.id}
        (email,) = outbox.deliver()
    assert email.subject == "Reset Your Password"
    assert email.text is not None
    assert email.text.startswith(f"Dear susan, your token is token-{susan.id}.")


def test_the_operators_pages_are_behind_the_applications_check(site: dict[str, Any]) -> None:
    may_see = [True, False]
    site["may_see_mail"] = may_see.pop
    run(site, example(README, "from flask_outbox import dashboard"))
    client = site["app"].test_client()
    assert client.get("/admin/mail").status_code == 404
    assert client.get("/admin/mail").status_code == 200


def test_the_label_of_the_page_is_taken(site: dict[str, Any]) -> None:
    site |= {"Session": Session, "Email": Email}
    run(site, example(DASHBOARD, "@outbox.email("))
    kind: EmailType = site["confirmation"]
    assert str(kind.label) == "order confirmation"


def test_the_colours_of_the_page_are_those_of_the_style_sheet() -> None:
    (code,) = re.findall(r"(?ms)^```css\n(.*?)^```$", DASHBOARD.read_text())
    sheet = (LIBRARY / "src/flask_outbox/dashboard/static/dashboard.css").read_text()
    named = re.findall(r"(--[\w-]+):", code)
    assert named
    assert all(f"{name}:" in sheet for name in named)


def test_celery_gets_the_two_tasks() -> None:
    names: dict[str, Any] = {
        "Flask": Flask, "SQLAlchemy": _in_memory, "FlaskOutbox": FlaskOutbox, "Celery": Celery,
        "register": register, "__name__": "shop",
    }  # fmt: skip
    run(names, example(CELERY, "# shop.py"))
    run(names, example(CELERY, "celery.conf."))
    celery: Celery = names["celery"]
    assert {DELIVER, DELIVER_HIGH} <= set(celery.tasks)
    assert celery.conf.broker_transport_options["socket_timeout"] == 2


def _in_memory(app: Flask) -> SQLAlchemy:
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    app.config["MAIL_DEFAULT_SENDER"] = "shop@example.com"
    return SQLAlchemy(app)


def test_the_three_servers_of_the_page_are_read_in_their_order(site: dict[str, Any]) -> None:
    run(site, example(DELIVERY, 'app.config["MAIL_SERVERS"]'))
    news, main, spare = mail_servers(site["app"].config)
    assert [news.name, main.name, spare.name] == ["news", "main", "spare"]


def test_the_blueprint_of_webhooks_is_registered(site: dict[str, Any]) -> None:
    run(site, example(WEBHOOKS, "from flask_outbox import public_pages"))
    client = site["app"].test_client()
    assert client.post("/mail-events/postmark").status_code == 404
    site["app"].config["MAIL_WEBHOOK_POSTMARK_LOGIN"] = "postmark:a very long password"
    assert client.post("/mail-events/postmark").status_code == 401
    told = client.post("/mail-events/postmark", json={}, auth=("postmark", "a very long password"))
    assert told.status_code == 200
