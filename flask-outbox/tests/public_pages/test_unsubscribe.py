"""Mail programs, people and scanners open the links of lists: what each of them changes."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from flask import Flask, Request
from flask_babel import Babel, get_locale
from flask_wtf.csrf import CSRFProtect
from jinja2 import DictLoader
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.test import TestResponse, create_environ, run_wsgi_app

from flask_outbox import (
    DeliveryOptions,
    Discard,
    EmailType,
    SubscriptionEvent,
    current_outbox,
    resubscribed,
    unsubscribed,
)
from flask_outbox.message.unsubscribe_links import UnsubscribeLinks
from flask_outbox.outbox.opt_outs import ALL_LISTS, OptOutReason, opt_out, opt_outs_of
from flask_outbox.public_pages import unsubscribe_blueprint
from flask_outbox.public_pages.unsubscribe import FORM_MAXIMUM_BYTES
from tests.application import db, make_app, transaction
from tests.databases import ON_SQLITE
from tests.statements import recorded

SUSAN = "susan@example.com"
LINKS = UnsubscribeLinks("https://shop.example.com/unsubscribe", (b"k" * 32,))
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
LABELS = {"news": "News <of the shop>", "offers": "Offers"}
UNKNOWN = "/unsubscribe/" + "A" * 60


class Strict(Request):
    """A request of an application that refuses large forms."""

    @property
    def form(self) -> Any:
        if (self.content_length or 0) > 5000:
            raise RequestEntityTooLarge
        return super().form


@pytest.fixture
def app(database_url: str) -> Iterator[Flask]:
    made = make_app(database_url)
    made.request_class = Strict
    prepare(made, lists=LABELS)
    yield made
    with made.app_context():
        db.engine.dispose()


def prepare(app: Flask, **options: Any) -> None:
    app.register_blueprint(unsubscribe_blueprint(**options), url_prefix="/unsubscribe")
    with app.app_context():
        outbox = current_outbox()
        outbox.delivery = DeliveryOptions(unsubscribe_links=LINKS)
        for name in ("news", "offers", "digest"):
            outbox.register(EmailType(f"shop.{name}", lambda _s, _c: Discard(""), list=name))


def path(list_name: str = "news") -> str:
    return LINKS.link(SUSAN, list_name).removeprefix("https://shop.example.com")


def press(app: Flask, page: TestResponse, label: str) -> TestResponse:
    """Press the button of a page with this text or name, as a browser does."""
    for name, value, rest, text in re.findall(
        r'<button [^>]*name="(\w+)" value="([\w.-]*)"([^>]*)>([^<]*)</button>', page.text
    ):
        spoken = re.search(r'aria-label="([^"]*)"', rest)
        if unescape(spoken[1] if spoken else text) == label:
            data = {"page": "1", name: value}
            return app.test_client().post(page.request.path, data=data)
    raise AssertionError(f"no button {label!r} in {page.text}")


def ended(app: Flask) -> list[str]:
    with app.app_context(), current_outbox().sessions() as session:
        found = opt_outs_of(session, SUSAN, now=current_outbox().clock())
        return [one.list for one in found]


def end(app: Flask, list_name: str, **options: Any) -> None:
    with app.app_context(), transaction() as writing:
        opt_out(writing, SUSAN, list_name, **{"now": current_outbox().clock()} | options)


# Mail programs


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize(
    "content",
    [
        {"data": ONE_CLICK},
        {"data": ONE_CLICK, "content_type": "multipart/form-data"},
        {},
        {"data": b"\xff\xfe%%%", "content_type": "application/x-www-form-urlencoded"},
        {"json": {"List-Unsubscribe": "One-Click"}},
        {"data": b"x", "content_type": "multipart/form-data"},
        {"data": b"a=1&" * 2000, "content_type": "application/x-www-form-urlencoded"},
        {"data": {"unsubscribe": "no such list"}},
        {"data": {"resubscribe": "no such list"}},
    ],
    ids=[
        "urlencoded",
        "multipart",
        "empty",
        "garbage",
        "json",
        "no boundary",
        "many",
        "no list",
        "back",
    ],
)
@ON_SQLITE
def test_whatever_a_mail_program_posts_ends_the_list_once(
    app: Flask, content: dict[str, Any], times: int
) -> None:
    for _ in range(times):
        answer = app.test_client().post(path(), **content)
        assert (answer.status_code, answer.mimetype) == (200, "text/plain")
        assert "Set-Cookie" not in answer.headers
    assert ended(app) == ["news"]


def test_the_answer_to_one_click_is_the_same_for_a_link_that_is_none(app: Flask) -> None:
    client = app.test_client()
    good = client.post(path(), data=ONE_CLICK)
    bad = client.post(UNKNOWN, data=ONE_CLICK)
    assert (good.status_code, good.data) == (bad.status_code, bad.data)
    assert dict(good.headers) == dict(bad.headers)


@ON_SQLITE
def test_a_link_that_is_none_costs_the_database_nothing(app: Flask) -> None:
    with app.app_context():
        engine = db.engine
    with recorded(engine) as statements:
        app.test_client().post(UNKNOWN, data=ONE_CLICK)
        app.test_client().get(UNKNOWN)
    assert statements == []


@ON_SQLITE
def test_a_large_body_and_one_of_unknown_size_are_not_read(app: Flask) -> None:
    large = app.test_client().post(
        path("news"), data={"resubscribe": "news", "x": "x" * FORM_MAXIMUM_BYTES}
    )
    assert large.status_code == 200
    environ = create_environ(path("offers"), method="POST")
    environ |= {"wsgi.input": _Endless(), "wsgi.input_terminated": True}
    _, status, _ = run_wsgi_app(app, environ)
    assert status == "200 OK"
    assert ended(app) == ["news", "offers"]


class _Endless:
    def read(self, _size: int = -1) -> bytes:
        raise AssertionError("the body was read")

    readline = read


@ON_SQLITE
@pytest.mark.parametrize("is_first", [True, False])
def test_protection_against_forged_forms_leaves_the_page_alone(
    database_url: str, is_first: bool
) -> None:
    app = make_app(database_url, SECRET_KEY="a secret of the tests")
    if is_first:
        CSRFProtect(app)
    prepare(app)
    if not is_first:
        CSRFProtect(app)
    app.add_url_rule("/other", "other", lambda: "", methods=["POST"])
    assert app.test_client().post(path(), data=ONE_CLICK).status_code == 200
    assert app.test_client().post("/other").status_code == 400
    assert ended(app) == ["news"]


@ON_SQLITE
def test_while_the_database_is_away_mail_programs_are_asked_to_come_back(app: Flask) -> None:
    with app.app_context():
        engine = db.engine

    @event.listens_for(engine, "before_cursor_execute")
    def fail(*_arguments: object) -> None:
        raise OperationalError("", {}, sqlite3.OperationalError("database is locked"))

    answer = app.test_client().post(path(), data=ONE_CLICK)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "300")
    event.remove(engine, "before_cursor_execute", fail)
    assert ended(app) == []


# Scanners


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@ON_SQLITE
def test_opening_a_link_changes_nothing(app: Flask, method: str) -> None:
    assert app.test_client().open(path(), method=method).status_code == 200
    assert ended(app) == []


@ON_SQLITE
def test_the_page_is_kept_nowhere_and_runs_nothing(app: Flask) -> None:
    headers = app.test_client().get(path()).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Robots-Tag"] == "noindex"
    assert "script-src" not in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]


# People


def test_a_press_of_the_button_ends_the_list_and_another_takes_it_back(app: Flask) -> None:
    opened = app.test_client().get(path())
    assert SUSAN in opened.text
    assert "News &lt;of the shop&gt;" in opened.text
    done = press(app, opened, "Stop these emails")
    assert done.status_code == 200
    assert 'role="status"' in done.text
    assert ended(app) == ["news"]
    back = press(app, done, "Get these emails again")
    assert ended(app) == []
    assert "Stop these emails" in back.text


@ON_SQLITE
def test_the_page_has_a_button_for_each_list(app: Flask) -> None:
    opened = app.test_client().get(path())
    done = press(app, opened, "Stop these emails: Offers")
    assert ended(app) == ["offers"]
    press(app, done, "Stop these emails: digest")
    assert ended(app) == ["digest", "offers"]
    press(app, done, "Get these emails again: Offers")
    assert ended(app) == ["digest"]


@ON_SQLITE
def test_one_button_ends_all_lists_and_one_of_them_can_be_had_again(app: Flask) -> None:
    all_ended = press(app, app.test_client().get(path()), "Stop all of them")
    assert ended(app) == [ALL_LISTS]
    assert "Stop" not in all_ended.text
    press(app, all_ended, "Get these emails again: Offers")
    assert ended(app) == ["digest", "news"]


@ON_SQLITE
def test_the_page_tells_a_pause_from_an_end(app: Flask) -> None:
    now = 1_900_000_000.0
    with app.app_context():
        current_outbox().clock = lambda: now
    end(app, ALL_LISTS, reason=OptOutReason.BOUNCES, until=now + 60)
    assert app.test_client().get(path()).text.count("Paused") == 3
    end(app, "news")
    page = app.test_client().get(path()).text
    assert (page.count("Paused"), page.count("Unsubscribed")) == (2, 1)


@ON_SQLITE
@pytest.mark.parametrize(
    ("label", "left"),
    [
        ("Stop these emails", "news"),
        ("Stop all of them", ""),
        ("Stop these emails: Offers", "offers"),
    ],
)
def test_what_is_paused_can_be_ended(app: Flask, label: str, left: str) -> None:
    now = 1_900_000_000.0
    with app.app_context():
        current_outbox().clock = lambda: now
    end(app, ALL_LISTS, reason=OptOutReason.BOUNCES, until=now + 60)
    press(app, app.test_client().get(path()), label)
    now += 60
    assert ended(app) == [left]


@ON_SQLITE
def test_a_link_of_a_list_that_is_no_more_still_ends_it(app: Flask) -> None:
    opened = app.test_client().get(path("former"))
    assert "former" in opened.text
    press(app, opened, "Stop these emails")
    assert ended(app) == ["former"]


@ON_SQLITE
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_that_is_cut_off_says_so(app: Flask, method: str) -> None:
    answer = app.test_client().open(path()[:-3], method=method, data={"page": "1"})
    assert answer.status_code == 200
    assert "isn&#39;t complete" in answer.text
    assert SUSAN not in answer.text


@ON_SQLITE
def test_without_links_every_token_is_unknown(app: Flask) -> None:
    with app.app_context():
        current_outbox().delivery = DeliveryOptions()
    assert "isn&#39;t complete" in app.test_client().get(path()).text


@ON_SQLITE
def test_the_page_stands_in_the_layout_of_the_application(database_url: str) -> None:
    app = make_app(database_url)
    app.jinja_loader = DictLoader(
        {
            "own.html": "<title>{% block title %}{% endblock %}</title>"
            "{% block content %}{% endblock %}",
            "empty.html": "nothing",
        }
    )
    prepare(app, layout="own.html")
    answer = app.test_client().get(path())
    assert answer.text.strip().startswith("<title>Unsubscribe</title>")
    assert "Content-Security-Policy" not in answer.headers
    other = make_app(database_url)
    other.jinja_loader = app.jinja_loader
    other.testing = True
    prepare(other, layout="empty.html")
    with pytest.raises(RuntimeError, match="no block named 'content'"):
        other.test_client().get(path())


@ON_SQLITE
def test_names_of_lists_are_in_the_readers_language(database_url: str) -> None:
    app = make_app(database_url)
    Babel(app, locale_selector=lambda: "de")

    class Lazy:
        def __str__(self) -> str:
            return f"Neues ({get_locale()})"

    prepare(app, lists={"news": Lazy()})
    page = app.test_client().get(path()).text
    assert "Neues (de)" in page
    assert '<html lang="de">' in page


# The application


@ON_SQLITE
def test_the_application_hears_once_what_somebody_did(app: Flask) -> None:
    heard: list[tuple[str, SubscriptionEvent, list[str]]] = []

    def ends(_sender: object, event: SubscriptionEvent) -> None:
        heard.append(("ended", event, ended(app)))

    def returns(_sender: object, event: SubscriptionEvent) -> None:
        heard.append(("back", event, ended(app)))

    client = app.test_client()
    with unsubscribed.connected_to(ends, app), resubscribed.connected_to(returns, app):
        for _ in range(2):
            client.post(path(), data=ONE_CLICK)
        for _ in range(2):
            client.post(path(), data={"page": "1", "resubscribe": "news"})
        client.post(UNKNOWN, data=ONE_CLICK)
    event = SubscriptionEvent(SUSAN, "news")
    assert heard == [("ended", event, ["news"]), ("back", event, [])]


@ON_SQLITE
def test_a_handler_that_raises_changes_nothing(app: Flask) -> None:
    def fail(_sender: object, event: SubscriptionEvent) -> None:
        raise RuntimeError(event.list)

    with unsubscribed.connected_to(fail, app):
        assert app.test_client().post(path(), data=ONE_CLICK).status_code == 200
    assert ended(app) == ["news"]


@ON_SQLITE
def test_the_log_holds_neither_token_nor_address(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    app.test_client().post(path(), data=ONE_CLICK)
    for _ in range(3):
        app.test_client().post(UNKNOWN, data=ONE_CLICK)
    assert caplog.text.count("none of our keys signed") == 1, "once a minute"
    assert SUSAN not in caplog.text
    assert "AAAA" not in caplog.text
