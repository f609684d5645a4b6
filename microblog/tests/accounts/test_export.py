"""All that the site holds about a person, for themselves."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import inspect, update

from flask_outbox import current_outbox
from flask_outbox.operations import opt_out
from flask_outbox.outbox.models import MailEvent, OutboxMessage
from microblog.accounts.actions.password_reset import RESET_KIND
from microblog.accounts.models import EmailChange, KnownBrowser, User
from microblog.database import db, transaction, utc_now
from microblog.people.models import Avatar, Block, Follow, Mute, Profile
from tests.smtp_server import ScriptedServer
from tests.visitor import PASSWORD, Visitor, deliver_from, error_beside, make_user, words

PATH = "/settings/export"
HERE = {"browser": "Firefox on Linux", "address": "203.0.113.0/24"}
DOCUMENTED = Path(__file__).parents[3] / "docs" / "accounts.md"


@pytest.fixture
def susan(app: Flask) -> int:
    return make_verified(app, "susan")


@pytest.fixture
def owner(app: Flask, susan: int) -> Visitor:
    visitor = Visitor(app)
    visitor.log_in("susan")
    return visitor


def make_verified(app: Flask, name: str) -> int:
    number = make_user(app, name)
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).where(User.id == number).values(email_verified_at=utc_now()))
    return number


def download(visitor: Visitor, password: str = PASSWORD) -> Any:
    return visitor.submit(PATH, {"current_password": password})


def exported(visitor: Visitor) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(download(visitor).get_data())
    return found


def test_it_is_a_file_that_no_cache_keeps(owner: Visitor) -> None:
    answer = download(owner)
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    assert answer.headers["Content-Disposition"] == "attachment; filename=microblog-susan.json"
    assert answer.headers["Cache-Control"] == "no-store"
    answer.get_data().decode("utf-8")


@pytest.mark.parametrize(
    ("password", "said"),
    [("", "This field is required."), ("wrong", "This isn't your current password.")],
)
def test_it_needs_the_password(owner: Visitor, password: str, said: str) -> None:
    page = download(owner, password)
    assert page.mimetype == "text/html"
    assert error_beside(page, "current_password") == said
    assert owner.get(PATH).mimetype == "text/html"


def test_it_needs_a_log_in_and_the_token_of_the_form(app: Flask, owner: Visitor) -> None:
    stranger = Visitor(app)
    token = stranger.csrf_token("/login")
    fields: dict[str, object] = {"current_password": PASSWORD}
    assert stranger.submit(PATH, fields, token=token).request.path == "/login"
    assert owner.submit(PATH, fields, token="forged").status_code == 400


def test_a_name_in_another_script_names_the_file(app: Flask) -> None:
    make_verified(app, "зоя")
    zoya = Visitor(app)
    zoya.log_in("зоя")
    named = download(zoya).headers["Content-Disposition"]
    assert "filename*=UTF-8''microblog-%D0%B7%D0%BE%D1%8F.json" in named


def test_it_holds_what_the_person_did(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    bob, eve = make_verified(app, "bob"), make_verified(app, "eve")
    owner.submit("/", {"post": "Grüße 🌍"})
    owner.submit("/settings/email", {"email": "new@example.com", "current_password": PASSWORD})
    deliver_from(app)
    with app.app_context(), transaction() as writing:
        writing.add(KnownBrowser(user_id=susan, digest=b"x" * 32))
        writing.add(Follow(follower_id=susan, followed_id=bob))
        writing.add(Follow(follower_id=eve, followed_id=susan))
        writing.add(Block(blocker_id=susan, blocked_id=eve))
        writing.add(Block(blocker_id=bob, blocked_id=susan))
        writing.add(Mute(muter_id=susan, muted_id=bob))
        writing.merge(Profile(user_id=susan, about_me="I write.", avatar_digest="d"))
        writing.merge(Avatar(user_id=susan, content=b"picture"))
    found = exported(owner)
    assert found["account"]["username"] == "susan"
    assert found["account"]["email"] == "susan@example.com"
    assert re.fullmatch(r"2\d{3}-\d\d-\d\dT[\d:.]+\+00:00", found["account"]["registered_at"])
    assert len(found["sessions"]) == 1
    assert found["known_browsers"]
    assert [one["kind"] for one in found["security_events"]][-2:] == [
        "email_change_asked",
        "exported",
    ]
    assert [one["new_email"] for one in found["email_changes"]] == ["new@example.com"]
    assert [one["kind"] for one in found["mail"]] == ["accounts.email_change_notice"]
    assert found["mail"][0]["status"] == "sent"
    assert [one["body"] for one in found["posts"]] == ["Grüße 🌍"]
    assert found["following"] == ["bob"]
    assert found["followers"] == ["eve"]
    assert found["blocked"] == ["eve"]
    assert found["muted"] == ["bob"]
    assert found["profile"] == {"about_me": "I write.", "avatar": "cGljdHVyZQ=="}


def test_it_holds_nothing_of_others_and_no_secret(app: Flask, susan: int, owner: Visitor) -> None:
    make_verified(app, "bob")
    bob = Visitor(app)
    bob.log_in("bob")
    bob.submit("/", {"post": "A post of bob"})
    text = download(owner).get_data(as_text=True)
    with app.app_context():
        user = db.session.get_one(User, susan)
        assert user.password_hash not in text
    assert "argon2" not in text
    assert "bob" not in text
    assert not re.search(r"digest|password_hash|secret|token", text)


def test_who_never_proved_the_address_learns_nothing_of_mail_to_it(
    app: Flask, smtp: ScriptedServer
) -> None:
    make_user(app, "eve", verified=False)
    eve = Visitor(app)
    eve.log_in("eve")
    Visitor(app).ask_for_reset("eve@example.com")
    deliver_from(app)
    assert smtp.received
    assert exported(eve)["mail"] == []


def test_of_mail_to_a_former_owner_of_the_address_it_holds_nothing(
    app: Flask, susan: int, owner: Visitor
) -> None:
    """And of mail to an address that was Susan's, what went there while it was."""
    now = utc_now()
    bob = make_verified(app, "bob")
    susan_since = now - timedelta(days=10)
    with app.app_context(), transaction() as writing:
        for number, old, new, days in (
            (bob, "susan@example.com", "bob@example.com", 20),
            (susan, "earlier@example.com", "susan@example.com", 8),
        ):
            moment = now - timedelta(days=days)
            writing.add(
                EmailChange(
                    user_id=number,
                    old_email=old,
                    new_email=new,
                    requested_at=moment,
                    confirmed_at=moment,
                    undo_until=moment,
                )
            )
        writing.execute(update(User).where(User.id == susan).values(registered_at=susan_since))
        for address in ("susan@example.com", "earlier@example.com"):
            for days in (30, 9, 5):
                row_id = current_outbox().enqueue(writing, RESET_KIND, address, arguments=HERE)
                row = writing.get_one(OutboxMessage, row_id)
                row.created_at = (now - timedelta(days=days)).timestamp()
    mail = [(one["to"], one["at"][:10]) for one in exported(owner)["mail"]]
    assert mail == [
        ("earlier@example.com", f"{now - timedelta(days=9):%Y-%m-%d}"),
        ("susan@example.com", f"{now - timedelta(days=5):%Y-%m-%d}"),
    ]


