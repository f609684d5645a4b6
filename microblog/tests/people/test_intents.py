"""What newcomers want to do before they have confirmed their address, and what becomes of it."""

from __future__ import annotations

import base64
import random
import re
import zlib

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from microblog.accounts.actions import verification
from microblog.accounts.keys import token_keys
from microblog.accounts.models import User
from microblog.accounts.pages.intents import PAGE_MAXIMUM
from microblog.blog.drafts import DRAFT_BYTES
from microblog.blog.models import Post
from microblog.database import db, transaction, utc_now
from microblog.people.intents import FOLLOWS_MAXIMUM
from microblog.people.models import Follow
from tests.visitor import ON_SQLITE, Visitor, make_user, words

OPENED = "/verify_email/choose"
CONFIRM: dict[str, object] = {"confirm": "y"}
KEPT = "We've kept your draft."
COOKIE_BYTES = 4096
"""What browsers keep at least of one cookie (RFC 6265, 6.1)."""


@pytest.fixture
def newcomer(app: Flask) -> Visitor:
    """susan, who has just registered."""
    visitor = Visitor(app)
    visitor.register("susan")
    return visitor


def link_of(app: Flask, name: str) -> str:
    with app.app_context():
        user = db.session.scalars(select(User).where(User.username == name)).one()
        token = verification.verification_token(token_keys(), user, now=utc_now())
    return f"/verify_email/{token}"


def confirm(app: Flask, visitor: Visitor, name: str = "susan") -> str:
    """Open the link and press its button; return where that leads."""
    visitor.get(link_of(app, name))
    answer = visitor.submit(OPENED, CONFIRM, follow=False)
    assert answer.status_code == 302
    return str(answer.headers["Location"])


def press(visitor: Visitor, path: str) -> str:
    return words(visitor.submit(path, token=visitor.csrf_token("/")))


def followed(app: Flask) -> set[str]:
    with app.app_context():
        wanted = select(User.username).join(Follow, Follow.followed_id == User.id)
        return set(db.session.scalars(wanted))


def posts(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(Post)) or 0


def shown_draft(visitor: Visitor) -> str:
    page = visitor.get("/").get_data(as_text=True)
    return page.partition("<textarea")[2].partition(">")[2].partition("</textarea>")[0].strip()


# Following


def test_a_follow_is_done_after_confirming_and_says_so(app: Flask, newcomer: Visitor) -> None:
    make_user(app, "bob")
    said = press(newcomer, "/follow/bob")
    assert "You'll follow bob as soon as you confirm your email." in said
    assert "Don't follow" in said
    assert followed(app) == set()
    assert confirm(app, newcomer) == "/"
    assert "You're following bob." in words(newcomer.get("/"))
    assert followed(app) == {"bob"}
    assert "You're following bob." not in words(newcomer.get("/")), "it is done once"


def test_several_follows_are_done_at_once(app: Flask, newcomer: Visitor) -> None:
    for name in ("anna", "bob", "carol"):
        make_user(app, name)
        for _ in range(2):
            press(newcomer, f"/follow/{name}")
    confirm(app, newcomer)
    assert "You're following anna, bob, and carol." in words(newcomer.get("/"))
    assert followed(app) == {"anna", "bob", "carol"}


def test_a_follow_that_was_taken_back_is_not_done(app: Flask, newcomer: Visitor) -> None:
    make_user(app, "bob")
    press(newcomer, "/follow/bob")
    said = press(newcomer, "/unfollow/bob")
    assert "You're not following bob." in said
    assert "Don't follow" not in said
    assert confirm(app, newcomer) == "/people"
    newcomer.get("/")
    assert followed(app) == set()


def test_what_became_impossible_meanwhile_is_left_out(app: Flask, newcomer: Visitor) -> None:
    for name in ("blocker", "blocked", "gone", "fine"):
        make_user(app, name)
        press(newcomer, f"/follow/{name}")
    blocker = Visitor(app)
    blocker.log_in("blocker")
    press(blocker, "/block/susan")
    press(newcomer, "/block/blocked")
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).where(User.username == "gone").values(disabled_at=utc_now()))
        renamed = {"username": "renamed", "username_key": "renamed"}
        writing.execute(update(User).where(User.username == "fine").values(**renamed))
    confirm(app, newcomer)
    assert "You're following renamed." in words(newcomer.get("/"))
    assert followed(app) == {"renamed"}


