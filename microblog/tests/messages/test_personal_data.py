"""What an export has of conversations, and what is deleted with an account."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from microblog.accounts.actions.deletion import delete_due_accounts
from microblog.database import db, transaction, utc_now
from microblog.messages import personal_data
from microblog.messages.models import Conversation, Participation, PrivateMessage
from microblog.people.models import Block
from tests.messages.talking import People


def collected(people: People, name: str) -> dict[str, Any]:
    with people.app.app_context():
        return personal_data.collect(db.session, people.ids[name])


def texts(found: dict[str, Any]) -> list[tuple[str | None, list[tuple[bool, str]]]]:
    return [
        (one["with"], [(message["is_own"], message["body"]) for message in one["messages"]])
        for one in found["conversations"]
    ]


def test_an_export_has_both_sides(people: People) -> None:
    people.write("susan", "bob", "A question")
    people.write("bob", "susan", "An answer")
    people.choose("bob", "nobody")
    found = collected(people, "susan")
    assert texts(found) == [("bob", [(True, "A question"), (False, "An answer")])]
    assert found["message_senders"] == "everybody"
    assert collected(people, "bob")["message_senders"] == "nobody"
    people.add("carol")
    assert texts(collected(people, "carol")) == []


def test_an_export_has_no_messages_that_were_deleted(people: People) -> None:
    through = people.write("bob", "susan", "Old")
    people.write("susan", "bob", "New")
    people.browsers["susan"].submit("/messages/bob/delete", {"through": through})
    assert texts(collected(people, "susan")) == [("bob", [(True, "New")])]
    assert texts(collected(people, "bob")) == [("susan", [(True, "Old"), (False, "New")])]


@pytest.mark.parametrize("reason", ["blocked", "blocking", "disabled", "being deleted"])
def test_of_people_who_cannot_be_seen_an_export_has_what_was_written_to_them(
    people: People, reason: str
) -> None:
    people.write("susan", "bob", "A question")
    people.write("bob", "susan", "An answer")
    susan, bob = people.ids["susan"], people.ids["bob"]
    if reason.startswith("block"):
        pair = (susan, bob) if reason == "blocked" else (bob, susan)
        people.add_row(Block(blocker_id=pair[0], blocked_id=pair[1]))
    else:
        people.change("bob", {"disabled_at" if reason == "disabled" else "deletes_at": utc_now()})
    assert texts(collected(people, "susan")) == [(None, [(True, "A question")])]


@pytest.mark.parametrize("leaver", ["susan", "bob"])
def test_a_conversation_is_deleted_with_either_account(
    app: Flask, people: People, leaver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(personal_data, "ERASED_AT_ONCE", 2)
    people.add("carol")
    for _ in range(3):
        people.write("susan", "bob")
    people.write("carol", "susan" if leaver == "bob" else "bob", "Stays")
    people.change(leaver, {"deletes_at": utc_now() - timedelta(seconds=1)})
    steps = 0
    with app.app_context():
        more = True
        while more:
            with transaction() as writing:
                more = delete_due_accounts(writing, utc_now())
            steps += more
        rows = [
            db.session.scalar(select(func.count()).select_from(table))
            for table in (Conversation, Participation, PrivateMessage)
        ]
        assert db.session.scalars(select(PrivateMessage.body)).all() == ["Stays"]
    assert rows == [1, 2, 1]
    assert steps == 2, "one batch of two, and the account with the rest"
