"""Mail is composed in the language of whoever caused it, where the application has Flask-Babel."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, request
from flask_babel import Babel, get_locale
from flask_sqlalchemy import SQLAlchemy
from jinja2 import DictLoader
from sqlalchemy.orm import Session

from flask_outbox import Email, FlaskOutbox, email_from_templates
from flask_outbox.language import current_locale, in_locale
from flask_outbox.testing import OutboxTester


@pytest.fixture
def app() -> Flask:
    made = Flask(__name__)
    made.config.update(
        TESTING=True,
        SQLALCHEMY_DATABASE_URI="sqlite://",
        MAIL_DEFAULT_SENDER="a@example.com",
        BABEL_DEFAULT_LOCALE="ru",
    )
    db = SQLAlchemy(made)
    extension = FlaskOutbox(made, db)
    Babel(made, locale_selector=lambda: request.accept_languages.best_match(["de", "pt_BR", "ru"]))

    @extension.email("note")
    def note(_session: Session) -> Email:
        return Email("Note", str(get_locale()))

    @made.post("/")
    def enqueue() -> str:
        given: dict[str, Any] = request.get_json()
        extension.enqueue(note, to="susan@example.com", **given)
        extension.enqueue_many(note, [{"to": "bob@example.com", **given}])
        db.session.commit()
        return ""

    with made.app_context():
        db.create_all()
    return made


@pytest.mark.parametrize(
    ("accepts", "given", "stored", "composed"),
    [
        ("de", {}, "de", "de"),
        ("pt-BR", {}, "pt_BR", "pt_BR"),
        ("de", {"locale": "pt-BR"}, "pt-BR", "pt_BR"),
        ("de", {"locale": "tlh"}, "tlh", "ru"),
        ("fr", {}, "ru", "ru"),
    ],
)
def test_it_is_the_readers_or_the_one_that_is_named(
    app: Flask,
    outbox: OutboxTester,
    accepts: str,
    given: dict[str, str],
    stored: str,
    composed: str,
) -> None:
    app.test_client().post("/", json=given, headers={"Accept-Language": accepts})
    assert [one.locale for one in outbox.queued()] == [stored] * 2
    assert [one.text for one in outbox.deliver()] == [composed] * 2


def test_outside_of_a_request_it_is_the_default_or_that_of_the_block(app: Flask) -> None:
    assert current_locale() == "en"
    with app.app_context():
        assert current_locale() == "ru"
        with in_locale("pt-BR"):
            assert current_locale() == "pt_BR"
    with Flask("bare").app_context(), in_locale("de"):
        assert current_locale() == "en"


def test_a_template_knows_the_language_of_its_message(app: Flask) -> None:
    app.jinja_loader = DictLoader({"a.txt": "{{ locale }}", "a.html": "<p>Hi</p>"})
    with app.app_context(), in_locale("pt-BR"):
        email = email_from_templates("a", subject="A")
    assert email.text == "pt_BR\n"
    assert 'lang="pt-BR"' in (email.html or "")
