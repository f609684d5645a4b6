"""Old messages are reduced to what counts need, and found by their whole address all the same."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.ctx import AppContext

from microblog.mail import current_outbox, operations
from microblog.mail.kinds import DAY
from microblog.mail.models import OutboxMessage, Status
from microblog.mail.operations import Search
from microblog.mail.pruning import Pruner
from tests.outbox import rows

NOW = 1_800_000_000.0


def test_an_old_message_keeps_no_address_and_no_words(app: Flask, app_context: AppContext) -> None:
    write(settled_at=NOW - 31 * DAY)
    prune()
    (row,) = rows(app)
    assert row.reduced
    assert "susan" not in str([row.recipient, row.recipient_key, row.arguments, row.history])
    assert (row.answer, row.message_id, row.status) == (None, "", Status.SENT)


def test_it_is_still_counted_and_found_by_its_whole_address(
    app: Flask, app_context: AppContext
) -> None:
    write(settled_at=NOW - 31 * DAY)
    prune()
    with current_outbox().sessions() as session:
        assert operations.statistics(session, now=NOW).by_status == {"sent": 1}
        assert len(operations.search(session, Search(address="Susan@Example.com"))) == 1
        assert operations.search(session, Search(address="susan")) == []


def test_what_is_young_or_waits_is_left_alone(app: Flask, app_context: AppContext) -> None:
    write(settled_at=NOW - 29 * DAY)
    write(settled_at=None, status=Status.DEFERRED)
    prune()
    assert [row.reduced for row in rows(app)] == [False, False]


def test_after_a_year_more_nothing_is_left(app: Flask, app_context: AppContext) -> None:
    write(settled_at=NOW - 31 * DAY)
    prune()
    prune(now=NOW + 300 * DAY)
    assert len(rows(app)) == 1
    prune(now=NOW + 366 * DAY)
    assert rows(app) == []


def test_a_reduced_message_is_not_sent_again(app: Flask, app_context: AppContext) -> None:
    write(settled_at=NOW - 31 * DAY, status=Status.DEAD)
    prune()
    refused = pytest.raises(operations.NotPossibleError, match="too old")
    with current_outbox().sessions() as session, refused:
        operations.retry(session, rows(app)[0].id, now=NOW)


def write(*, settled_at: float | None, status: Status = Status.SENT) -> None:
    with current_outbox().sessions() as session:
        message = OutboxMessage(
            kind="tests.old",
            lane=1,
            recipient="Susan@example.com",
            recipient_key="susan@example.com",
            locale="en",
            arguments={"name": "susan"},
            message_id="<1@example.com>",
            created_at=NOW - 40 * DAY,
            due_at=NOW - 40 * DAY,
            status=status,
            settled_at=settled_at,
            answer="susan has it",
            history=[{"answer": "susan has it"}],
        )
        session.add(message)
        session.commit()


def prune(*, now: float = NOW) -> None:
    made = current_outbox()
    made.clock = lambda: now
    Pruner(made, retention=30 * DAY).prune_if_due()
