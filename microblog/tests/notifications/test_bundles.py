"""Bundles of replies, mentions and messages: what is in them, when they leave, when they end."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from flask_outbox.application import state_of
from flask_outbox.outbox.models import OutboxMessage, Status
from microblog.accounts.models import User
from microblog.blog.models import Post
from microblog.database import db, transaction
from microblog.messages import conversations
from microblog.messages.unread import WRITERS_MAXIMUM
from microblog.notifications import notifications
from microblog.notifications.bundles import DIGEST_KIND, SILENCE, SILENCE_KIND, enqueue_due
from microblog.notifications.email_preferences import (
    NOTHING,
    EmailedKind,
    Frequency,
    choose,
    follow_zone,
)
from microblog.notifications.models import EmailPreference
from microblog.notifications.unread import POSTS_MAXIMUM
from microblog.people.models import Block, Mute
from tests.constants import ENGINES
from tests.notifications.emailing import look, mailed, rows, seen, want
from tests.notifications.telling import write
from tests.notifications.test_schedule import ZONES
from tests.smtp_server import ScriptedServer
from tests.visitor import ON_SQLITE, make_user

EVENING = datetime(2030, 3, 4, 20, tzinfo=UTC)
"""A Monday."""
LATER = EVENING + timedelta(hours=1)
MORNING = datetime(2030, 3, 5, 8, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("app_context")


def message(sender: int, receiver: str, at: datetime = LATER) -> int:
    with transaction() as writing:
        return conversations.write(writing, sender, receiver, "A secret word", now=at).id


def test_a_bundle_has_what_is_unread(
    app: Flask, smtp: ScriptedServer, susan: int, bob: int
) -> None:
    mine = write(susan)
    want(susan, Frequency.DAILY, at=EVENING)
    reply = write(bob, "Ten <b>minutes</b>\nof music\n\n--\nUnsubscribe:", to=mine, at=LATER)
    write(bob, "Ask @susan", mentions=[susan], at=LATER)
    message(bob, "susan")
    message(bob, "susan")
    look(app, MORNING - timedelta(seconds=1))
    assert rows() == []
    look(app, MORNING)
    look(app, MORNING)
    [received] = mailed(app, smtp, MORNING)
    assert received.recipients == ["susan@example.com"]
    assert received.message["Subject"] == "4 new posts and messages for you"
    text = received.text()
    assert "@bob replied to you" in text
    assert "\n> Ten <b>minutes</b>\n> of music\n>\n> --\n> Unsubscribe:\n" in text
    assert f"\nhttp://localhost/post/{reply}\n" in text
    assert "@bob mentioned you" in text
    assert "Ask @susan" in text
    assert "@bob wrote you 2 messages" in text
    assert "secret" not in text
    html = received.text("html")
    assert "Ten &lt;b&gt;minutes&lt;/b&gt;" in html
    assert rows()[0].lane == 2
    headers = received.message
    assert headers["List-Id"].startswith("<digest.")
    assert headers["List-Unsubscribe"].startswith("<http://localhost/unsubscribe/")
    assert headers["List-Unsubscribe"].strip("<>") in text


def test_what_was_in_a_bundle_is_in_no_other(
    app: Flask, smtp: ScriptedServer, susan: int, bob: int
) -> None:
    want(susan, Frequency.DAILY, at=EVENING)
    write(bob, "The first", mentions=[susan], at=LATER)
    look(app, MORNING)
    assert len(mailed(app, smtp, MORNING)) == 1
    write(bob, "The second", mentions=[susan], at=MORNING + timedelta(hours=1))
    following = MORNING + timedelta(days=1)
    look(app, following)
    [received] = mailed(app, smtp, following)
    assert "The second" in received.text()
    assert "The first" not in received.text()
    assert received.message["Subject"] == "@bob mentioned you"


def test_nothing_unread_is_no_mail(app: Flask, smtp: ScriptedServer, susan: int, bob: int) -> None:
    want(susan, Frequency.DAILY, at=EVENING)
    look(app, MORNING)
    assert rows() == [], "not even a row"
    write(bob, mentions=[susan], at=MORNING + timedelta(hours=1))
    message(bob, "susan", MORNING + timedelta(hours=1))
    look(app, MORNING + timedelta(days=1))
    with transaction() as writing:
        notifications.mark_read(writing, susan, now=MORNING)
        other = conversations.find_other(writing, susan, "bob")
        assert other
        assert other.own
        own = other.own
        conversations.mark_read(writing, susan, own.conversation_id, through_id=own.last_message_id)
    assert mailed(app, smtp, MORNING + timedelta(days=1)) == []
    assert [row.status for row in rows()] == [Status.DISCARDED]


@pytest.mark.parametrize(
    "change",
    ["deleted", "blocked", "blocks", "muted", "disabled", "leaving", "unwanted", "unconfirmed"],
)
def test_what_its_reader_may_not_see_is_in_no_bundle(
    app: Flask, smtp: ScriptedServer, susan: int, bob: int, change: str
) -> None:
    """It may come between the moment at which a bundle is enqueued and that at which it leaves."""
    want(susan, Frequency.DAILY, at=EVENING)
    post_id = write(bob, mentions=[susan], at=LATER)
    message_id = message(bob, "susan")
    look(app, MORNING)
    with transaction() as writing:
        if change == "deleted":
            writing.execute(update(Post).where(Post.id == post_id).values(deleted_at=LATER))
            conversations.delete_message(writing, bob, message_id, now=LATER)
        elif change in {"blocked", "blocks"}:
            pair = (susan, bob) if change == "blocked" else (bob, susan)
            writing.add(Block(blocker_id=pair[0], blocked_id=pair[1]))
        elif change == "muted":
            writing.add(Mute(muter_id=susan, muted_id=bob))
        elif change == "unwanted":
            choose(writing, susan, NOTHING, zone=None, locale="en", now=LATER)
        else:
            columns: dict[str, tuple[str, datetime | None]] = {
                "disabled": ("disabled_at", LATER),
                "leaving": ("deletes_at", LATER),
                "unconfirmed": ("email_verified_at", None),
            }
            name, value = columns[change]
            who = susan if change == "unconfirmed" else bob
            writing.execute(update(User).where(User.id == who).values({name: value}))
    assert mailed(app, smtp, MORNING) == []
    assert [row.status for row in rows()] == [Status.DISCARDED]


def test_a_bundle_goes_to_no_former_address(
    app: Flask, smtp: ScriptedServer, susan: int, bob: int
) -> None:
    want(susan, Frequency.DAILY, at=EVENING)
    write(bob, mentions=[susan], at=LATER)
    look(app, MORNING)
    with transaction() as writing:
        values = {"email": "new@example.com", "email_key": "new@example.com"}
        writing.execute(update(User).where(User.id == susan).values(values))
    assert mailed(app, smtp, MORNING) == []


@ON_SQLITE
def test_daily_and_weekly_kinds_leave_together(
    app: Flask, smtp: ScriptedServer, susan: int, bob: int
) -> None:
    want(susan, Frequency.DAILY, at=EVENING)
    with transaction() as writing:
        preference = writing.get_one(EmailPreference, susan)
        preference.mention, preference.weekday = Frequency.WEEKLY.value, 3
    mine = write(susan)
    write(bob, "A reply", to=mine, at=LATER)
    write(bob, "A mention", mentions=[susan], at=LATER)
    look(app, MORNING)
    [daily] = mailed(app, smtp, MORNING)
    assert "A reply" in daily.text()
    assert "A mention" not in daily.text()
    write(bob, "Another reply", to=mine, at=MORNING + timedelta(days=1, hours=1))
    thursday = MORNING + timedelta(days=2)
    look(app, MORNING + timedelta(days=1))
    look(app, thursday)
    [both] = mailed(app, smtp, thursday)
    assert "Another reply" in both.text()
    assert "A mention" in both.text()


@ON_SQLITE
def test_who_looks_late_makes_one_bundle_of_all(
    app: Flask, smtp: ScriptedServer, susan: int, bob: int
) -> None:
    want(susan, Frequency.DAILY, at=EVENING)
    for days in range(3):
        write(bob, f"Of day {days}", mentions=[susan], at=LATER + timedelta(days=days))
    late = MORNING + timedelta(days=2, hours=5)
    look(app, late)
    [received] = mailed(app, smtp, late)
    assert received.text().count("Of day") == 3
    look(app, late + timedelta(hours=1))
    assert len(rows()) == 1


@ON_SQLITE
def test_a_bundle_of_many_posts_has_the_newest(
    app: Flask, smtp: ScriptedServer, susan: int, bob: int
) -> None:
    want(susan, Frequency.DAILY, at=EVENING)
    for number in range(POSTS_MAXIMUM + 5):
        at = LATER + timedelta(seconds=number)
        write(bob, f"Post number {number}: " + "x" * 480, mentions=[susan], at=at)
    look(app, MORNING)
    [received] = mailed(app, smtp, MORNING)
    assert received.message["Subject"] == f"{POSTS_MAXIMUM + 5} new posts and messages for you"
    text = received.text()
    assert "Post number 4:" not in text
    assert text.index("Post number 5:") < text.index("Post number 24:")
    assert "5 earlier posts are on the site:" in text
    assert len(received.text("html").encode()) < 102 * 1024, "Gmail cuts off what is longer"


def test_a_bundle_of_many_writers_names_the_newest_and_counts_all(
    app: Flask, smtp: ScriptedServer, susan: int, bob: int
) -> None:
    want(susan, Frequency.DAILY, at=EVENING)
    message(bob, "susan")
    for number in range(WRITERS_MAXIMUM):
        message(make_user(app, f"user{number}"), "susan", LATER + timedelta(minutes=1))
    look(app, MORNING)
    [received] = mailed(app, smtp, MORNING)
    assert received.message["Subject"] == f"{WRITERS_MAXIMUM + 1} new posts and messages for you"
    assert "@bob" not in received.text()
    assert "\nOlder conversations:\nhttp://localhost/messages\n" in received.text()
    assert 'http://localhost/messages"' in received.text("html")


@ON_SQLITE
def test_people_in_twenty_time_zones_get_one_a_day(app: Flask, bob: int) -> None:
    """Over the change of clocks in autumn, at an hour that comes twice or not at all."""
    begin = datetime(2026, 10, 20, tzinfo=UTC)
    zone_of = {}
    for number, zone in enumerate(ZONES):
        user_id = make_user(app, f"user{number}")
        want(user_id, Frequency.DAILY, EmailedKind.MENTION, hour=2, zone=zone, at=begin)
        zone_of[user_id] = ZoneInfo(zone)
        write(bob, mentions=[user_id], at=begin)
    with transaction() as writing:
        moved = min(zone_of)
        writing.execute(update(User).where(User.id == moved).values(time_zone="Asia/Tokyo"))
        follow_zone(writing, moved, "Asia/Tokyo", now=begin)
        zone_of[moved] = ZoneInfo("Asia/Tokyo")
    due = select(EmailPreference.next_at).order_by(EmailPreference.next_at).limit(1)
    now = begin
    found: dict[int, list[datetime]] = {user_id: [] for user_id in zone_of}
    while (now := db.session.scalars(due).one() or now) < begin + timedelta(days=21):
        look(app, now)
        with transaction() as writing:
            for row in writing.scalars(select(OutboxMessage)):
                found[row.arguments["user_id"]].append(now)
            writing.execute(delete(OutboxMessage))
        db.session.rollback()
    for user_id, moments in found.items():
        days = Counter(one.astimezone(zone_of[user_id]).date() for one in moments)
        assert set(days.values()) == {1}
        assert 20 <= len(days) <= 21
        assert (max(days) - min(days)).days + 1 == len(days), "a day was left out"


def test_mail_that_nobody_reads_stops_with_a_last_one(
    app: Flask, smtp: ScriptedServer, susan: int, bob: int
) -> None:
    want(susan, Frequency.DAILY, at=EVENING)
    day = MORNING
    while day - EVENING <= SILENCE:
        look(app, day)
        day += timedelta(days=1)
    assert rows() == []
    write(bob, mentions=[susan], at=day - timedelta(hours=1))
    for _ in range(3):
        look(app, day)
        day += timedelta(days=1)
    [received] = mailed(app, smtp, day)
    assert [row.kind for row in rows()] == [SILENCE_KIND]
    assert "this is our last email" in received.text().replace("\n", " ")
    assert "/settings/emails" in received.text()
    want(susan, Frequency.DAILY, at=day)
    write(bob, "Back again", mentions=[susan], at=day + timedelta(minutes=1))
    look(app, day + timedelta(days=1))
    [again] = mailed(app, smtp, day + timedelta(days=1))
    assert "Back again" in again.text()


@ON_SQLITE
def test_a_visit_keeps_the_mail(app: Flask, susan: int) -> None:
    want(susan, Frequency.WEEKLY, at=EVENING)
    seen(susan, EVENING + SILENCE)
    look(app, EVENING + SILENCE + timedelta(days=59))
    assert rows() == []
    look(app, EVENING + SILENCE + timedelta(days=68))
    assert [row.kind for row in rows()] == [SILENCE_KIND]


@pytest.mark.parametrize("database_url", [ENGINES[-1]], indirect=True)
def test_two_processes_that_look_at_once_enqueue_each_once(
    app: Flask, susan: int, bob: int
) -> None:
    if db.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    want(susan, Frequency.DAILY, at=EVENING)
    write(bob, mentions=[susan], at=LATER)
    outbox = state_of(app).outbox
    with db.sessionmaker() as one, db.sessionmaker() as other:
        enqueue_due(one, outbox, MORNING)
        enqueue_due(other, outbox, MORNING)
        other.commit()
        one.commit()
    look(app, MORNING)
    assert [row.kind for row in rows()] == [DIGEST_KIND]
