"""One post: its address, editing, deleting, and what it refers to."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import func, select

from microblog.blog.models import Post, PostTag
from microblog.database import db
from tests.visitor import Visitor, error_beside, make_user, words


@pytest.fixture
def susan(app: Flask) -> Visitor:
    return logged_in(app, "susan")


def logged_in(app: Flask, name: str) -> Visitor:
    make_user(app, name)
    visitor = Visitor(app)
    visitor.log_in(name)
    return visitor


def write(visitor: Visitor, body: str) -> None:
    assert "Your post is live." in words(visitor.submit("/", {"post": body}))


def count(app: Flask, table: type) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(table)) or 0


def test_a_post_has_an_address_of_its_own(susan: Visitor, visitor: Visitor) -> None:
    write(susan, "Hello, world")
    page = visitor.get("/post/1")
    assert page.status_code == 200
    assert "Hello, world" in words(page)
    assert "Edit" not in words(page)


@pytest.mark.parametrize("path", ["/post/2", "/post/0", "/post/99999999999999999999", "/post/x"])
def test_other_addresses_of_posts_are_not_found(susan: Visitor, path: str) -> None:
    write(susan, "Hello")
    assert susan.get(path).status_code == 404


def test_the_author_edits_a_post_and_everybody_sees_that(app: Flask, susan: Visitor) -> None:
    write(susan, "Hello #old")
    page = susan.submit("/post/1/edit", {"post": "Good evening #new"})
    assert page.request.path == "/post/1"
    assert "Your changes have been saved." in words(page)
    assert "Good evening #new" in words(page)
    assert "edited" in words(page)
    with app.app_context():
        assert db.session.scalars(select(PostTag.tag)).all() == ["new"]


def test_the_same_text_is_no_change(susan: Visitor) -> None:
    write(susan, "Hello")
    page = susan.submit("/post/1/edit", {"post": "  Hello \r\n"})
    assert "edited" not in words(page)


def test_a_refused_edit_is_explained_beside_the_field_and_kept(susan: Visitor) -> None:
    write(susan, "Hello")
    page = susan.submit("/post/1/edit", {"post": "x" * 501})
    assert error_beside(page, "post") == "1 character too long."
    assert "x" * 501 in page.get_data(as_text=True)
    assert "Hello" in words(susan.get("/post/1"))


def test_the_author_deletes_a_post_after_a_question(app: Flask, susan: Visitor) -> None:
    write(susan, "Hello #tag @susan")
    asked = susan.get("/post/1/delete")
    assert "Delete this post?" in words(asked)
    assert "Hello" in words(asked)
    assert count(app, Post) == 1
    page = susan.submit("/post/1/delete")
    assert "Post deleted. Undo" in words(page)
    assert susan.get("/post/1").status_code == 404
    assert susan.get("/tag/tag").get_data(as_text=True).count("<article") == 0


@pytest.mark.parametrize(
    ("origin", "then"),
    [
        ("", "/user/susan"),
        ("?next=/explore?before%3D9", "/explore?before=9"),
        ("?next=https://evil.example", "/"),
    ],
)
def test_who_deletes_a_post_stays_where_they_were(susan: Visitor, origin: str, then: str) -> None:
    write(susan, "Hello")
    answer = susan.submit(f"/post/1/delete{origin}", follow=False)
    assert answer.headers["Location"] == then


def test_a_post_says_what_other_sites_show_of_it(susan: Visitor, visitor: Visitor) -> None:
    write(susan, 'One "of"\nmany words ' + "x" * 300)
    html = visitor.get("/post/1").get_data(as_text=True)
    assert "<title>susan: One &#34;of&#34; many words… - Microblog</title>" in html
    assert '<meta property="og:title" content="susan">' in html
    assert '<meta name="description" content="One &#34;of&#34; many words…">' in html
    assert '<link rel="canonical" href="http://localhost/post/1">' in html
    icon = "http://localhost/static/touch-icon.png"
    assert f'<meta property="og:image" content="{icon}">' in html
    html = visitor.get("/user/susan").get_data(as_text=True)
    assert '<meta property="og:type" content="profile">' in html
    assert '<meta name="description" content="Posts by susan">' in html


def test_lists_of_posts_say_what_other_sites_show_of_them(susan: Visitor, visitor: Visitor) -> None:
    write(susan, "I like #gardens")
    for path in ("/", "/explore", "/tag/gardens"):
        html = visitor.get(path).text
        assert html.count('<meta name="description"') == 1
        assert '<meta property="og:type" content="website">' in html
        assert f'<meta property="og:url" content="http://localhost{path}">' in html


def test_the_name_of_an_article_is_its_author_and_time(susan: Visitor) -> None:
    write(susan, "Hello")
    html = susan.get("/").get_data(as_text=True)
    assert 'aria-labelledby="by-1"' in html
    assert html.count('id="by-1"') == 1


@pytest.mark.parametrize("path", ["/post/1/edit", "/post/1/delete"])
def test_nobody_else_edits_or_deletes_a_post(app: Flask, susan: Visitor, path: str) -> None:
    write(susan, "Hello")
    bob = logged_in(app, "bob")
    assert bob.get(path).status_code == 404
    answer = bob.submit(path, {"post": "Hacked"}, token=bob.csrf_token("/"))
    assert answer.status_code == 404
    assert "Sign in" in words(Visitor(app).get(path))
    assert "Hello" in words(susan.get("/post/1"))


def test_mentions_and_tags_are_links(app: Flask, susan: Visitor) -> None:
    make_user(app, "bob")
    write(susan, "Hello @Bob and @nobody, see #Garden and https://example.com/?a=1&b=2.")
    html = susan.get("/post/1").get_data(as_text=True)
    assert '<a href="/user/bob">@Bob</a>' in html
    assert "@nobody" in html
    assert "/user/nobody" not in html
    assert '<a href="/tag/garden" rel="tag">#Garden</a>' in html
    link = '<a href="https://example.com/?a=1&amp;b=2" rel="nofollow noopener ugc" dir="ltr">'
    assert link in html
    for path in re.findall(r'href="(/(?:user|tag)/[^"]+)"', html):
        assert susan.get(path).status_code == 200


def test_the_page_of_a_tag_has_its_posts_under_any_spelling(susan: Visitor) -> None:
    write(susan, "Rain #Garden")
    write(susan, "No tag")
    for path in ("/tag/garden", "/tag/GARDEN", "/tag/ｇarden"):
        said = words(susan.get(path))
        assert "Rain #Garden" in said
        assert "No tag" not in said
    assert "No posts with this tag." in words(susan.get("/tag/nothing"))
    assert susan.get("/tag/" + "x" * 65).status_code == 404


@pytest.mark.parametrize(
    ("body", "words_beside"),
    [
        ("\u200b\u200d\u2060", "Write something first."),
        ("\u202eabc", "Remove the characters that can't be shown."),
        ("a" + "\u0301" * 9_000, "One character has too many accent marks."),
        ("a" + "\u0301" * 100_000, "99501 characters too long."),
        ("👨‍👩‍👧‍👦" * 501, "1 character too long."),
    ],
    ids=["zero-width", "override", "marks", "more marks", "families"],
)
def test_strange_texts_are_refused_in_words(susan: Visitor, body: str, words_beside: str) -> None:
    page = susan.submit("/", {"post": body})
    assert page.status_code == 200
    assert error_beside(page, "post") == words_beside


def test_five_hundred_families_are_five_hundred_characters(app: Flask, susan: Visitor) -> None:
    write(susan, "👨‍👩‍👧‍👦" * 500)
    assert count(app, Post) == 1


@pytest.mark.parametrize("query", ["before=x", "after=-1", "before=" + "9" * 50, "before=1"])
def test_pages_beyond_the_end_are_pages(susan: Visitor, query: str) -> None:
    write(susan, "Hello")
    for path in ("/", "/explore", "/user/susan", "/tag/x"):
        assert susan.get(f"{path}?{query}").status_code == 200


def test_newer_posts_are_counted(app: Flask, susan: Visitor) -> None:
    write(susan, "one")
    write(susan, "two")
    assert susan.get("/newer_posts/1").json == {"count": 1}
    assert susan.get("/newer_posts/2").json == {"count": 0}
    assert susan.get("/newer_posts/99999999999999999999").json == {"count": 0}
    assert "Sign in" in words(Visitor(app).get("/newer_posts/1"))
