"""Lists read an index in its order, also where a conversation and a person's list are long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, insert, select, text

from microblog.accounts.models import User
from microblog.database import MAX_ID, db, is_sqlite, transaction, utc_now
from microblog.messages import conversations
from microblog.messages.models import Conversation, Participation, PrivateMessage
from tests.messages.talking import People

MANY = 2000
FIRST = 1000
"""Where the ids of the others begin, and of their conversations."""


@pytest.fixture
def susan(app: Flask) -> int:
    """A person with many conversations, the first of which is long."""
    susan = People(app, "susan").ids["susan"]
    others = range(FIRST, FIRST + MANY)
    message = {"body": "Hello", "created_at": utc_now()}
    with app.app_context():
        with transaction() as writing:
            writing.execute(insert(User), [_account(other) for other in others])
            writing.execute(
                insert(Conversation),
                [{"id": one, "first_id": susan, "second_id": one} for one in others],
            )
            writing.execute(
                insert(PrivateMessage),
                [{"id": one, "conversation_id": one, "sender_id": one, **message} for one in others]
                + [
                    {"id": FIRST + one, "conversation_id": FIRST, "sender_id": FIRST, **message}
                    for one in range(MANY, 2 * MANY)
                ],
            )
            writing.execute(insert(Participation), [_participation(susan, one) for one in others])
        with transaction() as writing:
            writing.execute(text("ANALYZE"))
    return susan


def _account(number: int) -> dict[str, Any]:
    name = f"member{number}"
    names = dict.fromkeys(("username", "username_key", "email", "email_key"), name)
    return {"id": number, **names, "username_skeleton": name, "password_hash": "none"}


def _participation(susan: int, other: int) -> dict[str, Any]:
    return {
        "user_id": susan,
        "conversation_id": other,
        "other_id": other,
        "last_message_id": other,
        "unread": int(other % 100 == 0),
    }


def plan(action: Callable[[], object]) -> str:
    """The plan of the first statement of this action, as the database has it."""
    found: list[tuple[str, Any]] = []

    def note(
        _connection: object, _cursor: object, statement: str, parameters: Any, *_: Any
    ) -> None:
        if statement.startswith("SELECT"):
            found.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        action()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    word = "EXPLAIN QUERY PLAN" if is_sqlite() else "EXPLAIN"
    statement, parameters = found[0]
    rows = db.session.connection().exec_driver_sql(f"{word} {statement}", parameters)
    return "\n".join(str(row[-1]) for row in rows)


BEGINNINGS = {
    "first page": (MAX_ID, MAX_ID),
    "far page": (FIRST + MANY * 3 // 4, FIRST + MANY * 3 // 2),
}


@pytest.mark.parametrize(("conversation", "message"), BEGINNINGS.values(), ids=BEGINNINGS)
def test_pages_of_conversations_and_of_messages_are_read_in_order(
    app: Flask, susan: int, conversation: int, message: int
) -> None:
    with app.app_context():
        own = db.session.scalars(
            select(Participation).where(Participation.conversation_id == FIRST)
        ).one()
        plans = {
            "ix_participations_user_id_last_message_id": plan(
                lambda: conversations.list_conversations(db.session, susan, conversation)
            ),
            "ix_messages_conversation_id_id": plan(
                lambda: conversations.list_messages(db.session, own, message)
            ),
        }
        for index, found in plans.items():
            assert index in found
            for sorting in ("TEMP B-TREE FOR ORDER BY", "Sort"):
                assert sorting not in found
        if is_sqlite():
            place = "(conversation_id=? AND id>? AND id<?)"
            assert place in plans["ix_messages_conversation_id_id"], "a far page begins there"


def test_what_is_new_is_counted_by_an_index_of_nothing_else(app: Flask, susan: int) -> None:
    with app.app_context():
        found = plan(lambda: conversations.unread_count(db.session, susan))
        assert "ix_participations_unread" in found
        assert conversations.unread_count(db.session, susan) == MANY // 100
