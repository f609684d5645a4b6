"""An administrator who is logged in."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import update

from microblog.accounts.models import User
from microblog.database import transaction
from tests.visitor import Visitor, make_user


def make_admin(app: Flask, name: str = "alice") -> int:
    number = make_user(app, name)
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).where(User.id == number).values(is_admin=True))
    return number


@pytest.fixture
def admin(app: Flask) -> Visitor:
    """alice, logged in."""
    make_admin(app)
    return logged_in(app, "alice")


def logged_in(app: Flask, name: str) -> Visitor:
    visitor = Visitor(app)
    visitor.log_in(name)
    return visitor
