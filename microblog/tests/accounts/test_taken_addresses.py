"""An address that is another account's: the action takes back what it did, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session, object_session

from flask_outbox import current_outbox
from microblog.accounts.actions.password_reset import reset_password, reset_token
from microblog.accounts.actions.registration import TakenError, create_account
from microblog.accounts.actions.verification import Verification, verification_token, verify
from microblog.accounts.audit.security_log import SecurityEventType, record
from microblog.accounts.keys import token_keys
from microblog.accounts.models import EmailChange, SecurityEvent, User
from microblog.database import db, transaction, utc_now
from tests.scopes import scope_at
from tests.visitor import make_user

ADDRESS = "susan@example.com"
HOUR = timedelta(hours=1)


def prove(owner: User, now: datetime) -> None:
    owner.email = owner.email_key = ADDRESS
    owner.email_verified_at = now - HOUR


def leave(owner: User, now: datetime) -> None:
    """The owner changed to another address an hour ago, and can undo that."""
    change = EmailChange(
        user_id=owner.id,
        old_email=ADDRESS,
        new_email=owner.email,
        requested_at=now - HOUR,
        confirmed_at=now - HOUR,
        undo_until=now + HOUR,
    )
    session = object_session(owner)
    assert session is not None
    session.add(change)


def verifies(session: Session, claimant: User, now: datetime) -> bool:
    token = verification_token(token_keys(), claimant, now=now)
    return verify(session, token_keys(), token, scope_at(now)) is not Verification.TAKEN


def resets(session: Session, claimant: User, now: datetime) -> bool:
    keys, outbox = token_keys(), current_outbox()
    token = reset_token(keys, claimant, now=now, lifetime=HOUR)
    done = reset_password(session, outbox, keys, token, scope_at(now), password_hash="new")
    return done is not None


def is_made(session: Session, _claimant: User, now: datetime) -> bool:
    try:
        create_account(
            session, username="third", email=ADDRESS, password_hash="new", verified_at=now
        )
    except TakenError as error:
        return error.field != "email"
    return True


@pytest.mark.parametrize("taken", [prove, leave], ids=["proved", "reserved"])
@pytest.mark.parametrize("act", [verifies, resets, is_made])
def test_the_rest_of_the_transaction_stays(
    app: Flask,
    taken: Callable[[User, datetime], None],
    act: Callable[[Session, User, datetime], bool],
) -> None:
    now = utc_now()
    owner, claimant = make_user(app, "owner"), make_user(app, "susan", verified=False)
    with app.app_context(), transaction() as writing:
        taken(writing.get_one(User, owner), now)
    with app.app_context(), transaction() as writing:
        record(writing, claimant, SecurityEventType.LOGGED_IN, scope_at(now))
        assert not act(writing, writing.get_one(User, claimant), now)
        record(writing, claimant, SecurityEventType.LOGGED_OUT, scope_at(now))
    with app.app_context():
        events = db.session.scalars(select(SecurityEvent.kind).order_by(SecurityEvent.id)).all()
        assert events == [SecurityEventType.LOGGED_IN, SecurityEventType.LOGGED_OUT]
        assert len(db.session.scalars(select(User)).all()) == 2
        found = db.session.get_one(User, claimant)
        assert (found.email_verified_at, found.password_hash == "new") == (None, False)


@pytest.mark.parametrize("act", [verifies, resets, is_made])
def test_an_address_that_nobody_else_has_is_given(
    app: Flask, act: Callable[[Session, User, datetime], bool]
) -> None:
    claimant = make_user(app, "susan", verified=False)
    with app.app_context(), transaction() as writing:
        assert act(writing, writing.get_one(User, claimant), utc_now())
