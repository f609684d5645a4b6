"""The site's tables in a file of SQLite, without an application.

For tests of rules that take a session. For mail alone see
flask-outbox/tests/delivery/bare_outbox.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from microblog.accounts.models import User
from microblog.database import Model


@contextmanager
def bare_session(folder: Path) -> Iterator[Session]:
    engine = create_engine(f"sqlite:///{folder / 'site.db'}")
    Model.metadata.create_all(engine)
    with Session(engine) as made:
        yield made
    engine.dispose()


def bare_user(session: Session, name: str, **more: Any) -> User:
    """Add an account with an address of the same name, and no password."""
    email = f"{name}@example.com"
    user = User(
        username=name,
        username_key=name,
        email=email,
        email_key=email,
        password_hash="none",
        **more,
    )
    session.add(user)
    session.flush()
    return user
