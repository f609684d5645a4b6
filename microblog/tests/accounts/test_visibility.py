"""Who is shown: asked of an account and of the database alike."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select, update

from microblog.accounts.models import User
from microblog.accounts.visibility import is_visible, visible
from microblog.database import db, transaction, utc_now
from tests.visitor import make_user


@pytest.mark.parametrize("hidden", [None, "disabled_at", "deletes_at"])
def test_an_account_that_is_disabled_or_being_deleted_is_not_shown(
    app: Flask, hidden: str | None
) -> None:
    susan, bob = make_user(app, "susan"), make_user(app, "bob")
    with app.app_context():
        if hidden:
            with transaction() as writing:
                writing.execute(update(User).where(User.id == susan).values({hidden: utc_now()}))
        shown = set(db.session.scalars(select(User.id).where(visible())))
        assert shown == ({bob} if hidden else {susan, bob})
        assert is_visible(db.session.get_one(User, susan)) is (hidden is None)
