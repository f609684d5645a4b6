"""What tests of an application see of its outbox, and what delivery tells them."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask, url_for
from flask_mail import Message
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

from flask_outbox import (
    Email,
    EmailType,
    Mail,
    Outbox,
    OutboxError,
    ReturnPath,
    current_outbox,
    metadata,
    parse_address,
)
from flask_outbox.outbox.models import Status
from flask_outbox.testing import OutboxTester
from tests.databases import engine_of
from tests.extensions import HAS_LITE
from tests.testing.orders import Shop, classic_shop, lite_shop, plain_shop

SHOPS: dict[str, Callable[[Path], Shop]] = {
    "in memory": lambda _folder: classic_shop(),
    "classic": lambda folder: classic_shop(f"sqlite:///{folder}/shop.db"),
}
if HAS_LITE:
    SHOPS["lite"] = lambda folder: lite_shop(f"sqlite:///{folder}/shop.db")

SOON = datetime.now(UTC) + timedelta(hours=6)


@pytest.fixture(params=SHOPS)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    return SHOPS[request.param](tmp_path)


@pytest.fixture
def outbox_app(shop: Shop) -> Flask:
    return shop.app


@pytest.fixture
def context(shop: Shop) -> Iterator[None]:
    with shop.app.app_context():
        yield


def test_a_request_queues_what_its_test_delivers(shop: Shop, outbox: OutboxTester) -> None:
    outbox.assert_nothing_queued()
    shop.order(7)
    message = outbox.assert_queued(shop.confirmation, to="Susan@Example.com", order_id=7)
    assert (message.type, message.recipient) == ("shop.confirmation", "susan@example.com")
    assert (message.arguments, message.locale) == ({"order_id": 7}, "en")
    assert (message.subject, message.send_at, message.status) == (None, None, Status.QUEUED)
    (email,) = outbox.deliver()
    assert (email.subject, email.text) == ("Your order", "Order 7 is on its way.\n")
    assert [one.mailbox for one in email.recipients] == ["susan@example.com"]
    assert email.sender == parse_address("shop@example.com")
    outbox.assert_nothing_queued()
    assert [one.status for one in outbox.ended()] == [Status.SENT]
    assert outbox.deliver() == []


@pytest.mark.usefixtures("context")
def test_what_is_not_committed_is_seen_and_not_delivered(shop: Shop, outbox: OutboxTester) -> None:
    shop.enqueue(1)
    assert len(outbox.queued()) == 1
    with pytest.raises(AssertionError, match="not committed"):
        outbox.deliver()
    assert shop.session is not None
    shop.session().rollback()
    outbox.assert_nothing_queued()
    shop.enqueue(2)
    shop.session().commit()
    assert [one.text for one in outbox.deliver()] == ["Order 2 is on its way.\n"]


@pytest.mark.usefixtures("context")
def test_a_look_leaves_no_transaction_open_and_ends_none(shop: Shop, outbox: OutboxTester) -> None:
    assert shop.session is not None
    outbox.assert_nothing_queued()
    assert not shop.session().in_transaction()
    shop.order(1)
    assert len(outbox.queued()) == 1, "a request of its own committed meanwhile"
    shop.enqueue(2)
    assert len(outbox.queued()) == 2
    assert shop.session().in_transaction()


def test_what_is_missing_is_told_with_what_is_there(shop: Shop, outbox: OutboxTester) -> None:
    with pytest.raises(AssertionError) as caught:
        outbox.assert_queued()
    assert str(caught.value) == "No message is queued. Nothing is."
    shop.order(7)
    with shop.app.app_context():
        shop.outbox.send_email("Thank you", None, ["bob@example.com"], "Thank you.", send_at=SOON)
    with pytest.raises(AssertionError) as caught:
        outbox.assert_queued(shop.confirmation, to="susan@example.com", order_id=8)
    assert str(caught.value).splitlines() == [
        "No shop.confirmation to susan@example.com with order_id=8 is queued. Queued are:",
        "  shop.confirmation to susan@example.com: order_id=7",
        f"  'Thank you' to bob@example.com at {SOON:%Y-%m-%d %H:%M:%S} UTC",
    ]
    with pytest.raises(AssertionError, match=r"shop\.confirmation to susan"):
        outbox.assert_nothing_queued()


def test_messages_are_chosen_by_type_address_and_arguments(
    shop: Shop, outbox: OutboxTester
) -> None:
    shop.order(1)
    shop.order(2)
    with shop.app.app_context():
        shop.outbox.send_email(
            "Hi", None, ["bob@example.com"], "Hi.", bcc=["Eve <eve@example.com>"]
        )
    assert len(outbox.queued("shop.confirmation")) == len(outbox.queued(shop.confirmation)) == 2
    assert len(outbox.queued(to="Susan <susan@example.com>")) == 2
    assert [one.subject for one in outbox.queued(to="eve@example.com")] == ["Hi"]
    assert outbox.queued("shop.confirmation", to="bob@example.com") == []
    assert outbox.assert_queued(order_id=2).arguments == {"order_id": 2}
    assert outbox.assert_queued(to="bob@example.com", subject="Hi", text="Hi.").subject == "Hi"


def test_a_composer_that_raises_fails_the_test_with_its_own_traceback(
    shop: Shop, outbox: OutboxTester
) -> None:
    shop.order(-1)
    with pytest.raises(LookupError, match="There is no order -1") as caught:
        outbox.deliver()
    assert "confirmation" in [one.name for one in traceback.extract_tb(caught.value.__traceback__)]
    (message,) = outbox.queued()
    assert message.status is Status.DEFERRED


def test_a_message_that_cannot_be_delivered_fails_the_test(
    shop: Shop, outbox: OutboxTester
) -> None:
    shop.outbox.register(EmailType("shop.nothing", lambda _session, _context: None))  # type: ignore[arg-type,return-value]
    with shop.app.app_context():
        assert shop.session is not None
        shop.outbox.enqueue("shop.nothing", to="susan@example.com")
        shop.session().commit()
    with pytest.raises(AssertionError, match=r"shop\.nothing\) to susan@example.com was not"):
        outbox.deliver()


def test_what_is_discarded_is_not_delivered_and_says_why(shop: Shop, outbox: OutboxTester) -> None:
    shop.order(0)
    assert outbox.deliver() == []
    (message,) = outbox.ended(shop.confirmation)
    assert (message.status, message.answer) == (Status.DISCARDED, "The order was withdrawn.")


@pytest.mark.usefixtures("context")
def test_what_is_scheduled_is_delivered_at_its_time(shop: Shop, outbox: OutboxTester) -> None:
    shop.enqueue(1, send_at=SOON)
    shop.enqueue(2, send_at=SOON + timedelta(days=5))
    assert shop.session is not None
    shop.session().commit()
    assert outbox.deliver() == []
    assert outbox.queued()[0].send_at == SOON
    assert [one.text for one in outbox.deliver(at=SOON)] == ["Order 1 is on its way.\n"]
    assert outbox.deliver(at=SOON + timedelta(days=8)) == []
    assert [one.status for one in outbox.ended()] == [Status.SENT, Status.EXPIRED]
    with pytest.raises(OutboxError, match="time zone"):
        outbox.deliver(at=SOON.replace(tzinfo=None))


def test_composers_know_the_time_that_it_is_then(shop: Shop, outbox: OutboxTester) -> None:
    times = []

    @shop.outbox.email("shop.clock")
    def clock(session: Session, *, context: object) -> Email:
        times.append(context.now)  # type: ignore[attr-defined]
        return Email("It is", "late.")

    with shop.app.app_context():
        assert shop.session is not None
        shop.outbox.enqueue(clock, to="susan@example.com", send_at=SOON)
        shop.session().commit()
    outbox.deliver(at=SOON)
    assert times == [SOON.timestamp()]


def test_composers_run_without_the_request_of_the_test(shop: Shop, outbox: OutboxTester) -> None:
    @shop.outbox.email("shop.link")
    def link(session: Session) -> Email:
        return Email("A link", url_for("static", filename="x", _external=True))

    with shop.app.test_request_context():
        assert shop.session is not None
        shop.outbox.enqueue(link, to="susan@example.com")
        shop.session().commit()
        # A dispatcher has no request either, from which an address could be taken.
        with pytest.raises(RuntimeError, match="SERVER_NAME"):
            outbox.deliver()


def test_finished_messages_are_delivered_with_all_their_parts(
    shop: Shop, outbox: OutboxTester
) -> None:
    with shop.app.app_context():
        message = Message("Thank you", ["susan@example.com"], body="Thank you.", cc=["b@x.example"])
        message.attach("a.txt", "text/plain", b"A")
        shop.outbox.send(message)
    (email,) = outbox.deliver()
    assert [one.mailbox for one in email.recipients] == ["susan@example.com", "b@x.example"]
    assert (email.text, email.attachments[0].data) == ("Thank you.", b"A")


def test_a_message_is_delivered_once_with_a_return_path_too(
    shop: Shop, outbox: OutboxTester
) -> None:
    with shop.app.app_context():
        core = current_outbox()
        path = ReturnPath(parse_address("bounces@example.com"), (b"a key",))
        core.delivery = replace(core.delivery, return_path=path)
        core.send_email("Hi", None, ["susan@example.com", "bob@example.com"], "Hi.")
    (email,) = outbox.deliver()
    assert len(email.to) == 2


def test_nothing_leaves_by_mail_send_either_and_all_is_heard(shop: Shop) -> None:
    state = shop.app.extensions["mail"]
    state.suppress, state.servers = False, ()  # whoever connects to it fails
    mail = Mail()
    with OutboxTester(shop.app) as outbox, mail.record_messages() as heard:
        with shop.app.app_context():
            mail.send(Message("Now", ["susan@example.com"], body="Now."))
        shop.order(1)
        outbox.deliver()
    assert [one.subject for one in heard] == ["Now", "Your order"]
    assert state.suppress is False


@pytest.fixture
def plain(tmp_path: Path) -> Shop:
    return plain_shop(f"sqlite:///{tmp_path}/shop.db")


def test_plain_sessions_show_what_is_committed(plain: Shop) -> None:
    with OutboxTester(plain.app) as outbox:
        plain.app.test_client().post("/plain-orders/7")
        outbox.assert_queued(plain.confirmation, order_id=7)
        assert len(outbox.deliver()) == 1


def test_an_outbox_without_an_application_is_enough(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/shop.db")
    metadata.create_all(engine)
    sessions = sessionmaker(engine)
    made = Outbox(sessions, sender="shop@example.com")
    made.register(EmailType("note", lambda _session, context: Email("Note", context.locale)))
    with OutboxTester(made) as outbox:
        with sessions.begin() as session:
            made.enqueue(session, "note", "susan@example.com", locale="de")
        assert [one.text for one in outbox.deliver()] == ["de"]
    engine.dispose()


def test_a_test_that_rolls_its_own_connection_back_sees_all(database_url: str) -> None:
    """The outer transaction of SQLAlchemy's "Joining a Session into an External Transaction"."""
    engine = engine_of(database_url)
    with engine.connect() as connection:
        outer = connection.begin()
        sessions = sessionmaker(connection, join_transaction_mode="create_savepoint")
        made = Outbox(sessions, sender="shop@example.com")
        made.register(EmailType("note", lambda _session, _context: Email("Note", "Note.")))
        with OutboxTester(made) as outbox:
            with sessions.begin() as session:
                made.enqueue(session, "note", "susan@example.com")
            assert [one.subject for one in outbox.deliver()] == ["Note"]
            assert len(outbox.ended()) == 1
            outer.rollback()
            assert outbox.ended() == outbox.queued() == []
    engine.dispose()


def test_an_application_without_an_outbox_is_told_so() -> None:
    with pytest.raises(RuntimeError, match="no outbox"):
        OutboxTester(Flask(__name__))
