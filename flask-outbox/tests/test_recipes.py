"""The code in the pages on recipes and on Flask-Mail runs, and does what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from flask import Flask, request, url_for
from flask_babel import Babel
from flask_sqlalchemy import SQLAlchemy
from jinja2 import DictLoader
from sqlalchemy import create_engine, inspect, select
from sqlalchemy.orm import Session

import flask_outbox
from flask_outbox import FlaskOutbox, schema
from flask_outbox.dev.previews import previews_blueprint
from flask_outbox.public_pages import unsubscribe_blueprint
from flask_outbox.testing import OutboxTester
from tests.documentation import LIBRARY, run

RECIPES = (LIBRARY / "docs" / "recipes.md").read_text()
FLASK_MAIL = (LIBRARY / "docs" / "flask-mail.md").read_text()

TEMPLATES = {
    "emails/confirmation.subject.txt": "Your order {{ order.id }}",
    "emails/confirmation.txt": "Thank you for ordering: {{ order.goods }}",
    "emails/confirmation.html": "<p>Thank you for ordering: {{ order.goods }}</p>",
}

IMPORTS: dict[str, Any] = {
    **{name: getattr(flask_outbox, name) for name in flask_outbox.__all__},
    **{one.__name__: one for one in (
        Flask, Mapping, Session, datetime, timedelta, select, previews_blueprint, url_for,
        unsubscribe_blueprint,
    )},
    "UTC": UTC, "Any": Any, "request": request,
}  # fmt: skip


def examples(page: str) -> list[str]:
    """The examples of Python code of a page, in their order."""
    return re.findall(r"(?ms)^```python\n(.*?)^```$", page)


@pytest.fixture
def shop() -> Iterator[dict[str, Any]]:
    """What an example of the pages finds: an application with orders."""
    app = Flask("shop")
    app.debug = True
    app.config.update(
        SQLALCHEMY_DATABASE_URI="sqlite://",
        MAIL_DEFAULT_SENDER="shop@example.com",
        SERVER_NAME="shop.example.com",
        PREFERRED_URL_SCHEME="https",
        SECRET_KEY="a secret of the tests",
        MAIL_UNSUBSCRIBE_URL="https://shop.example.com/unsubscribe",
    )
    app.jinja_loader = DictLoader(TEMPLATES)

    db = SQLAlchemy(app)

    class Order(db.Model):  # type: ignore[misc, name-defined]  # made at run time
        id = db.Column(db.Integer, primary_key=True)
        address = db.Column(db.String)
        goods = db.Column(db.String)

    outbox = FlaskOutbox(app, db)
    Babel(app)
    app.add_url_rule("/", "index", lambda: "")
    with app.app_context():
        db.create_all()
        yield {**IMPORTS, "app": app, "db": db, "outbox": outbox, "Order": Order}
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def tester(shop: dict[str, Any]) -> Iterator[OutboxTester]:
    with OutboxTester(shop["app"]) as outbox:
        yield outbox


@pytest.fixture
def recipes(shop: dict[str, Any]) -> dict[str, Any]:
    """The shop after every example of the page on recipes has run."""
    order = shop["Order"](address="susan@example.com", goods="a pot")
    shop["db"].session.add(order)
    shop["db"].session.commit()
    shop["order"] = order
    for code in examples(RECIPES):
        run(shop, code)
    shop["db"].session.commit()
    return shop


def test_every_recipe_runs_and_its_mail_can_be_sent(
    recipes: dict[str, Any], tester: OutboxTester
) -> None:
    client = recipes["app"].test_client()
    ordered = client.post("/orders", data={"address": "john@example.com", "goods": "a kettle"})
    assert ordered.text == "Ordered.\n"
    by_language = [one.locale for one in tester.queued("shop.confirmation")]
    assert by_language == ["pt_BR", "en", "en", "en", "en"]
    sent = tester.deliver()
    assert len(sent) == 6
    sent += tester.deliver(at=datetime.now(UTC) + timedelta(days=1, hours=1))
    subjects = [one.subject for one in sent]
    assert sorted(subjects) == ["Meeting", "Your invoice", *["Your order 1"] * 4, "Your order 2"]
    (invoice,) = [one for one in sent if one.subject == "Your invoice"]
    assert [one.has_content_id for one in invoice.attachments] == [False, True]
    (meeting,) = [one for one in sent if one.subject == "Meeting"]
    assert list(meeting.alternatives) == ["calendar; method=REQUEST"]


def test_one_click_unsubscribes(recipes: dict[str, Any], tester: OutboxTester) -> None:
    def send(issue: int) -> list[str]:
        recipes["outbox"].enqueue(recipes["news"], to="john@example.com", issue=issue)
        recipes["db"].session.commit()
        return [one.text for one in tester.deliver() if one.subject == f"News {issue}"]

    (text,) = send(7)
    (link,) = re.findall(r"https://\S+", text)
    assert link.startswith("https://shop.example.com/unsubscribe/")
    client = recipes["app"].test_client()
    assert "News of the shop" in client.get(link).text
    assert send(8)
    assert client.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert not send(9)


def test_the_preview_of_the_recipe_is_shown(recipes: dict[str, Any]) -> None:
    page = recipes["app"].test_client().get("/dev/emails/shop.reminder/de").text
    assert "Your order" in page


def test_the_migration_of_the_recipe_makes_and_removes_the_tables(
    recipes: dict[str, Any],
) -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        with Operations.context(MigrationContext.configure(connection)):
            recipes["upgrade"]()
            assert schema.version(connection) == schema.LATEST
            recipes["downgrade"]()
        assert inspect(connection).get_table_names() == []
    engine.dispose()
    names = ["orders", "outbox"]
    assert [recipes["include_object"](None, one, "table", True, None) for one in names] == [
        True,
        False,
    ]


def test_the_tutorials_function_ends_in_the_outbox(
    shop: dict[str, Any], tester: OutboxTester
) -> None:
    """The lines that the page keeps and adds."""
    (change,) = re.findall(r"(?ms)^```diff\n( def send_email.*?)^```$", FLASK_MAIL)
    run(shop, "".join(line[1:] for line in change.splitlines(keepends=True) if line[0] != "-"))
    shop["send_email"](
        "Reset", "shop@example.com", ["susan@example.com"], "text", "<p>text</p>",
        attachments=[("a.json", "application/json", "{}")], sync=True,
    )  # fmt: skip
    (email,) = tester.deliver()
    assert (email.text, email.html) == ("text", "<p>text</p>")
    assert [one.filename for one in email.attachments] == ["a.json"]
