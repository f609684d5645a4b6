"""The outbox's rows, for tests."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Flask
from sqlalchemy import select

from flask_outbox import current_outbox
from flask_outbox.outbox.models import OutboxMessage


def rows(app: Flask) -> Sequence[OutboxMessage]:
    """All rows of the outbox, oldest first."""
    with app.app_context(), current_outbox().sessions() as session:
        return session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)).all()