def test_nobody_follows_themselves_or_nobody(app: Flask, newcomer: Visitor) -> None:
    assert "You can't do this to yourself." in press(newcomer, "/follow/susan")
    assert newcomer.submit("/follow/nobody", token=newcomer.csrf_token("/")).status_code == 404
    assert confirm(app, newcomer) == "/people"


def test_it_is_done_too_when_the_link_is_opened_in_another_browser(
    app: Flask, newcomer: Visitor
) -> None:
    make_user(app, "bob")
    press(newcomer, "/follow/bob")
    elsewhere = Visitor(app)
    assert confirm(app, elsewhere) == "/login"
    assert "Hi, susan!" in words(elsewhere.log_in("susan"))
    assert followed(app) == set(), "that browser knows nothing of it"
    assert "You're following bob." in words(newcomer.get("/"))
    assert followed(app) == {"bob"}


def test_it_belongs_to_the_account_and_ends_with_the_session(app: Flask) -> None:
    make_user(app, "bob")
    visitor = Visitor(app)
    visitor.register("anna")
    press(visitor, "/follow/bob")
    visitor.submit("/", {"post": "Only mine"})
    visitor.log_out()
    assert "Only mine" not in cookie_text(visitor)
    visitor.register("susan")
    assert shown_draft(visitor) == ""
    confirm(app, visitor)
    visitor.get("/")
    assert followed(app) == set()


def test_what_another_account_kept_in_a_planted_cookie_counts_for_nothing(app: Flask) -> None:
    make_user(app, "bob")
    make_user(app, "susan")
    eve = Visitor(app)
    eve.register("eve")
    press(eve, "/follow/bob")
    planted = eve.client.get_cookie("microblog")
    assert planted
    susan = Visitor(app)
    susan.log_in("susan", remember=True)
    with eve.client.session_transaction() as session:
        kept = session["intents"]
    with susan.client.session_transaction() as session:
        session["intents"] = kept
    susan.get("/")
    assert followed(app) == set()


@ON_SQLITE
def test_a_cookie_keeps_so_many(app: Flask, newcomer: Visitor) -> None:
    names = [f"person{number}" for number in range(FOLLOWS_MAXIMUM + 1)]
    for name in names:
        make_user(app, name)
        press(newcomer, f"/follow/{name}")
    confirm(app, newcomer)
    newcomer.get("/")
    assert followed(app) == set(names[1:])


# Drafts


def test_a_draft_is_shown_after_confirming_and_not_posted_by_itself(
    app: Flask, newcomer: Visitor
) -> None:
    newcomer.submit("/", {"post": "My first & best"})
    assert shown_draft(newcomer) == "My first &amp; best"
    assert confirm(app, newcomer) == "/"
    assert shown_draft(newcomer) == "My first &amp; best"
    assert KEPT in words(newcomer.get("/"))
    assert posts(app) == 0
    page = words(newcomer.submit("/", {"post": "My first & best"}))
    assert "Your post is live." in page
    assert shown_draft(newcomer) == ""
    assert KEPT not in words(newcomer.get("/"))
    assert posts(app) == 1


def test_the_last_draft_counts(app: Flask, newcomer: Visitor) -> None:
    for text in ("One", "Another"):
        newcomer.submit("/", {"post": text})
    confirm(app, newcomer)
    assert shown_draft(newcomer) == "Another"


