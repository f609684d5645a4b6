"""The pages of notifications: sentences, groups, the count, and what counts as read."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextvars import Context
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from microblog.accounts.models import User
from microblog.database import MAX_ID, db, transaction, utc_now
from microblog.notifications import groups, notifications
from microblog.notifications.models import Notification, NotificationPreference
from microblog.notifications.notifications import KINDS, Kind
from microblog.notifications.personal_data import collect
from microblog.people.models import Block
from tests.notifications.telling import follow, like, unlike, write
from tests.statements import recorded
from tests.visitor import ON_SQLITE, Visitor, make_user, words

PAGE = "/notifications"

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def reader(app: Flask, susan: int) -> Visitor:
    visitor = Visitor(app)
    visitor.log_in("susan")
    return visitor


def told(visitor: Visitor, path: str = PAGE, **options: object) -> dict[str, list[str]]:
    """The sentences of a page below each of its headings."""
    html = visitor.client.get(path, **options).get_data(as_text=True)
    found: dict[str, list[str]] = {}
    for part in re.split(r'<h2 class="date-head">', html)[1:]:
        heading, _, rest = part.partition("</h2>")
        sentences = re.findall(r'(?s)<p id="notice-\d+">(.*?)</p>', rest)
        found[heading] = [" ".join(re.sub(r"<[^>]+>", "", one).split()) for one in sentences]
    return found


def badge(visitor: Visitor, path: str = "/explore") -> str:
    """What stands at the bell of a page; empty if nothing does."""
    html = visitor.get(path).get_data(as_text=True)
    dot = re.search(r'<span class="count-dot" aria-hidden="true"( hidden)?>(.*?)</span>', html)
    assert dot
    assert bool(dot[1]) == (not dot[2])
    return dot[2]


def add(*given: object) -> None:
    with transaction() as writing:
        writing.add_all(given)


def test_the_page_tells_what_happened_and_quotes_it(reader: Visitor, susan: int, bob: int) -> None:
    mine = write(susan, "Put your ear close")
    write(bob, "Ten minutes of <b>music</b>", to=mine)
    write(bob, "Ask @susan", mentions=[susan])
    like(bob, mine)
    follow(bob, susan)
    assert told(reader) == {
        "New": [
            "bob followed you",
            "bob liked your post",
            "bob mentioned you",
            "bob replied to you",
        ]
    }
    page = reader.get(PAGE)
    assert "Ten minutes of &lt;b&gt;music" in page.get_data(as_text=True)
    assert words(page).count("Put your ear close") == 2
    assert '<a href="/user/susan">@susan</a>' in page.get_data(as_text=True)
    assert list(told(reader)) == ["Earlier"]


@ON_SQLITE
@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        (1, "person0 {}"),
        (2, "person1 and person0 {}"),
        (3, "person2 and 2 others {}"),
        (7, "person6 and 6 others {}"),
    ],
)
def test_likes_of_one_post_and_follows_of_one_day_are_told_together(
    app: Flask, reader: Visitor, susan: int, bob: int, count: int, sentence: str
) -> None:
    post = write(susan)
    reply = write(susan, to=write(bob))
    people = [make_user(app, f"person{number}") for number in range(count)]
    for person in people:
        like(person, post)
        like(person, reply)
        follow(person, susan)
    expected = [
        sentence.format(what) for what in ("followed you", "liked your reply", "liked your post")
    ]
    assert badge(reader) == str(3 * count)
    assert told(reader) == {"New": expected}
    assert badge(reader) == ""
    html = reader.get(PAGE).get_data(as_text=True)
    assert html.count("avatar-small") == 3 * min(count, groups.FACES_MAXIMUM)


@ON_SQLITE
def test_names_stand_in_sentences_as_they_are(reader: Visitor, susan: int, bob: int) -> None:
    with transaction() as writing:
        writing.get_one(User, bob).display_name = "<Bob & %(num)d>"
    follow(bob, susan)
    assert "<bdi>&lt;Bob &amp; %(num)d&gt;</bdi></a> followed you" in reader.get(PAGE).get_data(
        as_text=True
    )


def test_follows_of_another_day_are_another_group(
    app: Flask, reader: Visitor, susan: int, bob: int
) -> None:
    noon = utc_now().replace(hour=12, minute=0) - timedelta(days=1)
    hours = [-13, -11, 0, 11, 13]
    for number, hour in enumerate(hours):
        follow(make_user(app, f"person{number}"), susan)
        with transaction() as writing:
            newest = select(Notification.id).order_by(Notification.id.desc()).limit(1)
            writing.execute(
                update(Notification)
                .where(Notification.id == writing.scalar(newest))
                .values(created_at=noon + timedelta(hours=hour))
            )
    assert told(reader) == {
        "New": ["person4 followed you", "person3 and 2 others followed you", "person0 followed you"]
    }


def test_a_group_stands_where_its_newest_does(
    app: Flask, reader: Visitor, susan: int, bob: int
) -> None:
    eve = make_user(app, "eve")
    post = write(susan)
    like(bob, post)
    write(bob, mentions=[susan])
    assert told(reader) == {"New": ["bob mentioned you", "bob liked your post"]}
    like(eve, post)
    assert told(reader) == {
        "New": ["eve and bob liked your post"],
        "Earlier": ["bob mentioned you"],
    }
    unlike(eve, post)
    assert told(reader) == {"Earlier": ["bob mentioned you", "bob liked your post"]}


def test_the_tab_of_mentions_has_what_was_written_to_the_reader(
    reader: Visitor, susan: int, bob: int
) -> None:
    mine = write(susan)
    like(bob, mine)
    write(bob, to=mine)
    write(bob, mentions=[susan])
    assert told(reader, f"{PAGE}/mentions") == {"New": ["bob mentioned you", "bob replied to you"]}
    # It marks as read what it shows, and nothing else.
    assert badge(reader) == "1"
    assert told(reader) == {
        "New": ["bob liked your post"],
        "Earlier": ["bob mentioned you", "bob replied to you"],
    }


@pytest.mark.parametrize("kinds", [[Kind.MENTION], [Kind.LIKE, Kind.MENTION], [*KINDS]])
def test_pages_have_each_group_once(
    app: Flask, susan: int, bob: int, kinds: list[Kind], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "PAGE_SIZE", 3)
    posts = [write(susan) for _ in range(4)]
    people = [make_user(app, f"person{number}") for number in range(6)]
    for number, person in enumerate(people):
        for post in posts[number % 2 :: 2]:
            like(person, post)
        follow(person, susan)
        write(person, mentions=[susan])
    found: list[groups.Group] = []
    before = MAX_ID
    while True:
        page = groups.find_groups(
            db.session, susan, kinds, before=before, opened_at=utc_now(), is_read=False
        )
        found += page.groups
        if page.before is None:
            break
        assert len(page.groups) == 3
        before = page.before
    ids = [group.id for group in found]
    assert ids == sorted(set(ids), reverse=True)
    counts = sorted(group.count for group in found)
    alone, likes, follows = [1] * 6, [3] * 4, [6]
    assert counts == {1: alone, 2: alone + likes, 4: alone + likes + follows}[len(kinds)]


@ON_SQLITE
def test_the_address_of_an_older_page(
    reader: Visitor, susan: int, bob: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "PAGE_SIZE", 2)
    for number in range(5):
        write(bob, f"Number {number}.", mentions=[susan])
    path, texts = PAGE, []
    while path:
        page = reader.get(path)
        texts += re.findall(r"Number \d", words(page))
        older = re.search(r'rel="next" href="([^"]+)"', page.get_data(as_text=True))
        path = older[1] if older else ""
    assert texts == [f"Number {number}" for number in (4, 3, 2, 1, 0)]
    for nonsense in ("x", "-1", "0", "9" * 30, "%00", "٣"):
        assert "Number 4" in words(reader.get(f"{PAGE}?before={nonsense}"))
    assert "Nothing yet" in words(reader.get(f"{PAGE}?before=1"))


@ON_SQLITE
def test_the_badge_counts_and_ends_at_99(reader: Visitor, susan: int, bob: int) -> None:
    assert badge(reader) == ""
    for count in (1, 99, 100, 101):
        with transaction() as writing:
            have = notifications.count_unread(writing, susan)
        for _ in range(count - have):
            write(bob, mentions=[susan])
        shown = str(count) if count < 100 else "99+"
        assert badge(reader) == shown
        answer = reader.get(f"{PAGE}/unread")
        assert answer.headers["Cache-Control"] == "no-store"
        words_of = {1: "1 new notification", 99: "99 new notifications"}
        assert answer.json == {
            "count": min(count, 100),
            "label": shown,
            "words": words_of.get(count, "More than 99 new notifications"),
        }
    assert badge(reader, PAGE) == ""


def test_only_who_is_signed_in_has_notifications(app: Flask) -> None:
    stranger = Visitor(app)
    for path in (PAGE, f"{PAGE}/mentions", f"{PAGE}/unread", "/settings/notifications"):
        assert stranger.get(path).request.path == "/login"
    assert "count-dot" not in stranger.get("/explore").get_data(as_text=True)


@pytest.mark.parametrize("purpose", ["prefetch", "prefetch;prerender"])
def test_fetching_ahead_and_asking_for_the_head_mark_nothing(
    reader: Visitor, susan: int, bob: int, purpose: str
) -> None:
    write(bob, mentions=[susan])
    assert told(reader, headers={"Sec-Purpose": purpose}) == {"New": ["bob mentioned you"]}
    reader.client.head(PAGE)
    assert badge(reader) == "1"
    assert told(reader) == {"New": ["bob mentioned you"]}
    assert badge(reader) == ""


def test_what_comes_in_while_the_page_is_made_is_neither_shown_nor_read(
    reader: Visitor, susan: int, bob: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(bob, mentions=[susan])
    find = groups.find_groups

    def find_later(*given: object, **options: object) -> groups.Page:
        write(bob, mentions=[susan])
        return find(*given, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(groups, "find_groups", find_later)
        assert told(reader) == {"New": ["bob mentioned you"]}
    assert badge(reader) == "1"
    assert told(reader) == {"New": ["bob mentioned you"], "Earlier": ["bob mentioned you"]}


@ON_SQLITE
def test_nothing_is_written_unless_something_is_unread(
    reader: Visitor, susan: int, bob: int
) -> None:
    write(bob, mentions=[susan])

    def updates() -> int:
        with recorded(db.engine) as statements:
            reader.get(PAGE)
        return len([one for one in statements if one.startswith(("UPDATE", "BEGIN IMMEDIATE"))])

    assert [updates(), updates()] == [2, 0]


@ON_SQLITE
def test_a_page_takes_a_fixed_number_of_statements(
    app: Flask, reader: Visitor, susan: int, bob: int
) -> None:
    def statements(path: str) -> int:
        reader.get(path)
        with recorded(db.engine) as found:
            reader.get(path)
        return len([one for one in found if not one.startswith("BEGIN")])

    for number in range(2):
        post = write(susan, f"Post {number}")
        write(bob, to=post, mentions=[susan])
        write(bob, mentions=[susan])
        like(bob, post)
    follow(bob, susan)
    before = [statements(path) for path in (PAGE, "/explore")]
    for number in range(20):
        person = make_user(app, f"person{number}")
        like(person, post)
        follow(person, susan)
        write(person, to=post, mentions=[susan])
        write(person, mentions=[susan])
    assert [statements(path) for path in (PAGE, "/explore")] == before


def test_a_page_reads_only_the_newest(
    reader: Visitor, bob: int, susan: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "NEWEST", 3)
    for number in range(5):
        write(bob, f"Post {number}", mentions=[susan])
    page = reader.get(PAGE).text
    assert [number for number in range(5) if f"Post {number}" in page] == [2, 3, 4]


@ON_SQLITE
def test_the_count_is_one_statement_that_uses_the_index_of_what_is_unread(
    reader: Visitor, susan: int, bob: int
) -> None:
    write(bob, mentions=[susan])
    with recorded(db.engine) as statements:
        reader.get("/explore")
    counts = [one for one in statements if "FROM notifications" in one]
    assert len(counts) == 1
    values = (susan,) * counts[0].count("?")
    plan = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {counts[0]}", values)
    assert "ix_notifications_unread" in str(plan.all())


# Settings


def apart(action: Callable[..., TestResponse], *given: object) -> TestResponse:
    """Use a page beside the context of this test, which would keep its session and its token."""
    return Context().run(action, *given)


def checked(reader: Visitor) -> list[str]:
    html = apart(reader.get, "/settings/notifications").get_data(as_text=True)
    return re.findall(r'<input [^>]*checked [^>]*name="(\w+)"', html)


@ON_SQLITE
def test_kinds_are_chosen_in_the_settings(reader: Visitor) -> None:
    path = "/settings/notifications"
    assert checked(reader) == [*KINDS]
    for chosen in (["reply", "follow"], [], ["like"]):
        page = apart(reader.submit, path, dict.fromkeys(chosen, "y"))
        assert "Your changes have been saved" in words(page)
        assert checked(reader) == chosen
    with transaction() as reading:
        refused = select(NotificationPreference.kind)
        assert {*reading.scalars(refused)} == {"reply", "mention", "follow"}
    apart(reader.client.post, path)
    assert checked(reader) == ["like"]


@ON_SQLITE
def test_the_export_has_what_the_page_shows(app: Flask, susan: int, bob: int) -> None:
    eve = make_user(app, "eve")
    mine = write(susan)
    like(bob, mine)
    like(eve, mine)
    add(Block(blocker_id=eve, blocked_id=susan))
    with transaction() as writing:
        notifications.choose_kinds(writing, susan, {Kind.LIKE})
    exported = collect(db.session, susan)
    (only,) = exported["notifications"]
    assert {**only, "created_at": None} == {
        "kind": "like",
        "by": "bob",
        "post": mine,
        "created_at": None,
        "read_at": None,
    }
    assert exported["notification_preferences"] == {
        "reply": False,
        "mention": False,
        "like": True,
        "follow": False,
    }
