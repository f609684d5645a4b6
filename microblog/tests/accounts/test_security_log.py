"""What happened to an account, as its owner reads it: events and mail, in one list."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from flask_outbox import address_key, current_outbox
from flask_outbox.outbox.models import ACCEPTED, MailEvent, OutboxMessage, Status
from microblog.accounts.audit import security_log
from microblog.accounts.audit.security_log import (
    KEPT,
    PRUNED_AT_ONCE,
    Cursor,
    Group,
    Page,
    SecurityEventType,
    prune_events,
    record,
)
from microblog.accounts.models import EmailChange, SecurityEvent, User
from microblog.accounts.pages import labels
from microblog.database import db, transaction, utc_now
from tests.outbox_rows import rows
from tests.scopes import HERE, scope_at
from tests.smtp_server import ScriptedServer
from tests.visitor import ON_SQLITE, Visitor, mailed_link, make_user, words

PAGE = "/settings/security"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
NEW = "a brand new password"
ASKED = "A link to choose a new password was requested."

Deliver = Callable[[], int]


@pytest.fixture
def susan(app: Flask) -> int:
    number = make_user(app, "susan")
    change(app, number, email_verified_at=NOW - timedelta(days=200))
    change(app, number, registered_at=NOW - timedelta(days=200))
    return number


def change(app: Flask, number: int, **values: object) -> None:
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).where(User.id == number).values(values))


def event(
    app: Flask, number: int, happening: SecurityEventType, at: datetime, **details: str
) -> None:
    with app.app_context(), transaction() as writing:
        record(writing, number, happening, scope_at(at), **details)


def mail(
    app: Flask,
    at: datetime,
    *,
    to: str = "susan@example.com",
    kind: str = "accounts.reset_password",
) -> None:
    with app.app_context(), transaction() as writing:
        outbox = current_outbox()
        outbox.clock = at.timestamp
        row_id = outbox.enqueue(writing, kind, to)
        writing.get_one(OutboxMessage, row_id).status = Status.SENT


def page(app: Flask, number: int, *, now: datetime = NOW, **options: object) -> Page:
    with app.app_context():
        user = db.session.get_one(User, number)
        return security_log.history(db.session, user, now=now, **options)  # type: ignore[arg-type]


def kinds(app: Flask, number: int, group: Group = Group.ALL) -> list[str]:
    return [entry.kind for entry in page(app, number, group=group).entries]


def test_events_and_mail_are_one_list_newest_first(app: Flask, susan: int) -> None:
    bob = make_user(app, "bob")
    event(app, susan, SecurityEventType.LOGGED_OUT, NOW - 3 * SECOND)
    mail(app, NOW - 2 * SECOND)
    event(app, bob, SecurityEventType.LOGGED_IN, NOW - SECOND)
    mail(app, NOW - SECOND, to="bob@example.com")
    event(app, susan, SecurityEventType.PASSWORD_RESET, NOW)
    found = page(app, susan)
    assert [entry.kind for entry in found.entries] == [
        "password_reset",
        "accounts.reset_password",
        "logged_out",
    ]
    assert [entry.at for entry in found.entries] == [NOW, NOW - 2 * SECOND, NOW - 3 * SECOND]
    assert found.entries[0].origin == HERE
    assert (found.older, found.newer) == (None, None)


@pytest.mark.parametrize(
    ("group", "seen"),
    [
        (Group.ALL, ["reported", "accounts.reset_password", "logged_in"]),
        (Group.ACCESS, ["logged_in"]),
        (Group.CHANGES, ["reported"]),
        (Group.MAIL, ["accounts.reset_password"]),
    ],
)
def test_groups(app: Flask, susan: int, group: Group, seen: list[str]) -> None:
    event(app, susan, SecurityEventType.LOGGED_IN, NOW - 2 * SECOND)
    mail(app, NOW - SECOND)
    event(app, susan, SecurityEventType.REPORTED, NOW)
    assert kinds(app, susan, group=group) == seen


def test_pages_lead_to_each_other_whatever_happened_at_one_moment(app: Flask, susan: int) -> None:
    for index in range(12):
        moment = NOW + timedelta(microseconds=index // 4)
        event(app, susan, SecurityEventType.LOGGED_IN, moment, email=str(index))
        mail(app, moment)
    whole = page(app, susan, now=NOW + SECOND, count=100)
    order = [entry.cursor for entry in whole.entries]
    assert len(set(order)) == 24
    seen: list[Cursor] = []
    found = page(app, susan, now=NOW + SECOND, count=5)
    assert found.newer is None
    while True:
        seen += [entry.cursor for entry in found.entries]
        if found.older is None:
            break
        cursor = Cursor.of(str(found.older), None)
        found = page(app, susan, now=NOW + SECOND, count=5, cursor=cursor)
    assert seen == order
    back = [entry.cursor for entry in found.entries]
    while found.newer is not None:
        cursor = Cursor.of(None, str(found.newer))
        found = page(app, susan, now=NOW + SECOND, count=5, cursor=cursor)
        assert found.older is not None
        back = [entry.cursor for entry in found.entries] + back
    assert back == order


@pytest.mark.parametrize(
    "text",
    [
        *(None, "", "x", "1", "1.5-x-3", "1.5-e-", "-1.5-e-3", "nan-e-1", "1.5-e-٣", "1.5-e-3\n"),
        *("99999999999.5-e-1", "1.5-e-1234567890123456789"),
    ],
)
def test_nonsense_is_no_cursor(text: str | None) -> None:
    assert Cursor.of(text, text) is None


@pytest.mark.parametrize("at", [0.5, 1772366400.123457, 9999999999.999999])
def test_a_cursor_survives_being_written(app: Flask, susan: int, at: float) -> None:
    for is_older in (True, False):
        cursor = Cursor(at, is_event=True, id=10**18 - 1, is_older=is_older)
        written = [str(cursor), "x"] if is_older else ["x", str(cursor)]
        read = Cursor.of(*written)
        assert (read, read and read.is_older) == (cursor, is_older)
        page(app, susan, cursor=read)


def test_what_is_older_than_90_days_is_neither_shown_nor_kept(app: Flask, susan: int) -> None:
    assert timedelta(days=90) == KEPT
    for at in (NOW - KEPT, NOW - KEPT - SECOND):
        event(app, susan, SecurityEventType.LOGGED_IN, at)
        mail(app, at)
    assert [entry.at for entry in page(app, susan).entries] == [NOW - KEPT] * 2
    with app.app_context(), transaction() as writing:
        assert not prune_events(writing, NOW)
        assert writing.scalars(select(SecurityEvent.at)).all() == [NOW - KEPT]


@ON_SQLITE
def test_many_old_events_go_in_batches(app: Flask, susan: int) -> None:
    with app.app_context(), transaction() as writing:
        for _ in range(PRUNED_AT_ONCE + 1):
            record(writing, susan, SecurityEventType.LOGGED_IN, scope_at(NOW - 2 * KEPT))
        writing.flush()
        assert prune_events(writing, NOW)
        assert not prune_events(writing, NOW)
        assert writing.scalar(select(func.count()).select_from(SecurityEvent)) == 0


# Whose mail it is


def test_whoever_only_claims_an_address_sees_no_mail_to_it(app: Flask, susan: int) -> None:
    mallory = make_user(app, "mallory", email="other@example.com")
    change(
        app,
        mallory,
        email="susan@example.com",
        email_key="susan@example.com",
        email_verified_at=None,
        registered_at=NOW - timedelta(days=200),
    )
    mail(app, NOW)
    assert kinds(app, mallory) == []
    assert kinds(app, susan) == ["accounts.reset_password"]


def test_mail_of_other_kinds_is_not_shown(app: Flask, susan: int) -> None:
    mail(app, NOW, kind="mail.ready")
    assert kinds(app, susan) == []


def moved(
    app: Flask,
    number: int,
    old: str,
    new: str,
    at: datetime,
    *,
    verified: bool = True,
    undone: datetime | None = None,
) -> None:
    with app.app_context(), transaction() as writing:
        writing.add(
            EmailChange(
                user_id=number,
                old_email=old,
                new_email=new,
                requested_at=at - SECOND,
                confirmed_at=at,
                undo_until=at + timedelta(hours=72) if verified else None,
                undone_at=undone,
            )
        )
    now = old if undone else new
    change(app, number, email=now, email_key=address_key(now))


def mails_at(app: Flask, days: dict[int, tuple[str, ...]]) -> None:
    for day, addresses in days.items():
        for to in addresses:
            mail(app, NOW + timedelta(days=day), to=to)


def days_seen(app: Flask, number: int) -> list[int]:
    found = page(app, number, now=NOW + timedelta(days=50))
    return [(entry.at - NOW).days for entry in found.entries]


OLD, NEWER, NEWEST = "susan@example.com", "new@example.com", "newest@example.com"
BOTH = (OLD, NEWER, NEWEST)


def test_after_a_change_of_address_each_ones_mail_of_its_own_time(app: Flask, susan: int) -> None:
    moved(app, susan, OLD, NEWER, NOW + timedelta(days=10))
    moved(app, susan, NEWER, NEWEST, NOW + timedelta(days=20))
    mails_at(app, {5: (OLD,), 15: (NEWER,), 25: (NEWEST,)})
    mails_at(app, {6: (NEWER, NEWEST), 16: (OLD, NEWEST), 26: (OLD, NEWER)})
    assert days_seen(app, susan) == [25, 15, 5]


def test_after_an_undone_change_too(app: Flask, susan: int) -> None:
    back = NOW + timedelta(days=30)
    moved(app, susan, OLD, NEWER, NOW + timedelta(days=10), undone=back)
    moved(app, susan, NEWER, NEWEST, NOW + timedelta(days=20), undone=back)
    change(app, susan, email=OLD, email_key=OLD)
    mails_at(app, {5: (OLD,), 15: (NEWER,), 25: (NEWEST,), 35: (OLD,)})
    mails_at(app, {6: (NEWER,), 16: (OLD, NEWEST), 26: (OLD, NEWER), 36: (NEWER, NEWEST)})
    assert days_seen(app, susan) == [35, 25, 15, 5]


def test_an_address_that_was_only_claimed_before_it_was_changed_shows_nothing(
    app: Flask, susan: int
) -> None:
    moved(app, susan, OLD, NEWER, NOW + timedelta(days=10), verified=False)
    mails_at(app, {5: (OLD,), 15: (NEWER,)})
    assert days_seen(app, susan) == [15]


# The page


def test_a_forgotten_password_from_asking_to_the_new_one(
    app: Flask, visitor: Visitor, susan: int, deliver: Deliver, smtp: ScriptedServer
) -> None:
    visitor.ask_for_reset("susan@example.com")
    deliver()
    visitor.choose_password(mailed_link(smtp), NEW)
    smtp.script = {"rcpt": "451 4.7.1 Greylisted, <b>later</b>"}
    deliver()
    visitor.log_in("susan", password=NEW)
    shown = visitor.get(PAGE)
    said = words(shown)
    for sentence in (
        f"{ASKED} ",
        "127.0.0.0/24 Email sent.",
        "The password was reset by email.",
        "Email: your password was changed.",
        "The email is delayed and will be tried again.",
        "The mail server said: 451 4.7.1 Greylisted, <b>later</b>",
    ):
        assert sentence in said
    assert said.index("The password was reset") < said.index(ASKED)
    _menu, log = said.split("Don't recognise something?")
    assert "susan@example.com" not in log
    for moment in re.findall(r'<time datetime="([^"]+)">', shown.get_data(as_text=True)):
        assert abs(datetime.fromisoformat(moment) - utc_now()) < timedelta(minutes=5)


@ON_SQLITE
@pytest.mark.parametrize(
    ("status", "meaning", "sentences"),
    [
        (Status.SENT, "", ["Email sent.", "look in the spam folder"]),
        (Status.DELIVERED, "delivered", ["Email sent.", "It was delivered."]),
        (
            Status.BOUNCED,
            "full",
            ["It came back.", "mailbox is full", "your email provider"],
        ),
        (Status.COMPLAINED, "complaint", ["It was reported as spam.", "Mark it as no spam"]),
    ],
)
def test_what_became_of_an_email_after_it_was_sent(
    app: Flask,
    visitor: Visitor,
    susan: int,
    deliver: Deliver,
    status: Status,
    meaning: str,
    sentences: list[str],
) -> None:
    visitor.ask_for_reset("susan@example.com")
    deliver()
    reported_at = utc_now().timestamp() + 3600
    with app.app_context(), transaction() as writing:
        message = writing.scalars(select(OutboxMessage)).one()
        message.status = status
        for number, (told, trusted) in enumerate(
            [("dead", False), (meaning, True), (meaning, True), ("delayed", True)]
        ):
            words_of_server = "552 The mailbox is full" if trusted else "550 Forged"
            writing.add(
                MailEvent(
                    source="imap",
                    event_id=str(number),
                    recipient_key="susan@example.com",
                    at=reported_at + number,
                    outbox_id=message.id,
                    meaning=told,
                    words=words_of_server,
                    trusted=trusted,
                )
            )
    visitor.log_in("susan")
    shown = visitor.get(f"{PAGE}?show=mail")
    for sentence in sentences:
        assert sentence in words(shown)
    assert "Forged" not in words(shown)
    moment = datetime.fromtimestamp(reported_at + 1, UTC).replace(microsecond=0).isoformat()
    assert (moment[:19] in shown.text) == bool(meaning)
    assert "spam folder" not in words(visitor.get(PAGE))


def test_more_than_a_page(app: Flask, visitor: Visitor, susan: int) -> None:
    start = utc_now() - timedelta(hours=1)
    for index in range(70):
        event(app, susan, SecurityEventType.EXPORTED, start + index * SECOND)
    visitor.log_in("susan")
    shown = visitor.get(f"{PAGE}?show=changes")
    counts = [words(shown).count("The account's data was downloaded.")]
    assert "Newer" not in words(shown)
    while "Older" in words(shown):
        html = shown.get_data(as_text=True)
        (link,) = re.findall(r'<a [^>]*rel="next" href="([^"]+)"', html)
        assert "show=changes" in link
        shown = visitor.get(link.replace("&amp;", "&"))
        counts.append(words(shown).count("The account's data was downloaded."))
    assert counts == [30, 30, 10]
    (link,) = re.findall(r'<a [^>]*rel="prev" href="([^"]+)"', shown.get_data(as_text=True))
    shown = visitor.get(link.replace("&amp;", "&"))
    assert words(shown).count("The account's data was downloaded.") == 30


@pytest.mark.parametrize("query", ["show=nothing", "before=x", "after=%00", "before=1.5-e-1"])
def test_a_strange_address_shows_a_page(
    app: Flask, visitor: Visitor, susan: int, query: str
) -> None:
    visitor.log_in("susan")
    shown = visitor.get(f"{PAGE}?{query}")
    assert shown.status_code == 200
    assert "Security log" in words(shown)


def test_a_stranger_is_sent_to_the_log_in(visitor: Visitor) -> None:
    assert visitor.get(PAGE).request.path == "/login"


def test_everything_that_can_happen_has_its_words() -> None:
    assert set(labels.EVENTS) == set(SecurityEventType)
    assert set(labels.OUTCOMES) == set(Status)
    assert set(labels.REPORTS) == {*ACCEPTED} - {Status.SENT}
    assert set(labels.GROUPS) == set(Group)


@ON_SQLITE
def test_what_has_no_words_any_more_is_shown_all_the_same(app: Flask, susan: int) -> None:
    with app.app_context(), transaction() as writing:
        writing.add(SecurityEvent(user_id=susan, kind="of_another_time", at=NOW))
    mail(app, NOW - SECOND)
    with app.app_context(), transaction() as writing:
        writing.execute(update(OutboxMessage).values(kind="accounts.of_another_time"))
    with app.test_request_context():
        said = [str(labels.line(entry).what) for entry in page(app, susan).entries]
    assert said == ["Something happened to the account.", "An email about the account."]


def test_the_request_of_a_reset_is_the_same_row_for_everybody(
    app: Flask, visitor: Visitor, susan: int
) -> None:
    visitor.ask_for_reset("susan@example.com")
    visitor.ask_for_reset("nobody@example.com")
    known, unknown = ({**row.arguments} for row in rows(app))
    assert set(known) == {"at", "browser", "address", "nonce_digest"}
    assert known["address"] == "127.0.0.0/24"
    # Whole seconds are equally long, whenever it was, and so is any digest.
    for one in (known, unknown):
        assert isinstance(one.pop("at"), int)
        assert len(bytes.fromhex(one.pop("nonce_digest"))) == 32
    assert known == unknown