@ON_SQLITE
@pytest.mark.parametrize(
    ("first", "last", "bytes_each"),
    [(0x100, 0x7FF, 2), (0x4E00, 0x9FFF, 3), (0x1F300, 0x1F5FF, 4), (0x20000, 0x2A6DF, 4)],
    ids=["short", "han", "emoji", "rare han"],
)
def test_the_longest_draft_fits_the_cookie_beside_all_else(
    app: Flask, newcomer: Visitor, first: int, last: int, bytes_each: int
) -> None:
    chosen = random.Random(1)
    text = "".join(chr(chosen.randint(first, last)) for _ in range(DRAFT_BYTES // bytes_each))
    with newcomer.client.session_transaction() as session:
        session["intents"] = {
            "user": 1,
            "page": "/" + "".join(chr(chosen.randint(33, 126)) for _ in range(PAGE_MAXIMUM)),
            "follows": [10**8 + chosen.randrange(10**8) for _ in range(FOLLOWS_MAXIMUM)],
        }
    newcomer.submit("/", {"post": text})
    cookie = newcomer.client.get_cookie("microblog")
    assert cookie
    assert len(cookie.key) + len(cookie.value) < COOKIE_BYTES - 100, "with its attributes"
    assert shown_draft(newcomer) == text


@ON_SQLITE
def test_what_does_not_fit_stays_in_the_form_alone(app: Flask, newcomer: Visitor) -> None:
    newcomer.submit("/", {"post": "Kept"})
    page = newcomer.submit("/", {"post": "x" * (DRAFT_BYTES + 1)})
    assert "x" * DRAFT_BYTES in page.get_data(as_text=True)
    assert shown_draft(newcomer) == "Kept"


def cookie_text(visitor: Visitor) -> str:
    """What the session cookie holds, which whoever has the browser can read."""
    cookie = visitor.client.get_cookie("microblog")
    assert cookie
    packed, value = cookie.value.startswith("."), cookie.value.lstrip(".").split(".")[0]
    raw = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    return (zlib.decompress(raw) if packed else raw).decode()


# The page one came from


def test_the_page_one_came_from_is_opened_after_registering_and_after_confirming(
    app: Flask,
) -> None:
    visitor = Visitor(app)
    make_user(app, "bob")
    for path, leads_back_to in (
        ("/people", "/people"),
        ("/register?next=/settings/sessions", "/settings/sessions"),
        ("/user/bob?before=9", "/user/bob?before%3D9"),
    ):
        source = visitor.get(path).get_data(as_text=True)
        for form in ("login", "register"):
            links = set(re.findall(rf'href="(/{form}[^"]*)"', source))
            assert links == {f"/{form}?next={leads_back_to}"}
    source = visitor.get("/").get_data(as_text=True)
    assert set(re.findall(r'href="(/(?:login|register)[^"]*)"', source)) == {"/login", "/register"}
    page = visitor.submit(
        "/register?next=/user/bob",
        {
            "username": "susan",
            "email": "susan@example.com",
            "password": "an uncommon password",
            "password2": "an uncommon password",
        },
    )
    assert page.request.path == "/user/bob"
    assert "Welcome to Microblog. We sent a link to susan@example.com." in words(page)
    assert confirm(app, visitor) == "/user/bob"
    assert "Your email is confirmed." in words(visitor.get("/user/bob"))


@ON_SQLITE
@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_no_other_site_is_the_page_one_came_from(app: Flask, target: str) -> None:
    visitor = Visitor(app)
    answer = visitor.submit(
        f"/register?next={target}",
        {
            "username": "susan",
            "email": "susan@example.com",
            "password": "an uncommon password",
            "password2": "an uncommon password",
        },
        follow=False,
    )
    assert answer.headers["Location"] == "/"
    assert confirm(app, visitor) == "/people"


def test_whoever_wanted_nothing_is_shown_people(app: Flask, newcomer: Visitor) -> None:
    make_user(app, "bob")
    assert confirm(app, newcomer) == "/people"
    page = words(newcomer.get("/people"))
    assert "Your email is confirmed." in page
    assert "Follow bob" in page


def test_a_newcomer_follows_from_the_list_too(app: Flask, newcomer: Visitor) -> None:
    make_user(app, "bob")
    page = newcomer.submit("/follow/bob?next=/people", token=newcomer.csrf_token("/"))
    assert page.request.path == "/people"
    assert "You'll follow bob as soon as you confirm your email." in words(page)
    assert "Don't follow bob" in words(page)


@ON_SQLITE
@pytest.mark.parametrize(
    "referrer", ["", "https://evil.example/user/bob", "http://localhost/user/bob?x=1"]
)
def test_who_has_to_log_in_first_returns_to_the_page_with_the_button(
    app: Flask, visitor: Visitor, referrer: str
) -> None:
    make_user(app, "bob")
    answer = visitor.submit(
        "/follow/bob",
        token=visitor.csrf_token("/login"),
        headers={"Referer": referrer} if referrer else {},
        follow=False,
    )
    is_own = referrer.startswith("http://localhost")
    expected = "/login?next=/user/bob?x%3D1" if is_own else "/login"
    assert answer.headers["Location"] == expected
    assert "Sign in to see this page." in words(visitor.get(expected))
