"""Posts as HTML, which are kept: nobody gets what was drawn for somebody else."""

from __future__ import annotations

import re
from unittest.mock import Mock

import pytest
from flask import Flask

from microblog.database import transaction
from microblog.people.models import Block
from tests.blog.test_posts import logged_in, write
from tests.visitor import Visitor, make_user, words


@pytest.fixture
def susan(app: Flask) -> Visitor:
    return logged_in(app, "susan")


def card(visitor: Visitor, path: str = "/explore") -> str:
    found = re.search(r'(?s)<article class="post[ "].*?</article>', visitor.get(path).text)
    assert found
    return found[0]


def test_what_the_author_may_do_is_shown_to_the_author_alone(app: Flask, susan: Visitor) -> None:
    write(susan, "Hello")
    david, anonymous = logged_in(app, "david"), Visitor(app)
    for _ in range(2):
        assert "/post/1/edit" in card(susan)
        for other in (david, anonymous):
            assert "/post/1/edit" not in card(other)
            assert "/post/1/delete" not in card(other)


def test_readers_who_may_see_the_same_share_a_card(
    app: Flask, susan: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(susan, "Hello")
    macros = vars(app.jinja_env.get_template("blog/_posts.html").module)
    draw = Mock(wraps=macros["draw_card"])
    monkeypatch.setitem(macros, "draw_card", draw)
    assert card(logged_in(app, "eva")) == card(logged_in(app, "david"))
    draw.assert_called_once()


def test_a_card_is_in_the_language_and_the_time_zone_of_its_reader(
    app: Flask, susan: Visitor
) -> None:
    write(susan, "Hello")
    susan.submit("/post/1/edit", {"post": "Good evening"})
    readers = [("en", "UTC"), ("ru", "UTC"), ("en", "Asia/Tokyo"), ("ru", "Asia/Tokyo")]
    drawn: dict[tuple[str, str], set[str]] = {}
    for language, zone in readers * 2:
        reader = Visitor(app)
        reader.client.set_cookie("language", language)
        reader.client.set_cookie("time_zone", zone)
        drawn.setdefault((language, zone), set()).add(card(reader))
    assert [len(same) for same in drawn.values()] == [1, 1, 1, 1]
    assert len(set.union(*drawn.values())) == len(readers)
    for (language, _), (one,) in drawn.items():
        assert (">edited<" in one) == (language == "en")


def test_a_changed_post_and_a_changed_name_are_seen_at_once(app: Flask, susan: Visitor) -> None:
    write(susan, "Hello @david")
    assert 'href="/user/david"' not in card(susan)
    write(susan, "Hello")
    logged_in(app, "david")
    susan.submit("/post/2/edit", {"post": "Hello @david"})
    assert 'href="/user/david"' in card(susan)


def test_markup_in_a_kept_card_stays_text(app: Flask, susan: Visitor) -> None:
    write(susan, "<b>&amp;</b>")
    for reader in (susan, Visitor(app), Visitor(app)):
        assert "&lt;b&gt;&amp;amp;&lt;/b&gt;" in card(reader)


def test_a_post_is_not_shown_from_the_store_to_somebody_blocked(app: Flask, susan: Visitor) -> None:
    write(susan, "Hello")
    david, eva = logged_in(app, "david"), logged_in(app, "eva")
    assert "Hello" in words(david.get("/explore"))
    with app.app_context(), transaction() as writing:
        writing.add(Block(blocker_id=1, blocked_id=2))
    assert "Hello" not in words(david.get("/explore"))
    assert "Hello" in words(eva.get("/explore"))


def test_whoever_reads_a_post_can_follow_its_author_there(app: Flask, susan: Visitor) -> None:
    write(susan, "Hello")
    david = logged_in(app, "david")
    assert "/follow/susan" not in card(david), "a list has no button for each"
    assert 'formaction="/follow/susan"' in card(david, "/post/1")
    assert press(david, "/follow/susan") == "/post/1"
    assert 'formaction="/unfollow/susan"' in card(david, "/post/1")
    assert press(david, "/unfollow/susan") == "/post/1"
    assert 'formaction="/follow/susan"' in card(david, "/post/1")
    for other in (susan, Visitor(app)):
        assert "follow/susan" not in card(other, "/post/1")


def test_somebody_who_may_not_follow_yet_is_told_that_they_will(app: Flask, susan: Visitor) -> None:
    write(susan, "Hello")
    make_user(app, "eva", verified=False)
    eva = Visitor(app)
    eva.log_in("eva")
    press(eva, "/follow/susan")
    assert 'formaction="/unfollow/susan"' in card(eva, "/post/1")


def press(visitor: Visitor, address: str) -> str:
    """Press a button of the form for buttons in /post/1; return the page that follows."""
    token = visitor.csrf_token("/post/1")
    return visitor.submit(address, {"next": "/post/1"}, token=token).request.path
