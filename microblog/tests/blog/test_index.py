"""The first page: a welcome for anonymous readers, a form and the latest posts for others."""

from __future__ import annotations

import io
import re
from json import loads

import pytest
from flask import Flask
from sqlalchemy import select

from microblog.accounts.lookup import find_by_email
from microblog.blog.models import Post
from microblog.blog.posts import POST_MAXIMUM
from microblog.blog.timeline import PAGE_SIZE
from microblog.database import db, transaction, utc_now
from microblog.people.models import Follow
from tests.bounded import TOWER, nothing_long_is_composed
from tests.visitor import Visitor, error_beside, make_user, words

LIVE = "Your post is live."


@pytest.fixture
def susan(app: Flask) -> Visitor:
    make_user(app, "susan")
    visitor = Visitor(app)
    visitor.log_in("susan")
    return visitor


def bodies(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(Post.body).order_by(Post.id)))


@pytest.mark.parametrize("path", ["/", "/index"])
def test_an_anonymous_reader_is_welcomed(visitor: Visitor, path: str) -> None:
    page = visitor.get(path)
    assert page.status_code == 200
    said = words(page)
    assert "Short posts, newest first." in said
    assert "No posts yet." in said
    assert "<form" not in page.get_data(as_text=True)


def test_an_anonymous_reader_cannot_write(app: Flask, susan: Visitor, visitor: Visitor) -> None:
    susan.submit("/", {"post": "hello, world"})
    assert "susan" in words(visitor.get("/"))
    assert "hello, world" in words(visitor.get("/"))
    page = visitor.submit("/", {"post": "me too"}, token=visitor.csrf_token("/login"))
    assert "Short posts, newest first." in words(page)
    assert bodies(app) == ["hello, world"]


@pytest.mark.parametrize("path", ["/", "/index"])
def test_a_post_is_written_and_shown(app: Flask, susan: Visitor, path: str) -> None:
    before = utc_now()
    page = susan.submit(path, {"post": "  hello,\n  world  "})
    assert page.request.path == "/"
    assert page.history, "without a redirect, reloading the page would write the post again"
    assert LIVE in words(page)
    assert "susan" in words(page)
    with app.app_context():
        (post,) = db.session.scalars(select(Post))
    assert post.body == "hello,\n  world"
    assert before <= post.created_at <= utc_now()
    shown = re.search(
        r'<time datetime="([^"]+)" title="([^"]+)">now</time>', page.get_data(as_text=True)
    )
    assert shown
    assert shown[1] == post.created_at.isoformat()
    written = post.created_at
    expected = f"{written:%b} {written.day}, {written:%Y}, {written:%I:%M} {written:%p} UTC"
    assert shown[2].replace("\u202f", " ") == expected.replace(", 0", ", ")


def test_the_latest_post_stands_first_and_the_page_has_an_end(app: Flask, susan: Visitor) -> None:
    number = make_user(app, "bob")
    with app.app_context(), transaction() as writing:
        reader = find_by_email(writing, "susan@example.com")
        assert reader
        writing.add(Follow(follower_id=reader.id, followed_id=number))
        for count in range(PAGE_SIZE + 5):
            writing.add(Post(user_id=number, body=f"post-{count:03}"))
            writing.flush()
    shown = re.findall(r"post-\d{3}", susan.get("/").get_data(as_text=True))
    assert shown == [f"post-{count:03}" for count in reversed(range(5, PAGE_SIZE + 5))]


def test_markup_is_text(susan: Visitor) -> None:
    evil = "<script>alert('hi')</script> <b onclick=\"x\">&amp;</b> {{ 7 * 7 }}"
    page = susan.submit("/", {"post": evil})
    html = page.get_data(as_text=True)
    assert "<script>alert" not in html
    assert "<b onclick" not in html
    assert "&lt;script&gt;alert(&#39;hi&#39;)&lt;/script&gt;" in html
    assert evil in words(page)


def typed_in(page: str) -> str:
    found = re.search(r"(?s)<textarea[^>]*>\r?\n?(.*?)</textarea>", page)
    assert found, "the page has no form"
    return found[1]


@pytest.mark.parametrize("body", ["", " ", "\t\r\n ", "\u00a0\u2003"], ids=ascii)
def test_an_empty_post_is_refused_beside_the_field(app: Flask, susan: Visitor, body: str) -> None:
    page = susan.submit("/", {"post": body})
    assert page.status_code == 200
    assert error_beside(page, "post") == "Write something first."
    assert LIVE not in words(page)
    assert bodies(app) == []


