"""People as others see them: profiles, following, muting and blocking."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from urllib.parse import quote

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from microblog.accounts.models import LoginSession, User
from microblog.database import db, transaction, utc_now
from microblog.people.models import Block, Follow, Mute
from tests.bounded import TOWER, nothing_long_is_composed
from tests.statements import recorded
from tests.visitor import ON_SQLITE, Visitor, make_user, words


def logged_in(app: Flask, name: str) -> Visitor:
    make_user(app, name)
    visitor = Visitor(app)
    visitor.log_in(name)
    return visitor


@pytest.fixture
def susan(app: Flask) -> Visitor:
    return logged_in(app, "susan")


@pytest.fixture
def bob(app: Flask) -> Visitor:
    return logged_in(app, "bob")


def press(visitor: Visitor, path: str) -> str:
    return words(visitor.submit(path, token=visitor.csrf_token("/")))


def count(app: Flask, table: type) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(table)) or 0


def test_following_brings_their_posts_home(app: Flask, susan: Visitor, bob: Visitor) -> None:
    bob.submit("/", {"post": "Hello from bob"})
    assert "Hello from bob" not in words(susan.get("/"))
    said = press(susan, "/follow/bob")
    assert "You're following bob." in said
    assert "1 follower" in said
    assert "Hello from bob" in words(susan.get("/"))
    assert "Follows you" in words(bob.get("/user/susan"))
    assert "You're not following bob." in press(susan, "/unfollow/bob")
    assert "Hello from bob" not in words(susan.get("/"))
    assert count(app, Follow) == 0


@pytest.mark.parametrize("action", ["follow", "mute", "block"])
def test_an_action_on_oneself_is_refused(app: Flask, susan: Visitor, action: str) -> None:
    assert "You can't do this to yourself." in press(susan, f"/{action}/susan")
    assert [count(app, table) for table in (Follow, Mute, Block)] == [0, 0, 0]


@pytest.mark.parametrize("action", ["follow", "unfollow", "mute", "unmute", "block", "unblock"])
def test_an_action_on_an_unknown_name_is_not_found(app: Flask, susan: Visitor, action: str) -> None:
    answer = susan.submit(f"/{action}/nobody", token=susan.csrf_token("/"))
    assert answer.status_code == 404
    assert "Page not found" in words(answer)
    assert susan.get(f"/{action}/bob").status_code in {404, 405}
    stranger = Visitor(app)
    sent = stranger.submit(f"/{action}/susan", token=stranger.csrf_token("/login"))
    assert "Sign in to see this page." in words(sent)


@pytest.mark.parametrize("path", ["/user/nobody", "/user/" + "x" * 500, "/user/%00", "/user/%F0"])
def test_the_pages_of_an_unknown_name_are_not_found(susan: Visitor, path: str) -> None:
    assert susan.get(path).status_code == 404


@ON_SQLITE
@pytest.mark.parametrize("path", ["/user/{}", "/user/{}.atom", "/tag/{}", "/tag/{}.atom"])
def test_an_impossible_name_is_not_found_in_little_time(visitor: Visitor, path: str) -> None:
    with nothing_long_is_composed():
        answer = visitor.get(path.format(quote(TOWER)))
    assert answer.status_code == 404


def test_following_twice_is_following_once(app: Flask, susan: Visitor, bob: Visitor) -> None:
    press(susan, "/follow/bob")
    press(susan, "/follow/bob")
    assert count(app, Follow) == 1


def test_following_many_times_at_once_is_following_once(
    app: Flask, susan: Visitor, bob: Visitor
) -> None:
    token = susan.csrf_token("/")
    cookies = susan.client.get_cookie("microblog")
    assert cookies
    answers: list[int] = []

    def follow() -> None:
        client = app.test_client()
        client.set_cookie("microblog", cookies.value)
        answers.append(client.post("/follow/bob", data={"csrf_token": token}).status_code)

    threads = [threading.Thread(target=follow) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [302] * 8
    assert count(app, Follow) == 1


def test_muting_keeps_posts_out_of_timelines_and_nobody_notices(
    app: Flask, susan: Visitor, bob: Visitor
) -> None:
    bob.submit("/", {"post": "Hello from bob"})
    press(susan, "/follow/bob")
    press(susan, "/mute/bob")
    assert "Hello from bob" not in words(susan.get("/"))
    assert "Hello from bob" not in words(susan.get("/explore"))
    assert "Hello from bob" in words(susan.get("/user/bob"))
    assert "mute" not in words(bob.get("/user/bob")).lower()
    press(susan, "/unmute/bob")
    assert "Hello from bob" in words(susan.get("/"))


def test_across_a_block_neither_sees_the_other(app: Flask, susan: Visitor, bob: Visitor) -> None:
    for visitor, other in ((susan, "bob"), (bob, "susan")):
        visitor.submit("/", {"post": f"Not for {other}"})
        press(visitor, f"/follow/{other}")
    press(susan, "/block/bob")
    assert count(app, Follow) == 0
    assert "Not for bob" not in words(bob.get("/explore"))
    assert bob.get("/user/susan").status_code == 404
    assert bob.get("/post/1").status_code == 404
    assert "Not for susan" not in words(susan.get("/explore"))
    said = words(susan.get("/user/bob"))
    assert "bob is blocked. You can't see each other's posts." in said
    assert "Not for susan" not in said
    assert "Unblock them first" in press(susan, "/follow/bob")
    press(susan, "/unblock/bob")
    assert "Not for bob" in words(bob.get("/explore"))


def test_a_card_tells_about_a_person_without_links(
    app: Flask, susan: Visitor, bob: Visitor
) -> None:
    press(bob, "/follow/susan")
    card = susan.get("/user/bob/card")
    assert words(card) == "B bob 0 posts · 0 followers · Follows you"
    assert "<a" not in card.text
    assert "<html" not in card.text
    press(bob, "/block/susan")
    assert susan.get("/user/bob/card").status_code == 404


def test_lists_have_who_follows_whom(app: Flask, susan: Visitor, bob: Visitor) -> None:
    press(susan, "/follow/bob")
    stranger = Visitor(app)
    assert "susan" in words(stranger.get("/user/bob/followers"))
    assert "bob" in words(stranger.get("/user/susan/following"))
    assert "Nobody yet." in words(stranger.get("/user/susan/followers"))
    assert stranger.get("/user/susan/followers?after=x").status_code == 200


def test_feeds_have_the_newest_posts(app: Flask, susan: Visitor) -> None:
    susan.submit("/", {"post": "Hello & <welcome> #tag"})
    for path in ("/explore.atom", "/user/susan.atom", "/tag/tag.atom"):
        feed = Visitor(app).get(path)
        assert feed.mimetype == "application/atom+xml"
        text = feed.get_data(as_text=True)
        assert "Hello &amp; &lt;welcome&gt; #tag" in text
        assert "<name>susan</name>" in text
        assert "http://localhost/post/1" in text
    assert Visitor(app).get("/user/nobody.atom").status_code == 404


def test_a_feed_is_kept_by_a_shared_cache_only_where_there_are_no_cookies(
    app: Flask, susan: Visitor
) -> None:
    susan.log_in("susan", remember=True)
    with app.app_context(), transaction() as writing:
        # So that the visit is recorded and the cookie renewed.
        writing.execute(update(LoginSession).values(seen_at=utc_now() - timedelta(hours=1)))
    for path in ("/explore.atom", "/user/susan.atom", "/tag/tag.atom"):
        public = app.test_client().get(path)
        assert public.headers["Cache-Control"] == "public, max-age=300"
        assert "Set-Cookie" not in public.headers
        assert susan.get(path).headers["Cache-Control"] == "max-age=300, private"


@pytest.mark.parametrize("column", ["disabled_at", "deletes_at"])
def test_hidden_people_are_not_counted(
    app: Flask, susan: Visitor, bob: Visitor, column: str
) -> None:
    eve = logged_in(app, "eve")
    for one, other in ((bob, "susan"), (eve, "susan"), (susan, "bob"), (susan, "eve")):
        press(one, f"/follow/{other}")
    assert "2 followers" in words(bob.get("/user/susan"))
    assert "2 following" in words(bob.get("/user/susan"))
    with app.app_context():
        engine = db.engine
    with recorded(engine) as before:
        bob.get("/user/susan")
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).where(User.username == "eve").values({column: utc_now()}))
    with recorded(engine) as after:
        profile = words(bob.get("/user/susan"))
    assert "1 follower " in profile
    assert "1 following" in profile
    assert len(before) == len(after)


@pytest.mark.parametrize(("action", "path"), [("block", "blocked"), ("mute", "muted")])
def test_settings_list_the_people_whom_one_blocked_or_muted_and_end_that(
    app: Flask, susan: Visitor, bob: Visitor, action: str, path: str
) -> None:
    page = f"/settings/{path}"
    assert f"You haven't {path} anybody" in words(susan.get(page))
    press(susan, f"/{action}/bob")
    listed = susan.get(page)
    form = f'action="/un{action}/bob?next={page}"'
    assert form in listed.get_data(as_text=True)
    other = {"blocked": "muted", "muted": "blocked"}[path]
    assert "bob" not in words(susan.get(f"/settings/{other}"))
    assert "susan" not in words(bob.get(page)).partition("Blocked")[2]
    # Also where the other person blocks one, and their profile cannot be seen.
    press(bob, "/block/susan")
    ended = susan.submit(f"/un{action}/bob?next={page}", token=susan.csrf_token("/"))
    assert ended.request.path == page
    assert f"bob is no longer {path}." in words(ended)
    assert form not in ended.get_data(as_text=True)
    assert Visitor(app).get(page).request.path == "/login"


def test_a_list_of_blocked_people_has_pages_and_takes_the_same_statements(
    app: Flask, susan: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("microblog.people.relations.PAGE_SIZE", 2)
    with app.app_context():
        engine = db.engine
    with recorded(engine) as before:
        susan.get("/settings/blocked")
    for name in ("ann", "ben", "cid"):
        make_user(app, name)
        press(susan, f"/block/{name}")
    with recorded(engine) as after:
        first = susan.get("/settings/blocked")
    assert len(before) == len(after)
    assert [name in words(first) for name in ("ann", "ben", "cid")] == [False, True, True]
    further = re.search(r'rel="next" href="([^"]+)"', first.get_data(as_text=True))
    assert further
    assert further[1].startswith("/settings/blocked?after=")
    second = words(susan.get(further[1]))
    assert [name in second for name in ("ann", "ben", "cid")] == [True, False, False]
