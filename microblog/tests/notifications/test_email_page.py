"""The page where people choose what they are emailed, and what becomes of their choice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.ctx import AppContext
from sqlalchemy import delete, func, select, update

from flask_outbox import MessageEvent, Status, current_outbox, message_complained
from flask_outbox.operations import is_opted_out
from microblog.accounts.models import LoginSession, User
from microblog.database import db, transaction, utc_now
from microblog.notifications.email_preferences import LIST, Frequency, choice_of
from microblog.notifications.models import EmailPreference
from microblog.notifications.personal_data import collect
from tests.notifications.emailing import want
from tests.visitor import ON_SQLITE, Visitor, error_beside, make_user, path_of, words

PAGE = "/settings/emails"
FIELDS: dict[str, object] = {
    "reply": "at_once",
    "mention": "daily",
    "message": "weekly",
    "hour": "18",
    "weekday": "4",
}


@pytest.fixture
def reader(app: Flask, susan: int) -> Visitor:
    visitor = Visitor(app)
    visitor.log_in("susan")
    return visitor


def chosen(app: Flask, user_id: int) -> EmailPreference | None:
    with app.app_context():
        return db.session.get(EmailPreference, user_id)


def test_what_was_chosen_is_kept(app: Flask, reader: Visitor, susan: int) -> None:
    assert choice_of(chosen(app, susan)).frequencies == dict.fromkeys(
        choice_of(None).frequencies, Frequency.NEVER
    )
    reader.client.set_cookie("time_zone", "Europe/Berlin")
    assert "Your changes have been saved." in words(reader.submit(PAGE, FIELDS))
    kept = chosen(app, susan)
    assert kept
    assert (kept.reply, kept.mention, kept.message) == ("at_once", "daily", "weekly")
    assert (kept.hour, kept.weekday, kept.time_zone) == (18, 4, "Europe/Berlin")
    assert kept.next_at
    assert kept.next_at > utc_now()
    page = reader.get(PAGE).text
    for value in ("at_once", "daily", "weekly", "18", "4"):
        assert f'<option selected value="{value}">' in page
    assert "The hour is that of your time zone: Berlin." in words(reader.get(PAGE))
    reader.submit(PAGE, {**FIELDS, "reply": "never", "mention": "never", "message": "never"})
    kept = chosen(app, susan)
    assert kept
    assert kept.next_at is None, "nobody is looked after who wants nothing"


@ON_SQLITE
def test_the_zone_of_the_account_counts_before_that_of_the_browser(
    app: Flask, reader: Visitor, susan: int
) -> None:
    reader.client.set_cookie("time_zone", "Europe/Berlin")
    reader.submit(PAGE, {**FIELDS, "hour": "6"})
    before = chosen(app, susan)
    assert before
    assert before.next_at
    reader.submit("/settings/language", {"language": "", "time_zone": "Asia/Taipei"})
    after = chosen(app, susan)
    assert after
    assert after.next_at
    assert after.next_at.astimezone(UTC).hour == 22
    assert "Taipei" in words(reader.get(PAGE))


@ON_SQLITE
@pytest.mark.parametrize(
    ("field", "value"),
    [("reply", "hourly"), ("message", ""), ("hour", "24"), ("hour", "x"), ("weekday", "-1")],
)
def test_nothing_else_can_be_chosen(
    app: Flask, reader: Visitor, susan: int, field: str, value: str
) -> None:
    page = reader.submit(PAGE, {**FIELDS, field: value})
    assert error_beside(page, field)
    assert chosen(app, susan) is None


@ON_SQLITE
def test_the_page_is_for_members(app: Flask) -> None:
    assert Visitor(app).get(PAGE).request.path == "/login"


@ON_SQLITE
def test_who_is_not_confirmed_is_told_that_it_waits(app: Flask) -> None:
    make_user(app, "eve", verified=False)
    visitor = Visitor(app)
    visitor.log_in("eve")
    assert "once your email is confirmed" in words(visitor.get(PAGE))


def test_what_stopped_by_itself_begins_again_when_it_is_saved(
    app: Flask, reader: Visitor, susan: int
) -> None:
    reader.submit(PAGE, FIELDS)
    with app.app_context(), transaction() as writing:
        stopped = {"stopped_at": utc_now(), "next_at": None}
        writing.execute(update(EmailPreference).values(**stopped))
    assert "These emails stopped" in words(reader.get(PAGE))
    reader.submit(PAGE, FIELDS)
    kept = chosen(app, susan)
    assert kept
    assert kept.stopped_at is None
    assert kept.next_at
    assert "These emails stopped" not in words(reader.get(PAGE))


def test_the_choice_is_exported_and_deleted_with_the_account(
    app_context: AppContext, susan: int
) -> None:
    assert collect(db.session, susan)["email_preferences"] is None
    want(susan, Frequency.DAILY, zone="Europe/Berlin")
    db.session.rollback()
    exported = collect(db.session, susan)["email_preferences"]
    assert exported["reply"] == "daily"
    assert exported["time_zone"] == "Europe/Berlin"
    with transaction() as writing:
        writing.execute(delete(User).where(User.id == susan))
    assert db.session.scalar(select(func.count()).select_from(EmailPreference)) == 0


@ON_SQLITE
def test_a_visit_is_remembered(app: Flask, reader: Visitor, susan: int) -> None:
    """Silence counts from it."""
    assert utc_now() - last_seen(app, susan) < timedelta(minutes=5)
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).values(last_seen_at=utc_now() - timedelta(days=50)))
        writing.execute(update(LoginSession).values(seen_at=utc_now() - timedelta(hours=1)))
    reader.get("/")
    assert utc_now() - last_seen(app, susan) < timedelta(minutes=5)


def unsubscribe_path(app: Flask) -> str:
    with app.app_context():
        return path_of(current_outbox().unsubscribe_url("susan@example.com", LIST))


def test_one_click_stops_the_emails_until_they_are_wanted_again(
    app: Flask, reader: Visitor, susan: int
) -> None:
    reader.submit(PAGE, FIELDS)
    path = unsubscribe_path(app)
    app.test_client().post(path, data={"List-Unsubscribe": "One-Click"})
    kept = chosen(app, susan)
    assert kept
    assert kept.stopped_at
    assert kept.next_at is None
    assert "You unsubscribed from these emails" in words(reader.get(PAGE))
    again = {"page": "y", "resubscribe": LIST}
    app.test_client().post(path, data=again)
    kept = chosen(app, susan)
    assert kept
    assert kept.stopped_at is None
    assert kept.next_at
    assert kept.mention == "daily"
    app.test_client().post(path)
    reader.submit(PAGE, FIELDS)
    assert "You unsubscribed" not in words(reader.get(PAGE))
    with app.app_context():
        assert not is_opted_out(db.session, "susan@example.com", LIST, now=utc_now().timestamp())


@ON_SQLITE
def test_who_unsubscribed_under_another_address_is_not_only_told_of_silence(
    app: Flask, reader: Visitor, susan: int
) -> None:
    reader.submit(PAGE, FIELDS)
    app.test_client().post(unsubscribe_path(app))
    with app.app_context(), transaction() as writing:
        new = {"email": "new@example.com", "email_key": "new@example.com"}
        writing.execute(update(User).where(User.id == susan).values(**new))
    assert "since you ended them or hadn't been here for 60 days" in words(reader.get(PAGE))


@ON_SQLITE
def test_whoever_claims_an_address_takes_back_nothing(app: Flask, susan: int) -> None:
    app.test_client().post(unsubscribe_path(app))
    make_user(app, "eve", email="susan@example.com", verified=False)
    eve = Visitor(app)
    eve.log_in("eve")
    assert "unsubscribed" not in words(eve.get(PAGE))
    eve.submit(PAGE, FIELDS)
    with app.app_context():
        assert is_opted_out(db.session, "susan@example.com", LIST, now=utc_now().timestamp())


@ON_SQLITE
def test_a_complaint_stops_the_emails(app: Flask, reader: Visitor, susan: int) -> None:
    reader.submit(PAGE, FIELDS)
    with app.app_context():
        event = MessageEvent(1, "notifications.digest", "Susan@example.com", Status.COMPLAINED)
        message_complained.send(app, event=event)
    kept = chosen(app, susan)
    assert kept
    assert kept.next_at is None


def last_seen(app: Flask, user_id: int) -> datetime:
    with app.app_context():
        seen = db.session.get_one(User, user_id).last_seen_at
    assert seen
    return seen
