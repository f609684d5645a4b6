"""What comes in about mail is stored once, whatever it is."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from flask_outbox.feedback.intake import KEPT_BYTES, store, store_message
from flask_outbox.outbox.models import MailReport
from tests.application import db, transaction

pytestmark = pytest.mark.usefixtures("app_context")

NOW = 1_800_000_000.0


def kept() -> list[MailReport]:
    return list(db.session.scalars(select(MailReport).order_by(MailReport.id)))


def test_a_report_is_stored_as_it_came() -> None:
    with transaction() as session:
        assert store(session, source="ses", event_id="1", content=b"\0\xff{}", now=NOW)

    (report,) = kept()
    assert (report.source, report.event_id, report.content) == ("ses", "1", b"\0\xff{}")
    assert (report.received_at, report.due_at, report.note) == (NOW, NOW, None)
    assert report.envelope_recipient == ""


def test_an_event_is_there_once_for_each_way_in() -> None:
    with transaction() as session:
        assert store(session, source="ses", event_id="1", content=b"first", now=NOW)
        assert not store(session, source="ses", event_id="1", content=b"second", now=NOW)
        assert store(session, source="mailgun", event_id="1", content=b"third", now=NOW)

    assert [report.content for report in kept()] == [b"first", b"third"]


def test_a_report_can_wait() -> None:
    with transaction() as session:
        store(session, source="ses", event_id="1", content=b"", now=NOW, due_at=NOW + 60)

    assert kept()[0].due_at == NOW + 60


@pytest.mark.parametrize("event_id", ["x" * 300, "a\0b", "\ud800", "\n"])
def test_any_event_id_can_be_stored(event_id: str) -> None:
    with transaction() as session:
        assert store(session, source="ses", event_id=event_id, content=b"", now=NOW)
        assert not store(session, source="ses", event_id=event_id, content=b"", now=NOW)


def test_a_message_counts_once_for_each_recipient() -> None:
    def stored(recipient: str) -> bool:
        with transaction() as session:
            return store_message(
                session, source="pipe", content=b"Hm", envelope_recipient=recipient, now=NOW
            )

    assert stored("bounces+1@example.com")
    assert not stored("bounces+1@example.com")
    assert stored("bounces+2@example.com")


def test_of_a_large_message_the_beginning_is_stored() -> None:
    with transaction() as session:
        store_message(session, source="pipe", content=b"x" * (KEPT_BYTES + 1), now=NOW)

    assert kept()[0].content == b"x" * KEPT_BYTES


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("<bounces+1@example.com>", "bounces+1@example.com"),
        ("a\0@example.com", ""),
        ("x" * 400 + "@example.com", ""),
        ("", ""),
    ],
)
def test_only_what_can_be_ours_is_stored_as_the_recipient(written: str, address: str) -> None:
    with transaction() as session:
        store_message(session, source="pipe", content=b"", envelope_recipient=written, now=NOW)

    assert kept()[0].envelope_recipient == address
