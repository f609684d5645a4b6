"""Whoever registers somebody else's address gains nothing, and its owner loses nothing by it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from microblog.accounts.lookup import find_by_email
from microblog.accounts.models import EmailChange, KnownBrowser, SecurityEvent, User
from microblog.database import db, transaction, utc_now
from tests.outbox_rows import rows
from tests.smtp_server import ScriptedServer
from tests.visitor import (
    Visitor,
    deliver_from,
    mailed_link,
    make_user,
    path_of,
    post_new_password,
    reset_link_for,
    words,
)

ADDRESS = "susan@example.com"
RESET = "Your password has been reset."
REFUSED = "This link no longer works"
TROJAN = "the stranger's password"


def user_named(app: Flask, name: str) -> User:
    with app.app_context():
        return db.session.scalars(select(User).where(User.username == name)).one()


def mail_reset(app: Flask, smtp: ScriptedServer) -> str:
    """The path of the link that the owner of the address gets."""
    Visitor(app).ask_for_reset(ADDRESS)
    deliver_from(app)
    return path_of(mailed_link(smtp))


def test_a_reset_by_the_owner_ends_all_that_a_stranger_began(
    app: Flask, smtp: ScriptedServer
) -> None:
    stranger = Visitor(app)
    stranger.register("trojan", email=ADDRESS, password=TROJAN)
    stranger.log_in("trojan", password=TROJAN, remember=True)
    number = user_named(app, "trojan").id
    now = utc_now()
    with app.app_context(), transaction() as writing:
        writing.add(KnownBrowser(user_id=number, digest=b"x" * 32))
        writing.add(EmailChange(user_id=number, old_email=ADDRESS, new_email="evil@example.org"))
        writing.execute(update(User).values(deletes_at=now + timedelta(days=7)))
    owner = Visitor(app)
    link = mail_reset(app, smtp)
    assert RESET in post_new_password(owner, link)
    user = user_named(app, "trojan")
    assert user.email_verified_at is not None
    assert user.deletes_at is None
    with app.app_context():
        assert db.session.scalars(select(EmailChange)).one().undone_at is not None
    assert "Short posts, newest first." in words(stranger.get("/"))
    assert "Wrong username or password." in words(Visitor(app).log_in("trojan", password=TROJAN))
    with app.app_context():
        known = select(KnownBrowser).where(KnownBrowser.digest == b"x" * 32)
        assert db.session.scalars(known).all() == []
        kinds = db.session.scalars(select(SecurityEvent.kind)).all()
    assert "email_verified" in kinds
    assert "Hi, trojan!" in words(owner.log_in(ADDRESS, password="a brand new password"))


def test_a_reset_goes_to_the_account_that_holds_the_address(
    app: Flask, smtp: ScriptedServer
) -> None:
    make_user(app, "owner", email=ADDRESS)
    make_user(app, "newer", email=ADDRESS, verified=False)
    link = mail_reset(app, smtp)
    assert "Dear owner," in smtp.received[-1].text()
    before = user_named(app, "newer").password_hash
    assert RESET in post_new_password(Visitor(app), link)
    assert "Hi, owner!" in words(Visitor(app).log_in("owner", password="a brand new password"))
    newer = user_named(app, "newer")
    assert (newer.password_hash, newer.email_verified_at) == (before, None)


def test_where_nobody_holds_the_address_the_newest_account_is_meant(app: Flask) -> None:
    for name in ("first", "second"):
        make_user(app, name, email=ADDRESS, verified=False)
    with app.app_context():
        found = find_by_email(db.session, "SUSAN@example.com")
        assert found is not None
        assert found.username == "second"


def test_a_reset_makes_the_other_claims_void(app: Flask, smtp: ScriptedServer) -> None:
    stranger = Visitor(app)
    stranger.register("trojan", email=ADDRESS, password=TROJAN)
    deliver_from(app)
    verify = path_of(mailed_link(smtp))
    make_user(app, "susan", email=ADDRESS, verified=False)
    assert RESET in post_new_password(Visitor(app), mail_reset(app, smtp))
    assert user_named(app, "susan").email_verified_at is not None
    page = stranger.submit(verify, {"confirm": "y"}, token=stranger.csrf_token("/login"))
    assert "Another account has this email" in words(page)
    assert user_named(app, "trojan").email_verified_at is None


def test_a_reset_link_is_dead_where_another_account_proved_the_address_meanwhile(
    app: Flask,
) -> None:
    make_user(app, "late", email=ADDRESS, verified=False)
    link = reset_link_for(app, ADDRESS)
    make_user(app, "owner", email=ADDRESS)
    assert REFUSED in post_new_password(Visitor(app), link)
    late = user_named(app, "late")
    assert late.email_verified_at is None
    assert "Hi, late!" in words(Visitor(app).log_in("late"))


@pytest.mark.parametrize("verified", [True, False])
def test_a_disabled_account_gets_no_reset_and_its_links_are_dead(
    app: Flask, smtp: ScriptedServer, verified: bool
) -> None:
    make_user(app, "susan", email=ADDRESS, verified=verified)
    link = reset_link_for(app, ADDRESS)
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).values(disabled_at=utc_now()))
    Visitor(app).ask_for_reset(ADDRESS)
    deliver_from(app)
    assert smtp.received == []
    (row,) = rows(app)
    assert (row.status, row.answer) == ("discarded", "The account is disabled.")
    assert REFUSED in words(Visitor(app).get(link))
    assert REFUSED in post_new_password(Visitor(app), link)
