"""Who is notified of what, and what becomes of it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, update

from flask_outbox.application import state_of
from microblog.accounts.models import User
from microblog.blog.models import Post
from microblog.database import db, transaction, utc_now
from microblog.notifications import groups, notifications
from microblog.notifications.models import Notification
from microblog.notifications.notifications import KEPT, KINDS, WITHDRAWN_FOR, Kind
from microblog.people.models import Block, Mute
from tests.notifications import telling
from tests.notifications.telling import edit, follow, like, unfollow, unlike, write
from tests.statements import recorded
from tests.visitor import ON_SQLITE, make_user

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def eve(app: Flask) -> int:
    return make_user(app, "eve")


def rows(user_id: int) -> list[tuple[str, int, int | None]]:
    return telling.rows(db.session, user_id)


def unread(user_id: int) -> int:
    """What is counted; the page shows something new if and only if it is not zero."""
    page = groups.find_groups(db.session, user_id, opened_at=utc_now(), is_read=False)
    count = notifications.count_unread(db.session, user_id)
    assert any(group.is_new for group in page.groups) == bool(count)
    return count


def open_page(user_id: int) -> groups.Page:
    """What somebody sees who opens the page."""
    now = utc_now()
    with transaction() as writing:
        notifications.mark_read(writing, user_id, now=now)
    return groups.find_groups(db.session, user_id, opened_at=now)


def test_each_kind_is_told_to_whom_it_concerns(susan: int, bob: int, eve: int) -> None:
    mine = write(susan)
    reply = write(bob, to=mine)
    mention = write(bob, mentions=[susan, eve])
    like(bob, mine)
    follow(bob, susan)
    assert rows(susan) == [
        ("reply", bob, reply),
        ("mention", bob, mention),
        ("like", bob, mine),
        ("follow", bob, None),
    ]
    assert rows(eve) == [("mention", bob, mention)]
    assert rows(bob) == []
    assert (unread(susan), unread(eve), unread(bob)) == (4, 1, 0)


def test_whom_a_reply_answers_and_mentions_is_told_of_the_reply_alone(
    susan: int, bob: int, eve: int
) -> None:
    reply = write(bob, to=write(susan), mentions=[susan, eve])
    assert rows(susan) == [("reply", bob, reply)]
    assert rows(eve) == [("mention", bob, reply)]
    edit(reply, [susan])
    assert rows(susan) == [("reply", bob, reply)]
    assert rows(eve) == []


def test_nobody_is_told_of_what_they_do_themselves(susan: int) -> None:
    mine = write(susan, mentions=[susan])
    write(susan, to=mine, mentions=[susan])
    like(susan, mine)
    assert rows(susan) == []


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_is_told_of_a_kind_they_switched_off(susan: int, bob: int, kind: Kind) -> None:
    with transaction() as writing:
        notifications.choose_kinds(writing, susan, {*KINDS} - {kind})
    mine = write(susan)
    write(bob, to=mine, mentions=[susan])
    write(bob, mentions=[susan])
    like(bob, mine)
    follow(bob, susan)
    assert [one for one, *_ in rows(susan)] == [one for one in KINDS if one != kind]


def test_an_edit_tells_those_it_mentions_anew_and_takes_back_the_others(
    susan: int, bob: int, eve: int
) -> None:
    post = write(bob, mentions=[susan])
    edit(post, [eve])
    assert (rows(susan), rows(eve)) == ([], [("mention", bob, post)])
    edit(post, [susan, eve])
    assert (rows(susan), rows(eve)) == ([("mention", bob, post)],) * 2
    edit(post, [])
    assert (rows(susan), rows(eve)) == ([], [])


@ON_SQLITE
def test_an_edit_of_an_old_post_tells_nobody_again(susan: int, bob: int) -> None:
    long_ago = utc_now() - KEPT - timedelta(minutes=1)
    post = write(bob, mentions=[susan], at=long_ago)
    open_page(susan)
    with transaction() as writing:
        writing.execute(update(Notification).values(read_at=long_ago))
        assert not notifications.prune_notifications(writing, utc_now())
    edit(post, [susan])
    assert rows(susan) == []


@pytest.mark.parametrize(
    ("does", "undoes"), [(like, unlike), (follow, unfollow)], ids=["like", "follow"]
)
@pytest.mark.parametrize("is_seen", [False, True])
def test_what_is_taken_back_is_gone_and_is_new_only_once(
    susan: int, bob: int, does: object, undoes: object, is_seen: bool
) -> None:
    target = write(susan) if does is like else susan
    for _ in range(3):
        does(bob, target)  # type: ignore[operator]
        if is_seen:
            assert len(open_page(susan).groups) == 1
        undoes(bob, target)  # type: ignore[operator]
        assert unread(susan) == 0
        assert not open_page(susan).groups
    does(bob, target)  # type: ignore[operator]
    assert unread(susan) == (0 if is_seen else 1)
    assert [group.is_new for group in open_page(susan).groups] == [not is_seen]


@ON_SQLITE
def test_a_mention_that_is_edited_away_and_back_is_new_only_once(susan: int, bob: int) -> None:
    post = write(bob, mentions=[susan])
    open_page(susan)
    edit(post, [])
    assert not open_page(susan).groups
    edit(post, [susan])
    assert unread(susan) == 0
    assert [group.kind for group in open_page(susan).groups] == [Kind.MENTION]


@ON_SQLITE
def test_a_like_that_comes_back_after_a_day_is_new(susan: int, bob: int) -> None:
    post = write(susan)
    like(bob, post)
    open_page(susan)
    unlike(bob, post)
    prune(utc_now() + WITHDRAWN_FOR - timedelta(minutes=1))
    assert len(rows(susan)) == 1
    prune(utc_now() + WITHDRAWN_FOR + timedelta(minutes=1))
    assert rows(susan) == []
    like(bob, post)
    assert unread(susan) == 1


def prune(now: datetime) -> bool:
    with transaction() as writing:
        return notifications.prune_notifications(writing, now)


@ON_SQLITE
def test_what_was_read_is_deleted_after_ninety_days_in_batches(
    app: Flask, susan: int, bob: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (KEPT.days, notifications.PRUNED_AT_ONCE) == (90, 1000)
    monkeypatch.setattr(notifications, "PRUNED_AT_ONCE", 2)
    for _ in range(3):
        write(bob, mentions=[susan])
    open_page(susan)
    write(bob, mentions=[susan])
    assert not prune(utc_now() + KEPT - timedelta(minutes=1))
    assert len(rows(susan)) == 4
    task = state_of(app).outbox.periodic_tasks["notifications.old"]
    later = (utc_now() + KEPT + timedelta(minutes=1)).timestamp()
    with transaction() as writing:
        assert [task(writing, later), task(writing, later)] == [True, False]
    assert len(rows(susan)) == 1
    assert unread(susan) == 1


def test_a_deleted_post_hides_what_it_caused_until_it_is_restored(susan: int, bob: int) -> None:
    mine = write(susan)
    reply = write(bob, to=mine)
    like(bob, mine)
    assert unread(susan) == 2
    deleted = {mine: 1, reply: 1}
    for post, left in deleted.items():
        for moment, count in ((utc_now(), left), (None, 2)):
            with transaction() as writing:
                writing.get_one(Post, post).deleted_at = moment
            assert unread(susan) == count
    with transaction() as writing:
        writing.delete(writing.get_one(Post, mine))
    assert rows(susan) == [("reply", bob, reply)]


# Who did it, as in docs/notifications.md.


PAGE = Path(__file__).parents[3] / "docs" / "notifications.md"

ACTORS = {
    who: (written == "yes", shown == "yes")
    for who, written, shown in re.findall(
        r"(?m)^\| ([\w ]+) \| (yes|no) \| (yes|no) \|$", PAGE.read_text()
    )
}
"""Whether a row is written when they did it, and whether it is shown."""


def test_the_table_has_everybody() -> None:
    assert len(ACTORS) == 7


def become(actor: str, reader: int, person: int) -> None:
    with transaction() as writing:
        user = writing.get_one(User, person)
        if actor == "a member whose email is not confirmed":
            user.email_verified_at = None
        elif actor == "muted":
            writing.add(Mute(muter_id=reader, muted_id=person))
        elif actor == "blocked by the reader":
            writing.add(Block(blocker_id=reader, blocked_id=person))
        elif actor == "blocks the reader":
            writing.add(Block(blocker_id=person, blocked_id=reader))
        elif actor == "disabled":
            user.disabled_at = utc_now()
        elif actor == "being deleted":
            user.deletes_at = utc_now() + timedelta(days=7)
        else:
            assert actor == "a member"


def cause(kind: Kind, reader: int, person: int) -> None:
    if kind is Kind.REPLY:
        write(person, to=write(reader))
    elif kind is Kind.MENTION:
        write(person, mentions=[reader])
    elif kind is Kind.LIKE:
        like(person, write(reader))
    else:
        follow(person, reader)


@ON_SQLITE
@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize("kind", KINDS)
def test_who_did_it_decides_what_is_written_and_shown(
    susan: int, bob: int, eve: int, kind: Kind, actor: str
) -> None:
    is_written, is_shown = ACTORS[actor]
    cause(kind, susan, eve)  # Somebody else's stays.
    become(actor, susan, bob)
    cause(kind, susan, bob)
    assert [row[1] for row in rows(susan)] == ([eve, bob] if is_written else [eve])
    assert unread(susan) == (2 if is_shown else 1)
    page = open_page(susan)
    assert unread(susan) == 0
    people = {person.id for group in page.groups for person in group.people}
    assert people == ({eve, bob} if is_shown else {eve})


@pytest.mark.parametrize("actor", ACTORS)
def test_what_comes_later_counts_as_well(susan: int, bob: int, actor: str) -> None:
    for kind in KINDS:
        cause(kind, susan, bob)
    become(actor, susan, bob)
    count = 4 if ACTORS[actor][1] else 0
    assert unread(susan) == count
    assert len(open_page(susan).groups) == count


def test_an_account_takes_its_notifications_with_it(susan: int, bob: int) -> None:
    for kind in KINDS:
        cause(kind, susan, bob)
        cause(kind, bob, susan)
    with transaction() as writing:
        writing.delete(writing.get_one(User, bob))
    assert db.session.scalars(select(Notification)).all() == []


# Statements


@ON_SQLITE
def test_all_whom_a_post_concerns_are_told_in_one_statement(app: Flask, susan: int) -> None:
    mine = write(susan)
    people = [make_user(app, f"person{number}") for number in range(20)]
    with recorded(db.engine) as statements:
        write(people[0], to=mine, mentions=people[1:])
    told = [one for one in statements if "notifications" in one]
    assert len([one for one in told if not one.startswith("SELECT")]) == 1
    assert len(told) == 2, "and one that finds who is emailed at once"
    assert all(len(rows(person)) == 1 for person in [susan, *people[1:]])
    with recorded(db.engine) as statements:
        write(people[0])
    assert not [one for one in statements if "notifications" in one]


@ON_SQLITE
def test_counting_ends_at_a_hundred(susan: int, bob: int) -> None:
    assert notifications.COUNTED_MAXIMUM == 100
    for _ in range(101):
        write(bob, mentions=[susan])
    assert notifications.count_unread(db.session, susan) == 100
