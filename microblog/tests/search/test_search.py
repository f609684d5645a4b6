"""What people find who search, and what they do not."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from microblog.accounts.models import User
from microblog.database import db, transaction, utc_now
from microblog.people.models import Block, Follow, Mute
from microblog.search.queries import MATCHES_MAXIMUM, PAGE_SIZE
from tests.constants import Make
from tests.search.finding import found, marks, search
from tests.search.writing import delete, edit, restore, write
from tests.statements import recorded
from tests.visitor import ON_SQLITE, Visitor, make_user, value_in, words


@pytest.mark.parametrize(
    ("typed", "body", "marked"),
    [
        ("天氣", "今天天氣很好", ["天氣"]),
        ("елка", "Зелёная ёлка", ["ёлка"]),
        ("ЁЛКА", "елка", ["елка"]),
        ("STRASSE", "Die Straße ist lang.", ["Straße"]),
        ("strasse", "STRASSE", ["STRASSE"]),
        ("cafe", "Le café.", ["café"]),
        ("Café", "cafe", ["cafe"]),
        ("rain garden", "The #garden needs <rain> & sun", ["garden", "rain"]),
        ("susan", "@susan hello", ["susan"]),
    ],
)
def test_a_post_is_found_and_its_words_are_marked(
    app: Flask, susan: int, reader: Visitor, typed: str, body: str, marked: list[str]
) -> None:
    write(app, susan, body, "Something else")
    assert found(reader, typed) == [body]
    assert marks(reader, typed) == marked


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("typed", "body", "marked"),
    [
        ("книга", "Читаю книги о море", ["книги"]),
        ("книги", "Эта книга хороша", ["книга"]),
        ("garden", "Two gardens", ["gardens"]),
        ("books", "One book", ["book"]),
    ],
)
def test_on_postgresql_other_forms_of_a_word_are_found(
    app: Flask, susan: int, reader: Visitor, typed: str, body: str, marked: list[str]
) -> None:
    write(app, susan, body, "Море")
    assert found(reader, typed) == [body]
    assert marks(reader, typed) == marked


def test_marks_stand_inside_of_links(app: Flask, susan: int, reader: Visitor) -> None:
    write(app, susan, "Is #rain <b>rain</b>? https://example.org/?a=rain&b=1")
    html = search(reader, "rain").get_data(as_text=True)
    assert '<a href="/tag/rain" rel="tag">#<mark>rain</mark></a> &lt;b&gt;<mark>rain</mark>' in html
    assert (
        '<a href="https://example.org/?a=rain&amp;b=1" rel="nofollow noopener ugc" dir="ltr">'
        "example.org/?a=<mark>rain</mark>&amp;b=1</a>"
    ) in html


def test_all_words_must_be_there(app: Flask, susan: int, reader: Visitor) -> None:
    write(app, susan, "red apple", "green apple", "green pear")
    assert found(reader, "apple green") == ["green apple"]
    assert found(reader, "apple pear") == []
    assert "Nothing found" in words(search(reader, "apple pear"))


def test_a_change_of_a_post_is_found_at_once(app: Flask, susan: int, reader: Visitor) -> None:
    (post,) = write(app, susan, "first thought")
    edit(app, post, "second idea")
    assert found(reader, "thought") == []
    assert found(reader, "idea") == ["second idea"]
    delete(app, post)
    assert found(reader, "idea") == []
    restore(app, post)
    assert found(reader, "idea") == ["second idea"]


def test_posts_vanish_with_their_author(app: Flask, susan: int, john: int) -> None:
    write(app, susan, "a thought of susan")
    write(app, john, "a thought of john")
    with app.app_context(), transaction() as writing:
        writing.execute(text("DELETE FROM users WHERE id = :id"), {"id": susan})
    assert found(Visitor(app), "thought") == ["a thought of john"]
    with app.app_context():
        assert db.session.scalar(text("SELECT count(*) FROM indexed_posts")) == 1
        left = db.session.scalars(text("SELECT term FROM name_terms")).all()
    assert left == ["john"]


@ON_SQLITE
def test_the_index_of_sqlite_is_whole_after_all_that(app: Flask, susan: int, john: int) -> None:
    posts = write(app, susan, "one", "two", "three")
    edit(app, posts[0], "one and a half")
    delete(app, posts[1])
    write(app, john, "four")
    check = "INSERT INTO indexed_posts_fts(indexed_posts_fts, rank) VALUES ('integrity-check', 1)"
    with app.app_context():
        with transaction() as writing:
            writing.execute(text("DELETE FROM users WHERE id = :id"), {"id": susan})
        with transaction() as writing:
            writing.execute(text(check))
        match = text("SELECT rowid FROM indexed_posts_fts WHERE indexed_posts_fts MATCH 'three'")
        assert db.session.scalars(match).all() == []


def hide(app: Flask, **change: Any) -> None:
    with app.app_context(), transaction() as writing:
        for name, value in change.items():
            setattr(writing.query(User).filter_by(username="susan").one(), name, value)


@pytest.mark.parametrize("how", ["disabled_at", "deletes_at"])
def test_hidden_accounts_are_found_in_no_way(
    app: Flask, susan: int, reader: Visitor, how: str
) -> None:
    write(app, susan, "#secret thought")
    assert "secret" in words(search(reader, "secret", "tags"))
    hide(app, **{how: utc_now()})
    for visitor in (reader, Visitor(app)):
        assert found(visitor, "thought") == []
        assert "@" not in words(search(visitor, "susan", "people"))
        assert "Nothing found" in words(search(visitor, "susan", "people"))
        assert "Nothing found" in words(search(visitor, "secret", "tags"))
        assert "secret" not in words(visitor.get("/search"))


@pytest.mark.parametrize(
    ("relation", "sees_person"),
    [("blocks", False), ("is blocked", False), ("mutes", True)],
)
def test_relations_hold(
    app: Flask, susan: int, john: int, reader: Visitor, relation: str, sees_person: bool
) -> None:
    write(app, susan, "#secret thought")
    row = {
        "blocks": Block(blocker_id=john, blocked_id=susan),
        "is blocked": Block(blocker_id=susan, blocked_id=john),
        "mutes": Mute(muter_id=john, muted_id=susan),
    }[relation]
    with app.app_context(), transaction() as writing:
        writing.add(row)
    assert found(reader, "thought") == []
    assert ("Nothing found" not in words(search(reader, "susan", "people"))) is sees_person
    assert "Nothing found" in words(search(reader, "secret", "tags"))
    assert found(Visitor(app), "thought") == ["#secret thought"]


def test_people_are_found_by_the_beginnings_of_their_names(
    app: Flask, susan: int, john: int, reader: Visitor
) -> None:
    anna = make_user(app, "anna.baker")
    with app.app_context(), transaction() as writing:
        writing.add(Follow(follower_id=john, followed_id=anna))
    reader.submit("/edit_profile", {"username": "john", "display_name": "Jöhn Bäcker 王小明"})

    def names(typed: str) -> list[str]:
        html = search(reader, typed, "people").get_data(as_text=True)
        return re.findall(r'<a class="name" href="/user/([^"]+)"', html)

    assert names("sus") == ["susan"]
    assert names("@susan") == ["susan"]
    assert names("ba") == ["anna.baker", "john"]
    assert names("bak an") == ["anna.baker"]
    assert names("backer") == ["john"]
    assert names("小明") == ["john"]
    assert names("aker") == []
    html = search(reader, "ba", "people").get_data(as_text=True)
    assert 'action="/unfollow/anna.baker?next=/search?' in unescape(html).replace("%3F", "?")
    assert "/follow/john" not in html


def test_a_new_name_is_found_and_the_old_one_no_more(
    app: Flask, susan: int, reader: Visitor
) -> None:
    reader.submit("/edit_profile", {"username": "johnny", "display_name": "Sir"})
    assert "johnny" in words(search(reader, "johnny", "people"))
    assert "johnny" in words(search(reader, "sir", "people"))
    reader.submit("/edit_profile", {"username": "jack", "display_name": ""})
    assert "Nothing found" in words(search(reader, "john", "people"))
    assert "Nothing found" in words(search(reader, "sir", "people"))


def test_a_follow_leads_back_to_what_was_found(app: Flask, susan: int, reader: Visitor) -> None:
    path = "/search?q=susan&kind=people"
    html = unescape(reader.get(path).get_data(as_text=True))
    (action,) = re.findall(r'action="(/follow/susan[^"]*)"', html)
    page = reader.submit(action, token=reader.csrf_token(path))
    assert page.request.path == "/search"
    assert "Unfollow" in words(page)


def test_tags_are_found_by_their_beginning_with_their_counts(
    app: Flask, susan: int, reader: Visitor
) -> None:
    posts = write(app, susan, "#gardening #rain", "#gardens", "#gardens again", "#garden", "none")
    html = words(search(reader, "#Garden", "tags"))
    shown = re.findall(r"#(\w+) (\d+ posts?)", html)
    assert shown == [("garden", "1 post"), ("gardens", "2 posts"), ("gardening", "1 post")]
    delete(app, posts[1])
    assert "#gardens 1 post" in words(search(reader, "garden", "tags"))


def test_without_a_question_recent_tags_are_shown(app: Flask, susan: int, reader: Visitor) -> None:
    assert "Search posts, people and tags" in words(reader.get("/search"))
    write(app, susan, "#one", "#two", "#two again")
    for visitor in (reader, Visitor(app)):
        page = words(visitor.get("/search"))
        assert "Recent tags #two 2 posts #one 1 post" in page


def test_everything_has_people_tags_and_posts(app: Flask, susan: int, reader: Visitor) -> None:
    make_user(app, "rain.fan")
    write(app, susan, "#rain again")
    page = words(search(reader, "rain"))
    places = [
        page.index(one) for one in ("People R rain.fan", "Tags #rain 1 post", "Posts S susan")
    ]
    assert places == sorted(places)


@ON_SQLITE
@pytest.mark.parametrize(
    ("typed", "first", "second"),
    [
        ("tea", (0, "a cup of tea"), (1, "a cup of tea")),
        ("tea", (20, "tea tea tea"), (0, "a long story " * 20 + "with tea")),
        ("tea", (0, "a cup of tea"), (400, "tea tea tea")),
        ("green tea", (20, "I like green tea"), (0, "I like tea if green")),
        ("green tea", (0, "I like tea if green"), (40, "I like green tea")),
    ],
)
def test_newer_and_more_relevant_posts_come_first(
    app: Flask,
    susan: int,
    reader: Visitor,
    typed: str,
    first: tuple[int, str],
    second: tuple[int, str],
) -> None:
    now = utc_now()
    for days, body in (first, second):
        write(app, susan, body, now=now - timedelta(days=days))
    assert found(reader, typed) == [first[1], second[1]]


def test_pages_go_on_where_the_last_one_ended(app: Flask, susan: int, reader: Visitor) -> None:
    bodies = [f"entry {number}" for number in range(2 * PAGE_SIZE + 3)]
    write(app, susan, *bodies)
    html = search(reader, "entry", "posts").get_data(as_text=True)
    seen = found(reader, "entry")
    write(app, susan, "entry of later")
    while match := re.search(r'rel="next" href="([^"]+)"', html):
        page = reader.get(unescape(match[1]))
        html = page.get_data(as_text=True)
        bodies_here = re.findall(r'(?s)<p class="post-body"[^>]*>(.*?)</p>', html)
        seen += [unescape(re.sub(r"<[^>]+>", "", body)) for body in bodies_here]
    assert sorted(seen) == sorted(bodies)
    assert 'rel="prev"' in html


def test_there_is_a_last_page(app: Flask, susan: int, reader: Visitor) -> None:
    write(app, susan, *(f"entry {number}" for number in range(MATCHES_MAXIMUM + 5)))
    page = search(reader, "entry", "posts", page=20)
    assert 'rel="next"' not in page.get_data(as_text=True)
    assert len(found(reader, "entry", page=20)) == PAGE_SIZE
    assert len(found(reader, "entry", page=21)) == PAGE_SIZE
    assert "Nothing found" in words(search(reader, "entry 7", "posts", page=9))


@pytest.mark.parametrize(
    "typed",
    [
        '"', '""', '"a', "*", "a*", "NEAR", "NEAR(a b)", "a OR b", "a AND", "NOT a", "-x",
        "col:term", "terms:a", "a:*", "(", "a)", "^a", "a + b", "'", "''; DROP TABLE posts; --",
        "a & b", "a | !b", "a <-> b", "\\", "a\\'b", "#", "#:a", "@", "%", "_", "   ", "\t\n",
        "\0", "a\0b", "\u202eabc", "\u2066", "\u200b", "\ufeff", "😀", "\U0010ffff", "\ue000",
        "x" * 10_000, "天" * 10_000, "a " * 5_000, "e" + "\u0301" * 5_000, "ﷺ" * 200, "½",
        " AND ".join("abcdefghijklmnop"),
    ],
)  # fmt: skip
def test_bad_input_gets_an_ordinary_page(
    app: Flask, susan: int, reader: Visitor, typed: str
) -> None:
    write(app, susan, "abc")
    for kind in ("all", "posts", "people", "tags", "?"):
        page = search(reader, typed, kind)
        shown = value_in(page, "q")
        assert shown == re.sub(r"[\x00-\x1f]+", " ", typed)[:200]
        assert "Search" in words(page)


@ON_SQLITE
@pytest.mark.parametrize(
    "arguments",
    ["q=%ED%A0%80", "q=%FF", "q=a&q=b", "q=a&page=x", "q=a&page=-1", "q=a&page=0",
     "q=a&page=99999999999",
     "q=a&until=x", "q=a&until=999999999", "q=a&until=99999999999", "q=a&until=0", "kind=people",
     "q=a&kind=", "q[]=a", "q", "%00=%00"],
)  # fmt: skip
def test_bad_addresses_get_an_ordinary_page(app: Flask, susan: int, arguments: str) -> None:
    write(app, susan, "a")
    assert Visitor(app).get(f"/search?{arguments}").status_code == 200


@pytest.mark.parametrize("kind", ["all", "posts", "people", "tags"])
def test_a_page_takes_as_many_statements_for_many_rows_as_for_one(
    app: Flask, susan: int, reader: Visitor, kind: str
) -> None:
    def count() -> int:
        search(reader, "rain", kind)
        with app.app_context():
            engine = db.engine
        with recorded(engine) as statements:
            search(reader, "rain", kind)
        return len(statements)

    make_user(app, "rain0")
    write(app, susan, "#rain @john")
    few = count()
    for number in range(1, 30):
        make_user(app, f"rain{number}")
    write(app, susan, *(f"#rain{number} rain @susan @john rains" for number in range(60)))
    assert count() == few


@ON_SQLITE
def test_a_client_can_search_so_often(make_app: Make) -> None:
    app = make_app(PUBLIC_URL="http://localhost", RATELIMIT_ENABLED=True)
    visitor = Visitor(app)
    codes = [visitor.get("/search?q=a").status_code for _ in range(2 * 60 + 1)]
    # A minute may end meanwhile, but not two.
    assert codes[:60] == [200] * 60
    assert 429 in codes
    assert visitor.get("/explore").status_code == 200


def test_what_is_not_indexed_yet_is_told(app: Flask, susan: int, reader: Visitor) -> None:
    write(app, susan, "old post", "new post")
    with app.app_context(), transaction() as writing:
        writing.execute(
            text("DELETE FROM indexed_posts WHERE post_id IN (SELECT min(id) FROM posts)")
        )
    assert "Older posts can't be found yet." in words(search(reader, "post"))
    assert found(reader, "post") == ["new post"]
