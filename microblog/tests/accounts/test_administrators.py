"""The site keeps its last administrator, in whatever way the account would end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from flask_outbox import current_outbox
from microblog.accounts.actions.deletion import ask_for_deletion
from microblog.accounts.actions.verification import (
    UNVERIFIED_KEPT,
    remove_claim,
    remove_unverified,
    verification_token,
)
from microblog.accounts.administrators import LastAdministratorError
from microblog.accounts.keys import token_keys
from microblog.accounts.models import User
from microblog.accounts.sessions.reauthentication import PasswordProof
from microblog.admin import accounts
from microblog.admin.accounts import Actor, RefusedError
from microblog.database import db, transaction, utc_now
from tests.scopes import scope_now
from tests.visitor import ON_SQLITE, PASSWORD, Visitor, make_user, words

BOSS = Actor("(command line)")


def make_admin(app: Flask, name: str, **values: Any) -> int:
    number = make_user(app, name)
    with app.app_context(), transaction() as writing:
        values = {"is_admin": True, **values}
        writing.execute(update(User).where(User.id == number).values(values))
    return number


def ask(writing: Session, number: int) -> None:
    proof = PasswordProof(number, writing.get_one(User, number).password_hash)
    ask_for_deletion(writing, current_outbox(), proof, scope_now())


def disable(writing: Session, number: int) -> None:
    accounts.disable(writing, writing.get_one(User, number), BOSS, scope_now())


def unmake(writing: Session, number: int) -> None:
    accounts.revoke_admin(writing, writing.get_one(User, number), BOSS, scope_now())


def administrators() -> int:
    """How many could get in."""
    active = User.is_admin & User.disabled_at.is_(None) & User.deletes_at.is_(None)
    return db.session.scalar(select(func.count()).where(active)) or 0


@ON_SQLITE
def test_the_last_administrator_cannot_delete_the_own_account_and_reads_why(app: Flask) -> None:
    make_admin(app, "susan")
    owner = Visitor(app)
    owner.log_in("susan")
    refused = owner.submit("/settings/delete", {"current_password": PASSWORD})
    assert "<title>Error: Delete account - Microblog</title>" in refused.text
    said = words(refused)
    assert "1 thing to fix Delete my account: You're the only administrator. Make" in said
    assert "Sign out" in said
    make_admin(app, "bob")
    said = words(owner.submit("/settings/delete", {"current_password": PASSWORD}))
    assert "Your account will be deleted on" in said


@pytest.mark.parametrize(("one", "other"), [(ask, ask), (ask, disable), (ask, unmake)])
def test_of_two_administrators_who_end_at_once_one_stays(
    app: Flask, one: Callable[[Session, int], None], other: Callable[[Session, int], None]
) -> None:
    numbers = [make_admin(app, name) for name in ("susan", "bob")]
    barrier = threading.Barrier(2)
    refused: list[Exception] = []

    def end(act: Callable[[Session, int], None], number: int) -> None:
        with app.app_context():
            barrier.wait(60)
            try:
                with transaction() as writing:
                    act(writing, number)
            except (LastAdministratorError, RefusedError) as error:
                refused.append(error)

    threads = [
        threading.Thread(target=end, args=pair) for pair in zip((one, other), numbers, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with app.app_context():
        assert administrators() == 1
    assert len(refused) == 1


@ON_SQLITE
def test_an_administrator_without_a_confirmed_address_is_not_removed(app: Flask) -> None:
    long_ago = utc_now() - UNVERIFIED_KEPT - timedelta(days=1)
    number = make_admin(app, "susan", email_verified_at=None, registered_at=long_ago)
    with app.app_context(), transaction() as writing:
        remove_unverified(writing, utc_now())
        user = writing.get_one(User, number)
        token = verification_token(token_keys(), user, now=utc_now())
        assert not remove_claim(writing, token_keys(), token, now=utc_now())
    with app.app_context():
        assert administrators() == 1