def test_a_post_that_is_too_long_is_refused_and_kept(app: Flask, susan: Visitor) -> None:
    body = "ä" * POST_MAXIMUM + "&"
    page = susan.submit("/", {"post": body})
    assert error_beside(page, "post") == ("1 character too long.")
    assert typed_in(page.get_data(as_text=True)) == "ä" * POST_MAXIMUM + "&amp;"
    assert bodies(app) == []
    susan.submit("/", {"post": body[:POST_MAXIMUM]})
    assert bodies(app) == [body[:POST_MAXIMUM]]


@pytest.mark.parametrize(
    "body",
    [b"", b"nul%00nul", b"%00", b"%ff%fe%fd", b"%ed%a0%80", b"x" * 1024 * 1024, b"%e2%80%ae"],
    ids=lambda body: ascii(body[:12]),
)
def test_whatever_is_sent_is_a_post_or_refused_beside_the_field(
    app: Flask, susan: Visitor, body: bytes
) -> None:
    token = susan.csrf_token("/").encode()
    page = susan.client.post(
        "/",
        data=b"csrf_token=" + token + b"&post=" + body,
        content_type="application/x-www-form-urlencoded",
        follow_redirects=True,
    )
    assert page.status_code == 200
    assert bool(error_beside(page, "post")) is not (LIVE in words(page))
    assert len(bodies(app)) == int(LIVE in words(page))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (TOWER, f"{len(TOWER) - POST_MAXIMUM} characters too long."),
        ("b" + TOWER[36_000:45_000], "One character has too many accent marks."),
        ("a" + " " * 100_000 + "b", f"{100_002 - POST_MAXIMUM} characters too long."),
        (" " * 100_000, "Write something first."),
        ("🇹🇼" * 5000, f"{5000 - POST_MAXIMUM} characters too long."),
    ],
    ids=["a tower of marks", "a smaller one", "a wide gap", "blanks", "flags"],
)
def test_refusing_a_post_takes_no_long_time(
    app: Flask, susan: Visitor, body: str, said: str
) -> None:
    with nothing_long_is_composed():
        page = susan.submit("/", {"post": body})
    assert error_beside(page, "post") == said
    assert bodies(app) == []


def test_neither_a_file_nor_json_is_a_post(app: Flask, susan: Visitor) -> None:
    token = susan.csrf_token("/")
    file = susan.client.post(
        "/", data={"csrf_token": token, "post": (io.BytesIO(b"hello"), "hello.txt")}
    )
    json = susan.client.post("/", json={"post": 5}, headers={"X-CSRFToken": token})
    for answer in (file, json):
        assert answer.status_code in {200, 400}
        assert LIVE not in words(answer)
    assert bodies(app) == []


def test_a_post_needs_the_csrf_token(app: Flask, susan: Visitor) -> None:
    assert susan.client.post("/", data={"post": "forged"}).status_code == 400
    assert bodies(app) == []


def test_the_icon_of_the_site_is_where_browsers_look_for_it(visitor: Visitor) -> None:
    answer = visitor.get("/favicon.ico")
    assert (answer.status_code, answer.mimetype) == (200, "image/svg+xml")


def test_robots_are_told_where_not_to_look(visitor: Visitor) -> None:
    answer = visitor.get("/robots.txt")
    assert answer.mimetype == "text/plain"
    assert "Disallow: /reset_password" in answer.get_data(as_text=True)


def test_the_manifest_is_one_for_browsers(visitor: Visitor) -> None:
    answer = visitor.get("/static/manifest.webmanifest")
    assert answer.mimetype == "application/manifest+json"
    for one in loads(answer.data)["icons"]:
        assert visitor.get(f"/static/{one['src']}").mimetype == one["type"]


def test_a_form_with_errors_sums_them_up_where_the_focus_goes(susan: Visitor) -> None:
    html = susan.submit("/", {"post": ""}).get_data(as_text=True)
    assert "<title>Error: Home - Microblog</title>" in html
    assert html.count(" autofocus") == 1
    assert 'role="group" tabindex="-1" autofocus=""' in html
    assert '<a href="#post">Your post: Write something first.</a>' in html
    assert "Error:" not in words(susan.get("/"))


def test_a_new_post_begins_in_its_field(susan: Visitor) -> None:
    assert " autofocus" in susan.get("/?write=1").get_data(as_text=True)
    assert " autofocus" not in susan.get("/").get_data(as_text=True)