def test_it_tells_what_came_back_and_which_lists_were_left(
    app: Flask, susan: int, owner: Visitor
) -> None:
    now = utc_now().timestamp()
    before = now - timedelta(days=400).total_seconds()
    with app.app_context(), transaction() as writing:
        for number, (address, at) in enumerate(
            [("susan@example.com", now), ("susan@example.com", before), ("bob@example.com", now)]
        ):
            writing.add(
                MailEvent(
                    source="pipe",
                    event_id=str(number),
                    recipient_key=address,
                    at=at,
                    meaning="full",
                    code="4.2.2",
                    words="Mailbox full",
                    trusted=True,
                )
            )
            opt_out(writing, address, f"list-{number}", now=at)
    found = exported(owner)
    ((event),) = found["mail_events"]
    assert (event["to"], event["meaning"], event["words"]) == (
        "susan@example.com", "full", "Mailbox full",
    )  # fmt: skip
    assert [one["list"] for one in found["mail_opt_outs"]] == ["list-0", "list-1"]
    assert found["mail_opt_outs"][0]["reason"] == "unsubscribed"


def test_nothing_that_refers_to_a_person_is_forgotten(app: Flask, owner: Visitor) -> None:
    """A new table about people must be thought of here, and in the export."""
    with app.app_context():
        schema = inspect(db.engine)
        about = {
            table
            for table in schema.get_table_names()
            for key in schema.get_foreign_keys(table)
            if key["referred_table"] == "users"
        }
    assert about == {
        "authenticators",
        "avatars",
        "blocks",
        "conversations",
        "email_preferences",
        "email_changes",
        "follows",
        "invitations",
        "known_browsers",
        "likes",
        "mentions",
        "message_preferences",
        "messages",
        "mutes",
        "name_terms",
        "notification_preferences",
        "notifications",
        "participations",
        "passkeys",
        "posts",
        "profiles",
        "recovery_codes",
        "removals",
        "reports",
        "security_events",
        "sessions",
    }


def test_its_shape_is_the_documented_one(app: Flask, owner: Visitor) -> None:
    documented = DOCUMENTED.read_text().partition("\n## Export\n")[2]
    table = re.findall(r"^\| `(\w+)` \|", documented, re.MULTILINE)
    assert list(exported(owner)) == table


def test_the_page(owner: Visitor) -> None:
    page = owner.get(PATH)
    assert "<h1>Export your data</h1>" in page.get_data(as_text=True)
    assert "Passwords aren't included." in words(page)
