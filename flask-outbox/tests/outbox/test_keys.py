"""Of all messages with one key only the first is written, whoever else writes at that moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from flask.ctx import AppContext
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session

from flask_outbox import (
    AddressError,
    Discard,
    EmailType,
    Outbox,
    OutboxError,
    current_outbox,
    send_email,
)
from flask_outbox.outbox import insertion
from flask_outbox.outbox.models import OutboxMessage, Status
from tests.application import db, transaction
from tests.databases import ON_SQLITE, WRITING
from tests.smtp_server import ScriptedServer

NOTE = "tests.note"


@pytest.fixture(autouse=True)
def outbox(app_context: AppContext) -> Outbox:
    found = current_outbox()
    found.register(
        EmailType(
            NOTE, lambda _session, _context: Discard("none"), expires_after=timedelta(hours=1)
        )
    )
    return found


def enqueue(session: Session, key: str | None = "order-7", to: str = "susan@example.com") -> int:
    return current_outbox().enqueue(session, NOTE, to, key=key)


def rows() -> list[OutboxMessage]:
    with db.sessionmaker() as session:
        return list(session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)))


def recipients() -> list[str]:
    return [row.recipient for row in rows()]


# One after the other


def test_the_second_message_with_a_key_is_the_first() -> None:
    with transaction() as session:
        first = enqueue(session)
        assert enqueue(session, to="john@example.com") == first
    with transaction() as session:
        assert enqueue(session, to="alice@example.com") == first
        other = enqueue(session, "order-8")
        without = [enqueue(session, None), enqueue(session, None)]
    assert [row.id for row in rows()] == [first, other, *without]
    assert recipients()[0] == "susan@example.com"


def test_a_key_that_was_rolled_back_is_free_again() -> None:
    with db.sessionmaker() as session:
        enqueue(session)
        session.rollback()
        with session.begin_nested() as inner:
            enqueue(session)
            inner.rollback()
        enqueue(session, to="john@example.com")
        session.commit()
    assert recipients() == ["john@example.com"]


def test_a_finished_message_has_a_key_too(deliver: Callable[[], int], smtp: ScriptedServer) -> None:
    first = send_email("Hello", None, ["susan@example.com"], "text", key="hello")
    assert deliver() == 1
    assert send_email("Again", None, ["susan@example.com"], "text", key="hello") == first
    assert deliver() == 0
    with transaction() as session:
        assert enqueue(session, "hello") == first
    assert [row.status for row in rows()] == [Status.SENT]
    assert len(smtp.received) == 1


def test_a_second_message_wakes_nobody(outbox: Outbox) -> None:
    woken: list[object] = []

    class Wakeup:
        def wake(self, row_ids: Any) -> None:
            woken.append(row_ids)

    outbox.wakeup = Wakeup()
    for _ in range(2):
        with transaction() as session:
            first = enqueue(session)
    assert woken == [[first]]


def test_keys_are_long_and_may_name_people() -> None:
    with transaction() as session:
        keys = ["ü" * 10_000, "ü" * 10_001, "a\0b", "\ud800", " "]
        ids = {enqueue(session, key) for key in keys}
    assert len(ids) == len(keys)
    assert all(len(str(row.key)) == 64 for row in rows())


@ON_SQLITE
@pytest.mark.parametrize("key", ["", 7, b"key", True])
def test_what_is_no_key_is_refused(key: Any) -> None:
    with transaction() as session:
        with pytest.raises(OutboxError, match="key"):
            enqueue(session, key)
        with pytest.raises(OutboxError, match=r"Message 0: .*key"):
            current_outbox().enqueue_many(session, NOTE, [{"to": "a@example.com", "key": key}])


# At the same moment


@pytest.mark.parametrize("is_committed", [True, False])
def test_of_two_transactions_the_first_to_commit_wins(app: Any, is_committed: bool) -> None:
    begins, ended = threading.Event(), threading.Event()
    found: list[int] = []

    def second() -> None:
        with app.app_context(), db.sessionmaker() as session:
            begins.set()
            session.connection(execution_options=WRITING)
            found.append(enqueue(session, to="john@example.com"))
            session.commit()
            ended.set()

    thread = threading.Thread(target=second)
    with db.sessionmaker() as session:
        session.connection(execution_options=WRITING)
        first = enqueue(session)
        thread.start()
        assert begins.wait(10)
        # Whoever comes second waits for the end of the first, or it could not know.
        assert not ended.wait(0.3)
        if is_committed:
            session.commit()
        else:
            session.rollback()
    thread.join(20)
    assert recipients() == (["susan@example.com"] if is_committed else ["john@example.com"])
    assert found == ([first] if is_committed else [rows()[0].id])


def test_of_many_threads_one_writes(app: Any) -> None:
    start = threading.Barrier(8)
    found: list[int] = []

    def write(place: int) -> None:
        with app.app_context():
            start.wait(10)
            for number in range(5):
                key = f"order-{number}"
                found.append(send_email("Hello", None, [f"u{place}@example.com"], "t", key=key))

    threads = [threading.Thread(target=write, args=[place]) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 40
    assert sorted(set(found)) == [row.id for row in rows()]
    assert len(rows()) == 5


def test_a_message_deleted_in_between_is_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction() as session:
        first = enqueue(session)
    insert = insertion.insert_row

    def insert_late(session: Session, row: Any) -> int | None:
        row_id = insert(session, row)
        if row_id is None:
            session.execute(text("DELETE FROM outbox"))
        return row_id

    monkeypatch.setattr("flask_outbox.outbox.outbox.insert_row", insert_late)
    with transaction() as session:
        second = enqueue(session, to="john@example.com")
    assert second != first
    assert recipients() == ["john@example.com"]


# Many at once


def many(session: Session, *messages: Any) -> int:
    return current_outbox().enqueue_many(session, NOTE, messages)


def test_many_are_written_like_one() -> None:
    moment = datetime(2100, 1, 1, tzinfo=UTC)
    options: dict[str, Any] = {
        "arguments": {"name": "ü \0 \\u0000 🙂", "list": [1, None, 1.5, True, {"a": "'"}]},
        "locale": "pt_BR",
        "send_at": moment,
    }
    with transaction() as session:
        for more in ({}, options):
            current_outbox().enqueue(session, NOTE, "Susan <Susan@EXAMPLE.com>", key=None, **more)
            assert many(session, {"to": "Susan <Susan@EXAMPLE.com>", **more}) == 1
        current_outbox().enqueue(session, NOTE, "a@example.com", key="one")
        assert many(session, {"to": "a@example.com", "key": "other"}) == 1
    written = rows()
    differing = {"id", "message_id", "created_at", "due_at", "expires_at", "key"}
    for one, other in (written[0:2], written[2:4], written[4:6]):
        for column in set(OutboxMessage.__table__.columns.keys()) - differing:
            assert getattr(one, column) == getattr(other, column), column
        assert abs(one.created_at - other.created_at) < 60
        assert (one.due_at - one.created_at < 1) is (other.due_at - other.created_at < 1)
        assert one.expires_at is not None
        assert other.expires_at is not None
        assert (len(str(one.key)), one.message_id[-8:]) == (
            len(str(other.key)),
            other.message_id[-8:],
        )
    assert written[3].due_at == moment.timestamp()


def test_new_rows_have_the_models_defaults() -> None:
    with transaction() as session:
        row_id = enqueue(session)
        ours = session.scalars(select(OutboxMessage).where(OutboxMessage.id == row_id)).one()
        given = {name: getattr(ours, name) for name in insertion._TYPES if name != "key"}
        made = OutboxMessage(**given)
        session.add(made)
        session.flush()
        session.refresh(made)
        for column in set(OutboxMessage.__table__.columns.keys()) - {"id", "key"}:
            assert getattr(ours, column) == getattr(made, column), column


def test_existing_keys_are_left_out_and_not_counted() -> None:
    with transaction() as session:
        enqueue(session)
        written = many(
            session,
            {"to": "a@example.com", "key": "order-7"},
            {"to": "b@example.com", "key": "order-8"},
            {"to": "c@example.com"},
            {"to": "d@example.com", "key": "order-8"},
            {"to": "e@example.com"},
        )
    assert written == 3
    assert recipients() == ["susan@example.com", "b@example.com", "c@example.com", "e@example.com"]


def test_all_that_exist_wake_nobody_and_nothing_is_nothing(outbox: Outbox) -> None:
    with transaction() as session:
        enqueue(session)
    outbox.wakeup = None  # type: ignore[assignment]
    with transaction() as session:
        assert many(session) == 0
        assert many(session, {"to": "a@example.com", "key": "order-7"}) == 0
    assert len(rows()) == 1


def test_there_are_a_few_statements_and_one_wake_up(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(insertion, "CHUNK", 10)
    statements: list[str] = []
    woken: list[object] = []

    class Wakeup:
        def wake(self, row_ids: Any) -> None:
            woken.append(row_ids)

    outbox.wakeup = Wakeup()
    event.listen(db.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    made = 0

    def messages() -> Any:
        nonlocal made
        for made in range(1, 36):
            yield {"to": f"user{made}@example.com"}

    with transaction() as session:
        event.listen(
            db.engine,
            "before_cursor_execute",
            lambda *given: asked.append(made) if "INSERT" in given[2] else None,
        )
        asked: list[int] = []
        assert outbox.enqueue_many(session, NOTE, messages()) == 35
    # No more than a chunk is in memory.
    assert asked == [10, 20, 30, 35]
    assert len([one for one in statements if "INSERT" in one]) == 4
    assert len(woken) == 1
    assert len(rows()) == 35


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({"to": "nobody"}, AddressError, "Message 25: "),
        ({"to": "a@example.com", "locale": ""}, OutboxError, "Message 25: .*language"),
        ({"to": "a@example.com", "arguments": {"a": {1}}}, OutboxError, "Message 25: .*JSON"),
        ({"to": "a@example.com", "name": "Susan"}, OutboxError, "Message 25 has 'name'"),
        ({"locale": "en"}, OutboxError, "Message 25 has no 'to'"),
        ("susan@example.com", OutboxError, "Message 25 isn't a mapping"),
        (None, OutboxError, "Message 25 isn't a mapping"),
    ],
    ids=str,
)
def test_after_a_wrong_one_nothing_is_written_and_the_transaction_goes_on(
    monkeypatch: pytest.MonkeyPatch, wrong: Any, error: type[Exception], words: str
) -> None:
    monkeypatch.setattr(insertion, "CHUNK", 10)
    with transaction() as session:
        enqueue(session, None)
        right = [{"to": f"u{number}@example.com", "key": str(number)} for number in range(25)]
        with pytest.raises(error, match=words):
            many(session, *right, wrong, *right)
        assert many(session, {"to": "u0@example.com", "key": "0"}) == 1
    assert recipients() == ["susan@example.com", "u0@example.com"]


def test_an_error_of_whoever_makes_them_passes_through() -> None:
    def messages() -> Any:
        yield {"to": "a@example.com"}
        raise LookupError

    with transaction() as session:
        with pytest.raises(LookupError):
            current_outbox().enqueue_many(session, NOTE, messages())
        with pytest.raises(OutboxError, match="nothing-like-it"):
            current_outbox().enqueue_many(session, "nothing-like-it", messages())
    assert rows() == []


def test_the_callers_rollback_takes_many() -> None:
    for begins in (lambda _session: None, lambda session: session.execute(text("SELECT 1"))):
        with db.sessionmaker() as session:
            begins(session)
            assert many(session, {"to": "a@example.com"}) == 1
            session.rollback()
    assert rows() == []


# The moment before which a message does not leave


@ON_SQLITE
@pytest.mark.parametrize(
    "wrong",
    [
        datetime(2100, 1, 1),  # noqa: DTZ001
        datetime(2100, 1, 1).date(),  # noqa: DTZ001
        4_102_444_800,
        "2100-01-01T00:00:00Z",
        timedelta(hours=1),
    ],
    ids=str,
)
def test_what_is_no_moment_is_refused(wrong: Any) -> None:
    with transaction() as session:
        with pytest.raises(OutboxError, match="send_at"):
            current_outbox().enqueue(session, NOTE, "a@example.com", send_at=wrong)
        with pytest.raises(OutboxError, match="Message 0: send_at"):
            many(session, {"to": "a@example.com", "send_at": wrong})
    with pytest.raises(OutboxError, match="send_at"):
        send_email("Hello", None, ["a@example.com"], "text", send_at=wrong)
    assert rows() == []


def test_a_moment_that_has_passed_is_now(outbox: Outbox) -> None:
    outbox.clock = lambda: 1_800_000_000.0
    past = [
        datetime(2000, 1, 1, tzinfo=UTC),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
    ]
    with transaction() as session:
        for moment in past:
            outbox.enqueue(session, NOTE, "a@example.com", send_at=moment)
    for row in rows():
        assert (row.due_at, row.expires_at) == (outbox.clock(), outbox.clock() + 3600)


def test_a_moment_far_ahead_delays_the_end_too(outbox: Outbox) -> None:
    far = datetime.max.replace(tzinfo=UTC)
    with transaction() as session:
        outbox.enqueue(session, NOTE, "a@example.com", send_at=far)
    (row,) = rows()
    assert row.send_at == row.due_at == far.timestamp()
    assert row.expires_at == far.timestamp() + 3600
