"""Timelines: whose posts are on which page, however many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
from flask import Flask
from sqlalchemy import event, select

from microblog.accounts.models import User
from microblog.blog import timeline
from microblog.blog.models import Post
from microblog.blog.posts import mentioned, write_post
from microblog.blog.timeline import PAGE_SIZE, Cursor, Page
from microblog.database import db, transaction, utc_now
from microblog.people.models import Block, Follow, Mute
from tests.visitor import ON_SQLITE, make_user

Read = Callable[[Cursor], Page]


@pytest.fixture(autouse=True)
def _context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


@pytest.fixture
def susan(app: Flask) -> int:
    return make_user(app, "susan")


@pytest.fixture
def bob(app: Flask) -> int:
    return make_user(app, "bob")


def add(*rows: object) -> None:
    with transaction() as writing:
        writing.add_all(rows)


def write(author: int, count: int = 1, body: str = "hello") -> list[int]:
    with transaction() as writing:
        return [
            write_post(writing, user_id=author, body=f"{body} {number}", now=utc_now()).id
            for number in range(count)
        ]


def numbers(posts: Sequence[Post]) -> list[int]:
    return [post.id for post in posts]


def flat(pages: list[list[int]]) -> list[int]:
    return [number for page in pages for number in page]


def walk(read: Read) -> list[list[int]]:
    """All pages from the newest to the oldest; the way back must show the same."""
    pages, page = [], read(Cursor())
    while True:
        pages.append(numbers(page.posts))
        if page.before is None:
            break
        page = read(Cursor(page.before))
    back = [numbers(page.posts)]
    while page.after is not None:
        page = read(Cursor(page.after, is_older=False))
        back.append(numbers(page.posts))
    assert sorted(flat(back)) == sorted(flat(pages))
    return pages


def home_of(reader: int) -> Read:
    return lambda cursor: timeline.home(db.session, reader, cursor)


def test_home_has_what_followed_people_and_oneself_wrote(app: Flask, susan: int, bob: int) -> None:
    eve = make_user(app, "eve")
    add(Follow(follower_id=susan, followed_id=bob))
    mine, theirs, _others = write(susan), write(bob), write(eve)
    assert numbers(timeline.home(db.session, susan, Cursor()).posts) == theirs + mine
    assert numbers(timeline.home(db.session, eve, Cursor()).posts) == _others


@pytest.mark.parametrize("count", [0, 1, PAGE_SIZE, PAGE_SIZE + 1, 3 * PAGE_SIZE + 2])
def test_pages_have_every_post_once(susan: int, bob: int, count: int) -> None:
    add(Follow(follower_id=susan, followed_id=bob))
    written = write(bob, count)
    pages = walk(home_of(susan))
    assert flat(pages) == written[::-1]
    assert all(len(page) == PAGE_SIZE for page in pages[:-1])
    for read in (
        lambda cursor: timeline.explore(db.session, susan, cursor),
        lambda cursor: timeline.of_person(db.session, bob, None, cursor),
    ):
        assert flat(walk(read)) == written[::-1]


def test_a_statement_is_kept_for_pages_of_every_size(
    susan: int, bob: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(Follow(follower_id=susan, followed_id=bob))
    written = write(bob, 10)[::-1]
    for size in (4, 7):
        monkeypatch.setattr(timeline, "PAGE_SIZE", size)
        for read in (
            home_of(susan),
            lambda cursor: timeline.explore(db.session, susan, cursor),
            lambda cursor: timeline.of_person(db.session, bob, None, cursor),
        ):
            pages = walk(read)
            assert flat(pages) == written
            assert {len(page) for page in pages[:-1]} == {size}


def test_posts_outside_the_window_are_found_too(
    susan: int, bob: int, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader who follows few people finds their posts, however much others wrote since."""
    monkeypatch.setattr(timeline, "WINDOW", 3)
    eve = make_user(app, "eve")
    add(Follow(follower_id=susan, followed_id=bob))
    written = []
    for _ in range(2 * PAGE_SIZE):
        written += write(bob)
        write(eve, 2)
    assert flat(walk(home_of(susan))) == written[::-1]


def test_posts_that_arrive_between_two_pages_are_not_shown_twice(susan: int) -> None:
    written = write(susan, PAGE_SIZE + 5)
    first = timeline.home(db.session, susan, Cursor())
    write(susan, 3)
    second = timeline.home(db.session, susan, Cursor(first.before or 0))
    assert numbers(second.posts) == written[:5][::-1]


def test_tags_are_found_under_one_spelling(susan: int) -> None:
    (first,) = write(susan, body="#Garden")
    write(susan, body="garden")
    (second,) = write(susan, body="#ＧＡＲＤＥＮ")
    assert numbers(timeline.with_tag(db.session, "garden", None, Cursor()).posts) == [second, first]


