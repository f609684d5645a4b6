"""Concurrent writing, reading and deleting: what is unread stays exact, and nothing slips past."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from microblog.accounts.models import User
from microblog.database import db, transaction, utc_now
from microblog.messages import conversations
from microblog.messages.conversations import CannotWriteError
from microblog.messages.models import Conversation, Participation, PrivateMessage
from microblog.people import relations
from microblog.people.models import Block
from tests.messages.talking import People

ROUNDS = 25


def at_once(people: People, *actions: Callable[[], Any]) -> None:
    """Run the actions in threads of their own; raise what one of them raised."""
    barrier = threading.Barrier(len(actions))
    failures: list[Exception] = []

    def run(action: Callable[[], Any]) -> None:
        try:
            with people.app.app_context():
                barrier.wait(60)
                action()
        except Exception as error:  # noqa: BLE001 - it is raised below
            failures.append(error)

    threads = [threading.Thread(target=run, args=[action]) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    if failures:
        raise failures[0]


def write(people: People, sender: str, receiver: str) -> None:
    """Write by the rule; a refusal is no error."""
    with suppress(CannotWriteError), transaction() as writing:
        conversations.write(writing, people.ids[sender], receiver, "Hello", now=utc_now())


def read(people: People, reader: str, other: str) -> None:
    """Mark as read what a page would show now."""
    found = conversations.find_other(db.session, people.ids[reader], other)
    shown = (found.own.conversation_id, found.own.last_message_id) if found and found.own else None
    db.session.rollback()
    if shown:
        with transaction() as writing:
            conversations.mark_read(writing, people.ids[reader], shown[0], through_id=shown[1])


def count(people: People, table: Any) -> int:
    with people.app.app_context():
        return db.session.scalar(select(func.count()).select_from(table)) or 0


def empty(people: People) -> None:
    with people.app.app_context(), transaction() as writing:
        writing.execute(delete(Conversation))
        writing.execute(delete(Block))
        writing.execute(update(User).values(disabled_at=None, deletes_at=None))


def actually_unread(people: People, own: Participation) -> int:
    with people.app.app_context():
        unread = select(func.count()).where(
            PrivateMessage.conversation_id == own.conversation_id,
            PrivateMessage.sender_id == own.other_id,
            PrivateMessage.id > own.read_through_id,
            PrivateMessage.deleted_at.is_(None),
        )
        return db.session.scalar(unread) or 0


def test_two_first_messages_begin_one_conversation(people: People) -> None:
    for _ in range(ROUNDS):
        at_once(
            people,
            lambda: write(people, "susan", "bob"),
            lambda: write(people, "bob", "susan"),
            lambda: write(people, "susan", "bob"),
        )
        rows = [count(people, table) for table in (Conversation, Participation, PrivateMessage)]
        assert rows == [1, 2, 3]
        assert people.participation("susan", "bob").unread == 1
        assert people.participation("bob", "susan").unread == 2
        empty(people)


@pytest.mark.parametrize("barrier", ["block", "disabled_at", "deletes_at"])
def test_no_message_slips_past_what_ends_a_conversation(people: People, barrier: str) -> None:
    written: list[int] = []

    def end() -> None:
        with transaction() as writing:
            if barrier == "block":
                person = relations.find_person_locked(writing, "susan", people.ids["bob"])
                assert person
                relations.block(writing, people.ids["bob"], person)
            else:
                writing.execute(
                    update(User).where(User.username == "bob").values({barrier: utc_now()})
                )
            written.append(writing.scalar(select(func.count()).select_from(PrivateMessage)) or 0)

    for _ in range(ROUNDS):
        at_once(people, lambda: write(people, "susan", "bob"), end)
        assert count(people, PrivateMessage) == written[-1]
        empty(people)


def test_unread_is_exact_while_two_tabs_read_and_the_other_writes(people: People) -> None:
    people.write("bob", "susan")
    last = people.write("bob", "susan")

    def take_back() -> None:
        with transaction() as writing:
            conversations.delete_message(writing, people.ids["bob"], last, now=utc_now())

    for _ in range(ROUNDS):
        at_once(
            people,
            lambda: read(people, "susan", "bob"),
            lambda: write(people, "bob", "susan"),
            lambda: read(people, "susan", "bob"),
            lambda: write(people, "bob", "susan"),
            take_back,
        )
        own = people.participation("susan", "bob")
        assert own.unread == actually_unread(people, own)
        last = own.last_message_id
    with people.app.app_context():
        read(people, "susan", "bob")
    assert people.participation("susan", "bob").unread == 0


def test_a_conversation_is_deleted_while_the_other_answers(people: People) -> None:
    def forget(reader: str, other: str) -> None:
        with transaction() as writing:
            through = writing.scalar(select(func.max(PrivateMessage.id))) or 0
            conversations.delete_conversation(
                writing, people.ids[reader], people.ids[other], through_id=through
            )

    for _ in range(ROUNDS):
        people.write("susan", "bob")
        at_once(
            people,
            lambda: forget("susan", "bob"),
            lambda: forget("bob", "susan"),
            lambda: write(people, "bob", "susan"),
        )
        left = count(people, PrivateMessage)
        assert count(people, Conversation) == (left > 0)
        if left:
            own = people.participation("susan", "bob")
            assert own.unread == actually_unread(people, own)
        empty(people)


def test_an_account_is_deleted_while_the_other_writes_reads_and_deletes(people: People) -> None:
    def remove() -> None:
        with transaction() as writing:
            writing.execute(delete(User).where(User.username == "bob"))

    def take_back(number: int) -> None:
        with transaction() as writing:
            conversations.delete_message(writing, people.ids["susan"], number, now=utc_now())

    for _ in range(5):
        number = people.write("susan", "bob")
        people.write("bob", "susan")
        at_once(
            people,
            lambda: write(people, "susan", "bob"),
            lambda: read(people, "susan", "bob"),
            lambda number=number: take_back(number),  # type: ignore[misc]
            remove,
        )
        assert [count(people, one) for one in (Conversation, Participation, PrivateMessage)] == (
            [0, 0, 0]
        )
        people.add("bob")
