"""A notice, and the link in it with which its owner says "this wasn't me"."""

from __future__ import annotations

import re
import string
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from flask_outbox import address_key, current_outbox
from microblog.accounts import passwords
from microblog.accounts.audit import notices
from microblog.accounts.models import EmailChange, KnownBrowser, LoginSession, SecurityEvent, User
from microblog.accounts.pages import not_me as pages
from microblog.database import db, transaction, utc_now
from microblog.web.clients import RequestOrigin
from tests.outbox_rows import rows
from tests.scopes import scope_at, scope_now, set_clock
from tests.smtp_server import ScriptedServer
from tests.visitor import (
    PASSWORD,
    Visitor,
    mailed_link,
    make_user,
    path_of,
    reset_link_for,
    token_of,
    words,
)

NEW = "a brand new password"
ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
REFUSED = "This link no longer works"
SECURED = "Your account is secure"
BUTTON = "This wasn't me: secure my account"

Deliver = Callable[[], int]


@pytest.fixture
def susan(app: Flask) -> int:
    return make_verified(app, "susan")


@pytest.fixture
def link(app: Flask, susan: int, deliver: Deliver, smtp: ScriptedServer) -> str:
    """The path of the link in a notice that susan got just now."""
    return notify(app, susan, deliver, smtp)


def make_verified(app: Flask, name: str) -> int:
    number = make_user(app, name)
    change(app, number, email_verified_at=utc_now())
    return number


def change(app: Flask, number: int, **values: object) -> None:
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).where(User.id == number).values(values))


def notify(app: Flask, number: int, deliver: Deliver, smtp: ScriptedServer) -> str:
    """Post the notice of a new browser and have it delivered; the path of its link."""
    with app.app_context(), transaction() as writing:
        user = writing.get_one(User, number)
        notices.new_browser(writing, current_outbox(), user, scope_now())
    assert deliver() == 1
    return path_of(not_me_link_in(smtp))


def not_me_link_in(smtp: ScriptedServer) -> str:
    found = re.search(r"^\S+/not_me/\S+$", smtp.received[-1].text(), re.MULTILINE)
    assert found, "the mail holds no such link on a line of its own"
    return found[0]


def press(visitor: Visitor, link: str) -> str:
    """Open the link and press the button; what the page says."""
    page = visitor.get(link)
    return words(visitor.submit(page.request.path))


def count(app: Flask, model: type) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model)) or 0


def account(app: Flask) -> User:
    with app.app_context():
        return db.session.scalars(select(User)).one()


def happenings(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(SecurityEvent.kind).order_by(SecurityEvent.id)))


def test_the_notice_says_what_when_and_where(
    app: Flask, susan: int, deliver: Deliver, smtp: ScriptedServer
) -> None:
    with app.app_context(), transaction() as writing:
        notices.new_browser(
            writing,
            current_outbox(),
            writing.get_one(User, susan),
            scope_at(datetime(2026, 3, 1, 12, 30, 45, tzinfo=UTC)),
        )
    deliver()
    (received,) = smtp.received
    assert received.recipients == ["susan@example.com"]
    assert received.message["Subject"] == "New sign-in to your account"
    assert received.message["From"] == f"Microblog <{app.config['ADMINS'][0]}>"
    for subtype in ("plain", "html"):
        text = " ".join(received.text(subtype).split())
        assert "to your account susan from a browser" in text
        assert "Signed in from Firefox on Linux, Mar 1, 2026, 12:30 PM UTC." in text
        assert "203.0.113" not in text
        assert "http://localhost/not_me/" in text


@pytest.mark.parametrize(
    ("zone", "said"), [("Europe/Berlin", "1:30 PM."), ("Nowhere/Else", "12:30 PM UTC.")]
)
def test_the_time_is_that_of_its_reader_or_names_its_zone(
    app: Flask, susan: int, deliver: Deliver, smtp: ScriptedServer, zone: str, said: str
) -> None:
    change(app, susan, time_zone=zone)
    with app.app_context(), transaction() as writing:
        notices.new_browser(
            writing,
            current_outbox(),
            writing.get_one(User, susan),
            scope_at(datetime(2026, 3, 1, 12, 30, tzinfo=UTC), RequestOrigin()),
        )
    deliver()
    text = " ".join(smtp.received[-1].text().split())
    assert f"Signed in from an unknown browser, Mar 1, 2026, {said}" in text