def test_muted_and_blocked_people_are_not_in_timelines(app: Flask, susan: int, bob: int) -> None:
    eve, ann = make_user(app, "eve"), make_user(app, "ann")
    add(*(Follow(follower_id=susan, followed_id=one) for one in (bob, eve, ann)))
    for one in (bob, eve, ann):
        write(one, PAGE_SIZE)
    (seen,) = write(susan)
    add(
        Mute(muter_id=susan, muted_id=bob),
        Block(blocker_id=susan, blocked_id=eve),
        Block(blocker_id=ann, blocked_id=susan),
    )
    for read in (timeline.home, timeline.explore):
        assert numbers(read(db.session, susan, Cursor()).posts) == [seen]
    by_person = [
        len(timeline.of_person(db.session, one, susan, Cursor()).posts) for one in (bob, eve, ann)
    ]
    assert by_person == [PAGE_SIZE, 0, 0]
    assert len(timeline.explore(db.session, None, Cursor()).posts) == PAGE_SIZE


@pytest.mark.parametrize("column", ["disabled_at", "deletes_at"])
def test_hidden_people_are_not_shown(susan: int, bob: int, column: str) -> None:
    add(Follow(follower_id=susan, followed_id=bob))
    write(bob)
    with transaction() as writing:
        setattr(writing.get_one(User, bob), column, utc_now())
    assert not timeline.home(db.session, susan, Cursor()).posts
    assert not timeline.explore(db.session, None, Cursor()).posts
    assert not timeline.of_person(db.session, bob, None, Cursor()).posts


def test_beyond_the_end_there_is_an_empty_page(susan: int) -> None:
    (number,) = write(susan)
    for cursor in (Cursor(number), Cursor(number, is_older=False), Cursor(1)):
        assert timeline.home(db.session, susan, cursor) == Page((), None, None)


@ON_SQLITE
def test_a_page_leads_to_older_and_newer_ones_only_where_they_are(susan: int) -> None:
    written = write(susan, 2 * PAGE_SIZE)[::-1]
    oldest_of_first, first_of_second = written[PAGE_SIZE - 1], written[PAGE_SIZE]
    first = timeline.home(db.session, susan, Cursor())
    assert (first.before, first.after) == (oldest_of_first, None)
    second = timeline.home(db.session, susan, Cursor(oldest_of_first))
    assert (second.before, second.after) == (None, first_of_second)
    back = timeline.home(db.session, susan, Cursor(first_of_second, is_older=False))
    assert numbers(back.posts) == written[:PAGE_SIZE]
    assert (back.before, back.after) == (oldest_of_first, None)
    last = timeline.home(db.session, susan, Cursor(written[-1], is_older=False))
    assert numbers(last.posts) == written[PAGE_SIZE - 1 : -1]
    assert (last.before, last.after) == (written[-2], oldest_of_first)


@ON_SQLITE
def test_newer_posts_are_counted_up_to_a_page(susan: int) -> None:
    written = write(susan, PAGE_SIZE + 2)
    newer = [timeline.count_newer(db.session, susan, one) for one in (written[-1], written[-3], 0)]
    assert newer == [0, 2, PAGE_SIZE]


@ON_SQLITE
def test_tags_show_no_posts_of_muted_and_blocked_people(susan: int, bob: int) -> None:
    tagged = write(bob, body="#garden")
    read = [timeline.with_tag(db.session, "garden", one, Cursor()) for one in (susan, None)]
    assert [numbers(page.posts) for page in read] == [tagged, tagged]
    add(Mute(muter_id=susan, muted_id=bob))
    read = [timeline.with_tag(db.session, "garden", one, Cursor()) for one in (susan, None, bob)]
    assert [numbers(page.posts) for page in read] == [[], tagged, tagged]
    wanted = select(Post.id).join(Post.author)
    seen = [
        list(db.session.scalars(wanted.where(timeline.is_visible(one, muting=muting))))
        for one, muting in ((susan, True), (susan, False), (None, True))
    ]
    assert seen == [[], tagged, tagged]


def test_an_address_says_where_a_page_begins() -> None:
    assert Cursor.of("5", None) == Cursor(5, is_older=True)
    assert Cursor.of(None, "7") == Cursor(7, is_older=False)
    assert Cursor.of("5", "7") == Cursor(5, is_older=True)
    assert Cursor.of("x", "7") == Cursor(7, is_older=False)


@pytest.mark.parametrize("nonsense", ["", "x", "-1", "1e9", "9" * 30, "٣", "1.5", "\0"])
def test_nonsense_means_the_newest_page(nonsense: str) -> None:
    assert Cursor.of(nonsense, nonsense) == Cursor()


@pytest.mark.parametrize("written", [1, 3 * PAGE_SIZE])
def test_a_page_is_one_statement_however_much_there_is(susan: int, bob: int, written: int) -> None:
    add(Follow(follower_id=susan, followed_id=bob))
    write(bob, written)
    counted: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        counted.append(statement)

    event.listen(db.engine, "before_cursor_execute", count)
    page = timeline.home(db.session, susan, Cursor())
    assert page.posts[0].author.username == "bob"
    mentioned(db.session, page.posts)
    event.remove(db.engine, "before_cursor_execute", count)
    assert len([one for one in counted if not one.startswith("BEGIN")]) == 2
