"""The example of typed mail: composed late, translated, with a file, once per key, and later."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
from flask import Flask
from flask.testing import FlaskClient

from flask_outbox.testing import OutboxTester
from tests.examples.loading import load
from tests.extensions import needs_lite

pytestmark = needs_lite

ORDER = {"address": "susan@example.com", "goods": "a kettle"}


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModuleType]:
    monkeypatch.chdir(tmp_path)
    module = load("shop", monkeypatch)
    yield module
    with module.app.app_context():
        module.db.engine.dispose()


@pytest.fixture
def app(shop: ModuleType) -> Flask:
    made: Flask = shop.app
    return made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def test_an_order_is_confirmed_with_a_receipt(client: FlaskClient, outbox: OutboxTester) -> None:
    assert client.post("/orders", data=ORDER).text == "Ordered.\n"
    (email,) = outbox.deliver()
    assert (email.subject, email.text) == ("Your order", "Thank you for ordering: a kettle\n")
    (receipt,) = email.attachments
    assert (receipt.filename, receipt.data) == ("receipt.csv", b"order,goods\n1,a kettle\n")


def test_buyers_are_written_to_in_their_language(client: FlaskClient, outbox: OutboxTester) -> None:
    answer = client.post("/orders", data=ORDER, headers={"Accept-Language": "de-AT, de;q=0.9"})
    assert answer.text == "Bestellt.\n"
    (email,) = outbox.deliver()
    assert (email.subject, email.text) == (
        "Ihre Bestellung",
        "Danke für Ihre Bestellung: a kettle\n",
    )


def test_a_withdrawn_order_is_not_confirmed(
    shop: ModuleType, client: FlaskClient, outbox: OutboxTester
) -> None:
    client.post("/orders", data=ORDER)
    with shop.app.app_context():
        shop.db.session.delete(shop.db.session.get(shop.Order, 1))
        shop.db.session.commit()
    assert outbox.deliver() == []
    assert outbox.ended()[0].answer == "The order was withdrawn."


def test_each_buyer_is_asked_once_and_two_weeks_later(
    shop: ModuleType, client: FlaskClient, outbox: OutboxTester
) -> None:
    for goods in ("a kettle", "a pot"):
        client.post("/orders", data={**ORDER, "goods": goods})
    client.post("/orders", data={"address": "bob@example.com", "goods": "tea"})
    assert len(outbox.queued(shop.question)) == 2
    assert len(outbox.deliver()) == 3
    later = datetime.now(UTC) + timedelta(days=15)
    assert [one.subject for one in outbox.deliver(at=later)] == ["Are you content?"] * 2


def test_an_address_that_is_none_leaves_neither_order_nor_mail(
    shop: ModuleType, client: FlaskClient, outbox: OutboxTester
) -> None:
    assert client.post("/orders", data={**ORDER, "address": "susan"}).status_code == 400
    outbox.assert_nothing_queued()
    with shop.app.app_context():
        assert shop.db.session.get(shop.Order, 1) is None