def test_whoever_never_proved_to_read_the_address_gets_no_notice(
    app: Flask, deliver: Deliver, smtp: ScriptedServer
) -> None:
    number = make_user(app, "mallory", verified=False)
    with app.app_context(), transaction() as writing:
        user = writing.get_one(User, number)
        notices.new_browser(writing, current_outbox(), user, scope_now())
    assert rows(app) == []


def test_opening_the_link_changes_nothing(app: Flask, visitor: Visitor, link: str) -> None:
    at_home = Visitor(app)
    at_home.log_in("susan")
    before = (account(app).password_hash, count(app, LoginSession), happenings(app), len(rows(app)))
    for _ in range(3):
        page = visitor.get(link)
        assert BUTTON in words(page)
        assert visitor.client.head(link).status_code == 200
    after = (account(app).password_hash, count(app, LoginSession), happenings(app), len(rows(app)))
    assert after == before
    assert "Hi, susan!" in words(at_home.get("/"))


def test_the_button_closes_every_door_and_mails_the_way_back(
    app: Flask, visitor: Visitor, susan: int, link: str, deliver: Deliver, smtp: ScriptedServer
) -> None:
    bob = make_verified(app, "bob")
    thief, remembered, other = Visitor(app), Visitor(app), Visitor(app)
    thief.log_in("susan")
    remembered.log_in("susan", remember=True)
    other.log_in("bob")
    with app.app_context(), transaction() as writing:
        for number in (susan, bob):
            writing.add(KnownBrowser(user_id=number, digest=bytes(32)))
            writing.add(
                EmailChange(user_id=number, old_email="a@example.com", new_email="b@example.com")
            )
    change(app, susan, deletes_at=utc_now() + timedelta(days=7))
    said = press(visitor, link)
    assert SECURED in said
    assert "Check your email" in said
    remembered.client.delete_cookie("microblog")
    for browser in (thief, remembered):
        assert "Short posts, newest first." in words(browser.get("/"))
    assert "Hi, bob!" in words(other.get("/"))
    assert "Wrong username or password." in words(thief.log_in("susan"))
    with app.app_context():
        waiting = select(EmailChange.user_id).where(EmailChange.undone_at.is_(None))
        for owners in (select(KnownBrowser.user_id), waiting):
            assert set(db.session.scalars(owners)) == {bob}
        assert db.session.get_one(User, susan).deletes_at is None
    deliver()
    received = smtp.received[-1]
    assert received.recipients == ["susan@example.com"]
    assert received.message["Subject"] == "Choose a new password"
    assert "You told us that someone else used your account susan." in " ".join(
        received.text().split()
    )
    assert "Your password has been reset." in words(visitor.choose_password(mailed_link(smtp), NEW))
    assert "Hi, susan!" in words(visitor.log_in("susan", password=NEW))


def test_a_change_of_address_that_was_confirmed_is_not_forgotten(
    app: Flask, visitor: Visitor, susan: int, link: str
) -> None:
    """Or whoever holds the new address could take the old one's way back away."""
    with app.app_context(), transaction() as writing:
        writing.add(
            EmailChange(
                user_id=susan,
                old_email="old@example.com",
                new_email="susan@example.com",
                confirmed_at=utc_now(),
                undo_until=utc_now() + timedelta(hours=72),
            )
        )
    assert SECURED in press(visitor, link)
    assert count(app, EmailChange) == 1


def test_it_is_written_down_with_its_place(app: Flask, visitor: Visitor, link: str) -> None:
    change(app, 1, deletes_at=utc_now() + timedelta(days=7))
    press(visitor, link)
    assert happenings(app) == ["deletion_undone", "reported"]
    with app.app_context():
        for written in db.session.scalars(select(SecurityEvent)):
            assert written.address == "127.0.0.0/24"
            assert token_of(link) not in repr(written.details)


