"""Urgent mail of the tests' application."""

from __future__ import annotations

from flask import Flask
from sqlalchemy.orm import Session

from flask_outbox import ComposeContext, Email, EmailType, Priority, current_outbox

URGENT = "test.urgent"


def register_urgent(app: Flask) -> None:
    with app.app_context():
        current_outbox().register(EmailType(URGENT, _compose, priority=Priority.HIGH))


def _compose(_session: Session, context: ComposeContext) -> Email:
    return Email(subject="Urgent", text="Hello.\n", to=(context.recipient,))
