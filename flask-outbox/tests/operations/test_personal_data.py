"""What the outbox holds about one address is shown and erased."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.ctx import AppContext
from sqlalchemy import select

from flask_outbox import Discard, EmailType, current_outbox
from flask_outbox.operations.counts import add_up, totals
from flask_outbox.operations.history import OwnershipPeriod
from flask_outbox.operations.messages import prune
from flask_outbox.operations.personal_data import (
    erase_address,
    erase_messages,
    erase_within,
    events_within,
    messages_to,
)
from flask_outbox.outbox.email_types import HOUR
from flask_outbox.outbox.models import (
    MailEvent,
    MailReport,
    OptOut,
    OutboxMessage,
    Status,
    Suppression,
)
from flask_outbox.outbox.opt_outs import opt_out
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
        for key in (SUSAN, BOB):
            opt_out(writing, key, "early", now=100.0)
            opt_out(writing, key, "late", now=300.0)
            writing.add_all(event(key, at) for at in (100.0, 300.0))


def event(key: str, at: float, **columns: Any) -> MailEvent:
    return MailEvent(
        source="pipe",
        event_id=f"{at}{columns}",
        recipient_key=key,
        at=at,
        meaning="dead",
        trusted=True,
        **columns,
    )


def left() -> list[tuple[str, str]]:
    """Whose opt-outs and events are there: the list, or when."""
    opt_outs = db.session.scalars(select(OptOut).order_by(OptOut.address_key, OptOut.list))
    found = [(one.address_key, one.list) for one in opt_outs]
    events = db.session.scalars(select(MailEvent).order_by(MailEvent.recipient_key, MailEvent.at))
    return [*found, *((one.recipient_key, f"{one.at:g}") for one in events)]


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
    assert left() == [(BOB, "early"), (BOB, "late"), (BOB, "100"), (BOB, "300")]


@pytest.mark.usefixtures("messages")
@pytest.mark.parametrize(
    ("since", "until", "kept"),
    [
        (0.0, 200.0, [(SUSAN, "late"), (SUSAN, "300")]),
        (200.0, None, [(SUSAN, "early"), (SUSAN, "100")]),
        (100.0, 300.0, [(SUSAN, "late"), (SUSAN, "300")]),
    ],
)
def test_of_an_address_only_what_one_owner_did_is_erased(
    since: float, until: float | None, kept: list[tuple[str, str]]
) -> None:
    period = OwnershipPeriod(SUSAN, since, until)
    assert [one.at for one in events_within(db.session, period)]
    with transaction() as writing:
        erase_within(writing, period)
    assert [one for one in left() if one[0] == SUSAN] == kept
    assert len([one for one in left() if one[0] == BOB]) == 4


@pytest.mark.usefixtures("messages")
@pytest.mark.parametrize(("until", "kept"), [(None, [3, 4]), (200.0, [2, 3, 4])])
def test_reports_that_nobody_understood_go_if_they_name_the_address(
    until: float | None, kept: list[int]
) -> None:
    with transaction() as writing:
        for number, (at, content, note) in enumerate(
            [
                (100.0, b"\xff\0 to <Susan@Example.COM>", "Hm."),
                (300.0, b"susan@example.com", "Hm."),
                (100.0, b"bob@example.com", "Hm."),
                (100.0, b"susan@example.com", None),
            ],
            1,
        ):
            writing.add(
                MailReport(
                    id=number, source="imap", event_id=f"{number}", received_at=at, due_at=at,
                    content=content, note=note,
                )
            )  # fmt: skip
        writing.flush()
        if until is None:
            erase_address(writing, SUSAN)
        else:
            erase_within(writing, OwnershipPeriod(SUSAN, 0.0, until))
    assert list(db.session.scalars(select(MailReport.id).order_by(MailReport.id))) == kept


@pytest.mark.usefixtures("messages")
def test_a_message_takes_what_came_back_about_it_along() -> None:
    with transaction() as writing:
        for one in messages_to(writing, SUSAN):
            writing.add(event("", 500.0, outbox_id=one.id))
        writing.flush()
        erase_messages(writing, SUSAN, {"user_id": 7})
    assert ("", "500") not in left()


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
