"""The page that shows where one is logged in, and logs one out there."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, event, func, select, update

from microblog import database
from microblog.accounts.models import KnownBrowser, LoginSession, SecurityEvent, User
from microblog.accounts.sessions import sessions
from microblog.accounts.sessions.sessions import PRUNED_AT_ONCE, prune_sessions
from microblog.database import db, transaction, utc_now
from tests.visitor import ON_SQLITE, Visitor, make_user, words

PAGE = "/settings/sessions"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like"
    " Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)
UNKNOWN = "You're no longer signed in there."


@pytest.fixture(autouse=True)
def susan(app: Flask) -> int:
    return make_user(app, "susan")


def logged_in(app: Flask, name: str, *, agent: str = FIREFOX, address: str = "") -> Visitor:
    visitor = Visitor(app)
    visitor.client.environ_base["HTTP_USER_AGENT"] = agent
    if address:
        visitor.client.environ_base["REMOTE_ADDR"] = address
    visitor.log_in(name)
    return visitor


def numbers(app: Flask) -> list[int]:
    with app.app_context():
        return list(db.session.scalars(select(LoginSession.id).order_by(LoginSession.id)))


def events(app: Flask) -> list[tuple[str, str, str, str]]:
    with app.app_context():
        return [
            (event.kind, event.browser, event.address, event.details.get("where", ""))
            for event in db.session.scalars(select(SecurityEvent).order_by(SecurityEvent.id))
            if event.kind in {"logged_out", "session_ended", "sessions_ended"}
        ]


def entries(html: str) -> list[str]:
    (devices,) = re.findall(r'(?s)<ul class="devices">(.*?)</ul>', html)
    found = re.findall(r"(?s)<li>.*?</li>", devices)
    return [" ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in found]


def test_each_browser_is_shown_with_its_place_and_times(app: Flask) -> None:
    logged_in(app, "susan", agent=SAFARI, address="198.51.100.77")
    here = logged_in(app, "susan", address="2001:db8:1:2::3")
    html = here.get(PAGE).get_data(as_text=True)
    first, second = entries(html)
    assert first.startswith("Firefox on Linux 2001:db8:1::/48 · Active now Signed in ")
    assert second.startswith("Mobile Safari on iOS 198.51.100.0/24 · Last seen: ")
    assert "Ends when the browser closes, or after a day without a visit." in first
    assert [icon in html for icon in ("#laptop", "#phone")] == [True, True]
    assert first.endswith("This device")
    assert second.endswith("Sign out : Mobile Safari on iOS, 198.51.100.0/24")
    assert "198.51.100.77" not in html
    moments = re.findall(r'<time datetime="([^"]+)">', html)
    assert len(moments) == 3
    for moment in moments:
        assert abs(datetime.fromisoformat(moment) - utc_now()) < timedelta(minutes=1)


def test_only_ones_own_and_none_that_is_over(app: Flask, susan: int) -> None:
    bob = make_user(app, "bob")
    here = logged_in(app, "susan")
    old = logged_in(app, "susan", agent=SAFARI)
    logged_in(app, "bob", agent=SAFARI)
    with app.app_context(), transaction() as writing:
        writing.execute(
            update(LoginSession)
            .where(LoginSession.user_id == susan, LoginSession.browser.contains("Safari"))
            .values(seen_at=utc_now() - timedelta(days=1, seconds=1))
        )
    assert len(entries(here.get(PAGE).get_data(as_text=True))) == 1
    assert "Short posts, newest first." in words(old.get("/"))
    assert bob != susan


def test_a_remembered_one_says_how_long_it_lives(app: Flask) -> None:
    visitor = Visitor(app)
    visitor.log_in("susan", remember=True)
    assert "Ends after 30 days without a visit." in words(visitor.get(PAGE))


def test_a_stranger_is_sent_to_the_log_in(visitor: Visitor) -> None:
    page = visitor.get(PAGE)
    assert page.request.path == "/login"
    token = visitor.csrf_token("/login")
    for path in (f"{PAGE}/1/end", f"{PAGE}/end_others"):
        assert visitor.submit(path, token=token).request.path == "/login"


def test_one_is_ended_and_the_others_stay(app: Flask) -> None:
    there, other, here = (logged_in(app, "susan") for _ in range(3))
    number = numbers(app)[0]
    page = here.submit(f"{PAGE}/{number}/end", token=here.csrf_token(PAGE))
    assert page.request.path == PAGE
    assert "That device is signed out." in words(page)
    assert "Short posts, newest first." in words(there.get("/"))
    for one in (other, here):
        assert "Hi, susan!" in words(one.get("/"))
    place = ("Firefox on Linux", "127.0.0.0/24")
    assert events(app) == [("session_ended", *place, "Firefox on Linux, 127.0.0.0/24")]


def test_that_of_somebody_else_cannot_be_ended_and_looks_like_none(app: Flask) -> None:
    make_user(app, "bob")
    bob, here = logged_in(app, "bob"), logged_in(app, "susan")
    theirs = numbers(app)[0]
    token = here.csrf_token(PAGE)
    answers = [
        here.submit(f"{PAGE}/{number}/end", token=token, follow=False)
        for number in (theirs, 4711, 2**31, 2**63, 2**64 + theirs, 0)
    ]
    assert {answer.status_code for answer in answers} == {302}
    assert {answer.headers["Location"] for answer in answers} == {PAGE}
    assert "Hi, bob!" in words(bob.get("/"))
    said = words(here.get(PAGE))
    assert said.count(UNKNOWN) == len(answers)
    assert events(app) == []


@pytest.mark.parametrize("number", ["-1", "x", "1e3", "%00"])
def test_what_is_no_number_is_no_page(app: Flask, number: str) -> None:
    here = logged_in(app, "susan")
    assert here.submit(f"{PAGE}/{number}/end", token=here.csrf_token(PAGE)).status_code == 404


def test_ending_this_one_is_logging_out(app: Flask) -> None:
    here = logged_in(app, "susan")
    page = here.submit(f"{PAGE}/{numbers(app)[0]}/end", token=here.csrf_token(PAGE))
    assert "Short posts, newest first." in words(page)
    assert numbers(app) == []


def test_all_others_are_ended_at_once(app: Flask) -> None:
    make_user(app, "bob")
    others = [logged_in(app, "susan") for _ in range(2)]
    remembered, bob = Visitor(app), logged_in(app, "bob")
    remembered.log_in("susan", remember=True)
    here = logged_in(app, "susan")
    page = here.submit(f"{PAGE}/end_others", token=here.csrf_token(PAGE))
    assert "3 other devices were signed out." in words(page)
    remembered.client.delete_cookie("microblog")
    for one in (*others, remembered):
        assert "Short posts, newest first." in words(one.get("/"))
    assert "Hi, susan!" in words(here.get("/"))
    assert "Hi, bob!" in words(bob.get("/"))
    assert [kind for kind, *_ in events(app)] == ["sessions_ended"]
    page = here.submit(f"{PAGE}/end_others", token=here.csrf_token(PAGE))
    assert "You weren't signed in anywhere else." in words(page)
    assert len(events(app)) == 1
    assert "Sign out all other devices" not in words(page)


@pytest.mark.parametrize(("which", "forgotten"), [("one", True), ("this", False), ("all", True)])
def test_a_browser_that_was_logged_out_is_a_stranger_again(
    app: Flask, susan: int, which: str, forgotten: bool
) -> None:
    bob = make_user(app, "bob")
    logged_in(app, "susan")
    here = logged_in(app, "susan")
    with app.app_context(), transaction() as writing:
        for number in (susan, bob):
            writing.execute(delete(KnownBrowser).where(KnownBrowser.user_id == number))
            writing.add(KnownBrowser(user_id=number, digest=bytes(32)))
    there, this = numbers(app)
    path = {"one": f"{there}/end", "this": f"{this}/end", "all": "end_others"}[which]
    here.submit(f"{PAGE}/{path}", token=here.csrf_token(PAGE))
    with app.app_context():
        known = db.session.scalars(select(KnownBrowser.user_id).order_by(KnownBrowser.user_id))
        assert known.all() == ([bob] if forgotten else [susan, bob])


def test_a_button_needs_its_csrf_token(app: Flask) -> None:
    other, here = logged_in(app, "susan"), logged_in(app, "susan")
    for path in (f"{PAGE}/{numbers(app)[0]}/end", f"{PAGE}/end_others"):
        assert here.client.post(path).status_code == 400
        assert here.client.get(path).status_code == 405
    assert "Hi, susan!" in words(other.get("/"))


def test_logging_out_is_written_down(app: Flask) -> None:
    here = logged_in(app, "susan")
    here.submit("/logout", token=here.csrf_token("/"))
    assert events(app) == [("logged_out", "Firefox on Linux", "127.0.0.0/24", "")]


def test_a_browser_that_was_renewed_or_moved_is_shown_as_it_was_last_seen(app: Flask) -> None:
    here = logged_in(app, "susan", agent=SAFARI)
    with app.app_context(), transaction() as writing:
        writing.execute(update(LoginSession).values(seen_at=utc_now() - sessions.SEEN_EVERY))
    here.client.environ_base["HTTP_USER_AGENT"] = FIREFOX
    here.client.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    assert "Firefox on Linux 203.0.113.0/24" in words(here.get(PAGE))


@ON_SQLITE
def test_a_browser_is_named_in_the_readers_language(app: Flask) -> None:
    here = logged_in(app, "susan")
    here.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "zh-TW"
    assert "Linux 上的 Firefox" in words(here.get(PAGE))
    assert "Linux 上的 Firefox, 127.0.0.0/24" in words(here.get("/settings/security"))


@ON_SQLITE
def test_a_browser_without_a_name_has_a_word_instead(app: Flask) -> None:
    assert "Unknown browser" in words(logged_in(app, "susan", agent="").get(PAGE))


@ON_SQLITE
def test_the_name_of_a_browser_is_text(app: Flask) -> None:
    here = logged_in(app, "susan", agent="<b>x</b>/1.0 \\ <script>")
    assert "<script>" not in here.get(PAGE).get_data(as_text=True).replace("<script src=", "")


@pytest.mark.parametrize("state", ["disabled_at", "deletes_at"])
def test_nobody_is_in_an_account_that_is_stopped(app: Flask, state: str) -> None:
    visitor = Visitor(app)
    visitor.log_in("susan", remember=True)
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).values({state: utc_now()}))
    assert "Short posts, newest first." in words(visitor.get("/"))
    assert visitor.get(PAGE).request.path == "/login"


def test_what_is_over_is_removed(app: Flask, susan: int) -> None:
    now = utc_now()
    kept = [
        {"remembered": True, "seen_at": now - timedelta(days=30)},
        {"remembered": False, "seen_at": now - timedelta(days=1)},
    ]
    over = [
        {"remembered": True, "seen_at": now - timedelta(days=30, seconds=1)},
        {"remembered": False, "seen_at": now - timedelta(days=1, seconds=1)},
    ]
    with app.app_context(), transaction() as writing:
        for index, values in enumerate((*kept, *over)):
            writing.add(LoginSession(user_id=susan, digest=bytes([index] * 32), **values))
        writing.flush()
        assert not prune_sessions(writing, now)
        assert writing.scalars(select(LoginSession.id).order_by(LoginSession.id)).all() == [1, 2]


@ON_SQLITE
def test_many_that_are_over_are_removed_in_batches(app: Flask, susan: int) -> None:
    long_ago = utc_now() - timedelta(days=99)
    with app.app_context(), transaction() as writing:
        writing.add_all(
            LoginSession(user_id=susan, digest=index.to_bytes(32, "big"), seen_at=long_ago)
            for index in range(PRUNED_AT_ONCE + 1)
        )
        writing.flush()
        assert prune_sessions(writing, utc_now())
        assert not prune_sessions(writing, utc_now())
        assert writing.scalar(select(func.count()).select_from(LoginSession)) == 0


@ON_SQLITE
def test_a_database_that_takes_no_writes_logs_nobody_out(
    app: Flask, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while it is moved. Only one page waits for it, and not each."""
    monkeypatch.setattr(database, "SQLITE_BUSY_SECONDS", 0)
    here = logged_in(app, "susan")
    tried: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        tried.extend([statement] if statement == "BEGIN IMMEDIATE" else [])

    with app.app_context():
        engine = db.engine
        with transaction() as writing:
            before = utc_now() - timedelta(minutes=11)
            writing.execute(update(LoginSession).values(seen_at=before))
        # Connections that are made from now on do not wait.
        engine.dispose()
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as other:
        other.execute("BEGIN IMMEDIATE")
        event.listen(engine, "before_cursor_execute", note)
        try:
            for _ in range(3):
                assert "Firefox on Linux" in here.get(PAGE).get_data(as_text=True)
        finally:
            event.remove(engine, "before_cursor_execute", note)
    assert tried == ["BEGIN IMMEDIATE"]
