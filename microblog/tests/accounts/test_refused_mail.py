"""Whoever no mail reaches sees it when logged in, and what to do about it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event, select, update

from flask_outbox.outbox.models import Suppression
from flask_outbox.outbox.suppressions import suppress
from microblog.accounts.models import SecurityEvent, User
from microblog.database import db, transaction, utc_now
from tests.outbox_rows import rows
from tests.scopes import set_clock
from tests.smtp_server import ScriptedServer
from tests.visitor import Visitor, make_user, words

BANNER = "Our emails don't reach you"
BUTTON = "Try again"
TRY = "/settings/mail/try_again"
REFUSED = "550 5.1.1 No such user <here> & now"
DONE = "We're emailing susan@example.com again, starting with a message that says so."
ONCE = "You can try this once a day."

Deliver = Callable[[], int]


@pytest.fixture
def susan(app: Flask) -> int:
    number = make_user(app, "susan")
    change(app, email_verified_at=utc_now())
    return number


def change(app: Flask, **values: object) -> None:
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).values(values))


def refuse(app: Flask, address: str = "susan@example.com", *, seconds: float = 1.0) -> None:
    """Have the address refused, this many seconds from now."""
    with app.app_context(), transaction() as writing:
        condemned = [(address, f"recipient: {REFUSED}")]
        suppress(writing, condemned, now=utc_now().timestamp() + seconds)


def suppressed(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(Suppression.address_key)))


def press(visitor: Visitor) -> str:
    return words(visitor.submit(TRY, token=visitor.csrf_token("/")))


def test_the_owner_sees_on_every_page_what_the_server_said(
    app: Flask, visitor: Visitor, susan: int, deliver: Deliver, smtp: ScriptedServer
) -> None:
    smtp.script = {"rcpt": REFUSED}
    visitor.ask_for_reset("susan@example.com")
    deliver()
    assert BANNER not in words(visitor.get("/"))
    visitor.log_in("susan")
    for path in ("/", "/settings/sessions", "/settings/security", "/nowhere"):
        said = words(visitor.get(path))
        assert BANNER in said
        assert f"The mail server said: {REFUSED}" in said
        assert "The mail server of susan@example.com refuses them" in said
        assert BUTTON in said


def test_nobody_else_sees_it(app: Flask, visitor: Visitor, susan: int) -> None:
    refuse(app, "bob@example.com")
    visitor.log_in("susan")
    assert BANNER not in words(visitor.get("/"))


def test_it_costs_one_look_up_a_page(app: Flask, visitor: Visitor, susan: int) -> None:
    visitor.log_in("susan")
    statements: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    visitor.get("/settings/security")
    event.remove(engine, "before_cursor_execute", note)
    assert len([one for one in statements if "mail_suppressions" in one]) == 1


def test_it_is_tried_again_and_the_mail_arrives(
    app: Flask, visitor: Visitor, susan: int, deliver: Deliver, smtp: ScriptedServer
) -> None:
    refuse(app)
    visitor.log_in("susan")
    said = press(visitor)
    assert DONE in said
    assert BANNER not in said
    assert suppressed(app) == []
    assert "Emails to the address were allowed again." in said
    deliver()
    assert smtp.received[-1].recipients == ["susan@example.com"]
    assert smtp.received[-1].message["Subject"] == "Our email reaches you again"


def test_it_is_tried_again_and_refused_again_once_a_day(
    app: Flask,
    visitor: Visitor,
    susan: int,
    deliver: Deliver,
    smtp: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refuse(app)
    visitor.log_in("susan")
    press(visitor)
    smtp.script = {"rcpt": REFUSED}
    deliver()
    assert BANNER in words(visitor.get("/"))
    said = press(visitor)
    assert ONCE in said
    assert BANNER in said
    assert suppressed(app) == ["susan@example.com"]
    assert len(rows(app)) == 1
    tomorrow = utc_now() + timedelta(days=1)
    set_clock(monkeypatch, tomorrow)
    assert DONE in press(visitor)


def test_of_many_presses_at_once_one_counts(app: Flask, visitor: Visitor, susan: int) -> None:
    refuse(app)
    visitor.log_in("susan")
    browsers = [Visitor(app) for _ in range(6)]
    for browser in browsers:
        browser.log_in("susan")
    tokens = [browser.csrf_token("/") for browser in browsers]
    said: list[str] = []

    def run(browser: Visitor, token: str) -> None:
        said.append(words(browser.submit(TRY, token=token)))

    threads = [
        threading.Thread(target=run, args=pair) for pair in zip(browsers, tokens, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(DONE in one for one in said) == 1
    assert len(rows(app)) == 1
    with app.app_context():
        happened = db.session.scalars(select(SecurityEvent.kind)).all()
    assert happened.count("mail_resumed") == 1


def test_where_nothing_is_refused_nothing_is_done(app: Flask, visitor: Visitor, susan: int) -> None:
    visitor.log_in("susan")
    press(visitor)
    assert rows(app) == []


@pytest.mark.parametrize(("seconds", "seen"), [(1.0, True), (-3600.0, False)])
def test_whoever_only_claims_the_address_learns_only_of_their_own_mail(
    app: Flask, visitor: Visitor, susan: int, seconds: float, seen: bool
) -> None:
    change(app, email_verified_at=None)
    refuse(app, seconds=seconds)
    visitor.log_in("susan")
    said = words(visitor.get("/"))
    assert (BANNER in said) is seen
    assert BUTTON not in said
    press(visitor)
    assert suppressed(app) == ["susan@example.com"]
    assert rows(app) == []


def test_the_button_needs_its_csrf_token_and_somebody_logged_in(
    app: Flask, visitor: Visitor, susan: int
) -> None:
    refuse(app)
    stranger = Visitor(app)
    token = stranger.csrf_token("/login")
    assert stranger.submit(TRY, token=token).request.path == "/login"
    visitor.log_in("susan")
    assert visitor.client.post(TRY).status_code == 400
    assert suppressed(app) == ["susan@example.com"]
