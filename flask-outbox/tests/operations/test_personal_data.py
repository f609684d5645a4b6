"""What the outbox holds about one address is shown and erased."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.ctx import AppContext
from sqlalchemy import select

from flask_outbox import Discard, EmailType, current_outbox
from flask_outbox.operations.counts import add_up, totals
from flask_outbox.operations.messages import prune
from flask_outbox.operations.personal_data import erase_address, erase_messages, messages_to
from flask_outbox.outbox.email_types import HOUR
from flask_outbox.outbox.models import OutboxMessage, Status, Suppression
from tests.application import db, transaction

SUSAN, BOB = "susan@example.com", "bob@example.com"
NOTICE = "tests.notice"


@pytest.fixture
def messages(app: Flask, app_context: AppContext) -> None:
    """Two messages to susan, the first of which is old and reduced, and one to bob."""
    outbox = current_outbox()
    outbox.register(EmailType(NOTICE, lambda _session, _context: Discard("never sent")))
    with transaction() as writing:
        row_id = outbox.enqueue(writing, NOTICE, SUSAN, arguments={"user_id": 7, "at": 1})
        old = writing.get(OutboxMessage, row_id)
        assert old is not None
        old.status, old.settled_at = Status.SENT, HOUR
        writing.flush()
        add_up(writing, now=10 * HOUR)
        assert prune(writing, now=10 * HOUR, retention=0.0) == 1
        outbox.enqueue(writing, NOTICE, "Susan@Example.com", arguments={"user_id": 7, "at": 2})
        outbox.enqueue(writing, NOTICE, BOB, arguments={"user_id": 8, "at": 3})
        writing.add_all(Suppression(address_key=key, reason="", since=0) for key in (SUSAN, BOB))


def recipients() -> list[str]:
    return list(db.session.scalars(select(OutboxMessage.recipient).order_by(OutboxMessage.id)))


@pytest.mark.usefixtures("messages")
def test_reduced_messages_belong_to_nobody() -> None:
    assert [one.recipient for one in messages_to(db.session, SUSAN)] == ["Susan@example.com"]


@pytest.mark.usefixtures("messages")
def test_an_address_is_erased_with_the_digests_of_old_messages_and_its_suppression() -> None:
    with transaction() as writing:
        assert erase_address(writing, SUSAN) == 2
    assert recipients() == [BOB]
    assert list(db.session.scalars(select(Suppression.address_key))) == [BOB]


@pytest.mark.usefixtures("messages")
@pytest.mark.parametrize(
    ("arguments", "erased"),
    [({"user_id": 7}, 1), ({"user_id": 7, "at": 2}, 1), ({"user_id": 8}, 0), ({"user": 7}, 0)],
)
def test_of_an_address_only_some_messages_are_erased(
    arguments: dict[str, int], erased: int
) -> None:
    with transaction() as writing:
        assert erase_messages(writing, SUSAN, {"none": 0}, arguments) == erased
    assert len(recipients()) == 3 - erased


@pytest.mark.usefixtures("messages")
def test_erased_messages_stay_counted() -> None:
    with transaction() as writing:
        for message in messages_to(writing, SUSAN):
            message.status, message.settled_at = Status.DEAD, 20 * HOUR
        writing.flush()
        before = totals(writing)
        erase_address(writing, SUSAN)
        assert totals(writing) == before
    assert {one.status: one.messages for one in before} == {"sent": 1, "dead": 1}