def test_pressed_again_it_does_nothing_more(
    app: Flask, visitor: Visitor, link: str, deliver: Deliver, smtp: ScriptedServer
) -> None:
    press(visitor, link)
    deliver()
    visitor.choose_password(mailed_link(smtp), NEW)
    deliver()
    visitor.log_in("susan", password=NEW)
    before = (account(app).password_hash, happenings(app), len(rows(app)))
    # The last two bits of a signature's last letter say nothing: several spellings, one link.
    variant = link[:-1] + ALPHABET[ALPHABET.index(link[-1]) ^ 1]
    stranger = Visitor(app)
    said = words(stranger.submit(variant, token=stranger.csrf_token("/login")))
    assert "You already used this link" in said or REFUSED in said
    assert "You already used this link" in press(Visitor(app), link)
    assert (account(app).password_hash, happenings(app), len(rows(app))) == before
    assert "Hi, susan!" in words(visitor.get("/"))


def test_of_ten_presses_at_once_one_counts(app: Flask, link: str) -> None:
    browsers = [Visitor(app) for _ in range(10)]
    paths = [browser.get(link).request.path for browser in browsers]
    tokens = [browser.csrf_token(path) for browser, path in zip(browsers, paths, strict=True)]
    said: list[str] = []
    start = threading.Barrier(10)

    def run(number: int) -> None:
        start.wait()
        page = browsers[number].submit(paths[number], token=tokens[number])
        said.append(words(page))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(SECURED in one for one in said)
    assert sum("You already used this link" in one for one in said) == 9
    assert happenings(app) == ["reported"]
    assert len(rows(app)) == 2


def test_it_survives_a_change_of_the_password_by_whoever_did_it(
    app: Flask, visitor: Visitor, link: str
) -> None:
    visitor.submit(reset_link_for(app, "susan@example.com"), {}, token=visitor.csrf_token("/login"))
    assert "Your password has been reset." in words(
        visitor.choose_password(f"http://x{reset_link_for(app, 'susan@example.com')}", NEW)
    )
    assert SECURED in press(visitor, link)


def test_it_kills_the_reset_links_that_are_out(app: Flask, visitor: Visitor, link: str) -> None:
    reset = reset_link_for(app, "susan@example.com")
    press(Visitor(app), link)
    assert REFUSED in words(visitor.get(reset))


def test_the_way_back_is_open_though_the_address_had_many_resets_already(
    app: Flask, visitor: Visitor, link: str, deliver: Deliver, smtp: ScriptedServer
) -> None:
    for _ in range(4):
        visitor.ask_for_reset("susan@example.com")
    deliver()
    assert [row.status for row in rows(app)][-1] == "discarded"
    press(visitor, link)
    deliver()
    assert smtp.received[-1].message["Subject"] == "Choose a new password"


@pytest.mark.parametrize("late", [False, True])
def test_it_lives_a_week_to_the_second(
    app: Flask,
    visitor: Visitor,
    susan: int,
    deliver: Deliver,
    smtp: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
    late: bool,
) -> None:
    link = notify(app, susan, deliver, smtp)
    then = int(utc_now().timestamp())
    moment = datetime.fromtimestamp(then, UTC) + timedelta(days=7, seconds=1 if late else -5)
    set_clock(monkeypatch, moment)
    assert (REFUSED if late else BUTTON) in words(visitor.get(link))


def test_the_link_of_a_former_address_does_nothing(
    app: Flask, visitor: Visitor, susan: int, link: str
) -> None:
    change(app, susan, email="new@example.com", email_key=address_key("new@example.com"))
    before = account(app).password_hash
    assert REFUSED in words(visitor.get(link))
    assert REFUSED in words(visitor.submit(link, token=visitor.csrf_token("/login")))
    assert account(app).password_hash == before


