"""Administrators and members who are logged in, and posts to report."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from werkzeug.test import TestResponse

from microblog.accounts.models import User
from microblog.blog.posts import write_post
from microblog.database import transaction, utc_now
from microblog.messages.models import Conversation, Participation, PrivateMessage
from microblog.moderation.invitation_views import join_link
from microblog.moderation.invitations import make_invitation
from tests.admin.conftest import logged_in, make_admin
from tests.scopes import scope_now
from tests.visitor import Visitor, path_of


@pytest.fixture
def admin(app: Flask) -> Visitor:
    """alice, logged in."""
    make_admin(app)
    return logged_in(app, "alice")


def change(app: Flask, user_id: int, **values: Any) -> None:
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).where(User.id == user_id).values(**values))


def invitation(app: Flask, *, uses: int = 1, hours: int = 24) -> str:
    """The path of the link of a new invitation."""
    with app.app_context(), transaction() as writing:
        _made, secret = make_invitation(
            writing, scope_now(), made_by_id=None, uses=uses, lasts=timedelta(hours=hours)
        )
        return path_of(join_link(secret))


def post(app: Flask, author_id: int, body: str = "Buy my pots") -> int:
    """The id of a new post by this person."""
    with app.app_context(), transaction() as writing:
        return write_post(writing, user_id=author_id, body=body, now=utc_now()).id


def message(app: Flask, sender_id: int, receiver_id: int, body: str = "Write to me") -> int:
    """The id of a message, in a new conversation between the two."""
    first, second = sorted((sender_id, receiver_id))
    with app.app_context(), transaction() as writing:
        conversation = Conversation(first_id=first, second_id=second)
        writing.add(conversation)
        writing.flush()
        sent = PrivateMessage(
            conversation_id=conversation.id, sender_id=sender_id, body=body, created_at=utc_now()
        )
        writing.add(sent)
        writing.flush()
        for one, other in ((first, second), (second, first)):
            writing.add(
                Participation(
                    user_id=one,
                    conversation_id=conversation.id,
                    other_id=other,
                    last_message_id=sent.id,
                )
            )
        return sent.id


def report(visitor: Visitor, path: str, **fields: object) -> TestResponse:
    """The answer to a report of what is at this path, such as /report/post/1."""
    token = visitor.csrf_token("/")
    return visitor.submit(path, {"reason": "spam", "comment": "", **fields}, token=token)