@pytest.mark.parametrize(("hours", "says"), [(71, True), (73, False)])
def test_while_the_former_address_has_its_say_its_link_leads_to_the_undo(
    app: Flask, visitor: Visitor, susan: int, link: str, hours: int, says: bool
) -> None:
    """Whoever takes an account over changes its address before the owner reads the first notice."""
    confirmed = utc_now() - timedelta(hours=hours)
    with app.app_context(), transaction() as writing:
        writing.add(
            EmailChange(
                user_id=susan,
                old_email="susan@example.com",
                new_email="thief@example.com",
                requested_at=confirmed,
                confirmed_at=confirmed,
                undo_until=confirmed + timedelta(hours=72),
            )
        )
    change(app, susan, email="thief@example.com", email_key="thief@example.com")
    thief = Visitor(app)
    thief.log_in("susan")
    page = visitor.get(link)
    assert account(app).email == "thief@example.com"
    if not says:
        assert REFUSED in words(page)
        return
    assert page.request.path == "/undo_email_change/choose"
    visitor.submit(page.request.path)
    assert account(app).email == "susan@example.com"
    assert "Short posts, newest first." in words(thief.get("/"))
    assert "email_change_undone" in happenings(app)


@pytest.mark.parametrize("forged", ["x", "choose", "a.b.c", "%00", "é", "x" * 5000])
def test_a_forged_link_is_refused_in_words(visitor: Visitor, susan: int, forged: str) -> None:
    assert REFUSED in words(visitor.get(f"/not_me/{forged}"))
    page = visitor.submit(f"/not_me/{forged}", token=visitor.csrf_token("/login"))
    assert page.status_code == 200
    assert REFUSED in words(page)


def test_a_link_whose_address_changes_while_it_is_pressed_is_refused(
    app: Flask, susan: int, visitor: Visitor, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def after_the_change() -> AbstractContextManager[Session]:
        change(app, susan, email="other@example.com", email_key="other@example.com")
        return transaction()

    visitor.get(link)
    monkeypatch.setattr(f"{pages.__name__}.transaction", after_the_change)
    assert REFUSED in press(visitor, link)
    assert "reported" not in happenings(app)


def test_one_purposes_token_is_no_other_ones(app: Flask, visitor: Visitor, link: str) -> None:
    reset = token_of(reset_link_for(app, "susan@example.com"))
    assert REFUSED in words(visitor.get(f"/not_me/{reset}"))
    assert REFUSED in words(visitor.get(f"/reset_password/{token_of(link)}"))


def test_the_button_needs_its_csrf_token(app: Flask, visitor: Visitor, link: str) -> None:
    visitor.get(link)
    assert visitor.client.post(link).status_code == 400
    assert happenings(app) == []


def test_the_token_leaves_the_address_bar_and_no_page_holds_it(visitor: Visitor, link: str) -> None:
    opened = visitor.get(link, follow=False)
    shown = visitor.get("/not_me/choose")
    done = visitor.submit("/not_me/choose")
    assert (opened.status_code, opened.headers["Location"]) == (302, "/not_me/choose")
    assert SECURED in words(done)
    for page in (opened, shown, done):
        assert token_of(link) not in page.get_data(as_text=True)
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "no-referrer"


def test_the_browser_in_which_it_is_pressed_is_logged_out_too(
    app: Flask, visitor: Visitor, link: str
) -> None:
    visitor.log_in("susan")
    page = visitor.get(link)
    assert "Sign out" in words(page)
    said = press(visitor, link)
    assert SECURED in said
    assert "Sign out" not in said


def test_somebody_else_who_is_logged_in_stays_so(app: Flask, visitor: Visitor, link: str) -> None:
    make_verified(app, "bob")
    visitor.log_in("bob")
    assert "Sign out" in press(visitor, link)
    assert "Hi, bob!" in words(visitor.get("/"))


def test_a_locked_password_takes_as_long_as_a_wrong_one(
    app: Flask, visitor: Visitor, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    press(visitor, link)
    hashed: list[str] = []

    class Counting:
        def verify(self, stored: str, password: str) -> bool:
            hashed.append(stored)
            return hasher.verify(stored, password)

    hasher = passwords._hasher
    monkeypatch.setattr(passwords, "_hasher", Counting())
    visitor.log_in("susan", password=PASSWORD)
    visitor.log_in("nobody", password=PASSWORD)
    assert len(hashed) == 2
    assert all(one.startswith("$argon2id$") for one in hashed)
