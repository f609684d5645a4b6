"""One address gets few messages that strangers can trigger; a suppressed one gets none."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing

import pytest
from flask import Flask

from flask_outbox import EmailType, Outbox, current_outbox
from flask_outbox.application import make_dispatcher
from flask_outbox.delivery.admission import admit
from flask_outbox.delivery.claims import Claims
from flask_outbox.delivery.dispatcher import ALL_PRIORITIES
from flask_outbox.operations import messages
from flask_outbox.outbox import suppressions
from flask_outbox.outbox.limits import RecipientLimit
from flask_outbox.outbox.models import Status
from microblog.database import utc_now
from microblog.settings import Settings
from tests.outbox_rows import rows
from tests.scopes import set_clock
from tests.smtp_server import ScriptedServer
from tests.statements import recorded
from tests.visitor import Visitor, make_user, words

pytestmark = pytest.mark.delivery

SPELLINGS = ["susan@example.com", "SUSAN@Example.com", " Susan@EXAMPLE.com "]


def test_one_address_gets_three_resets_in_a_quarter_of_an_hour(
    app: Flask,
    deliver: Callable[[], int],
    smtp: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_user(app, "susan")
    make_user(app, "john")
    set_clock(monkeypatch, utc_now())
    pages = []
    for typed in (*SPELLINGS, *SPELLINGS, SPELLINGS[0], "john@example.com"):
        page = words(Visitor(app).ask_for_reset(typed))
        pages.append(page.replace(typed.strip(), "TYPED"))
    assert len(set(pages)) == 1, "the answer tells what others asked for"
    deliver()
    assert sorted(one.recipients[0] for one in smtp.received) == [
        "john@example.com",
        *["susan@example.com"] * 3,
    ]
    surplus = [row for row in rows(app) if row.status == Status.DISCARDED]
    assert len(surplus) == 4
    assert "3 such messages within 15 minutes" in (surplus[0].answer or "")


def test_after_the_quarter_of_an_hour_there_is_mail_again(
    app: Flask, visitor: Visitor, deliver: Callable[[], int], smtp: ScriptedServer
) -> None:
    make_user(app, "susan")
    for _ in range(4):
        visitor.ask_for_reset("susan@example.com")
    deliver()
    assert len(smtp.received) == 3
    with app.app_context():
        made = current_outbox()
    now = made.clock()
    made.clock = lambda: now + 15 * 60 + 1
    visitor.ask_for_reset("susan@example.com")
    deliver()
    assert len(smtp.received) == 4


def test_an_admitted_message_is_not_stopped_at_its_next_attempt(
    app: Flask, visitor: Visitor, deliver: Callable[[], int], smtp: ScriptedServer
) -> None:
    make_user(app, "susan")
    smtp.script = {"rcpt": ["451 4.7.1 Greylisted"] * 3}
    for _ in range(3):
        visitor.ask_for_reset("susan@example.com")
    deliver()
    assert smtp.received == []
    with app.app_context():
        made = current_outbox()
    now = made.clock()
    made.clock = lambda: now + 90
    visitor.ask_for_reset("susan@example.com")
    deliver()
    assert len(smtp.received) == 3
    assert [row.status for row in rows(app)] == [*[Status.SENT] * 3, Status.DISCARDED]


def test_of_many_at_once_exactly_three_are_admitted(app: Flask) -> None:
    with app.app_context():
        made = current_outbox()
        made.register(
            EmailType("tests.knock", lambda _session, _context: pytest.fail("not composed"))
        )
        with made.sessions() as session:
            for _ in range(12):
                made.enqueue(session, "tests.knock", "susan@example.com")
            session.commit()
        admitted = admit_in_parallel(made, 12)
    assert sum(admitted) == 3
    assert len(admitted) == 12


def test_an_address_that_does_not_exist_gets_nothing_more(
    app: Flask, visitor: Visitor, deliver: Callable[[], int], smtp: ScriptedServer
) -> None:
    make_user(app, "susan")
    smtp.script = {"rcpt": ["550 5.1.1 No such user here"]}
    visitor.ask_for_reset("susan@example.com")
    deliver()
    visitor.ask_for_reset("SUSAN@example.com")
    deliver()
    first, second = rows(app)
    assert (first.status, second.status) == (Status.DEAD, Status.DISCARDED)
    assert "5.1.1 No such user here" in (second.answer or "")
    assert smtp.received == []
    with app.app_context(), current_outbox().sessions() as session:
        assert suppressions.lift_suppression(session, "susan@example.com")
        session.commit()
        messages.retry(session, first.id, now=current_outbox().clock())
        session.commit()
    deliver()
    assert [one.recipients for one in smtp.received] == [["susan@example.com"]]


@pytest.mark.parametrize(
    ("answer", "condemned"),
    [
        ("550 5.1.1 No such user", True),
        ("550 5.1.10 The domain takes no mail", True),
        ("550 5.7.1 Spam", False),
        ("552 5.2.2 Mailbox full", False),
        ("550 No such user", False),
        ("550 15.1.1 nonsense", False),
    ],
)
def test_only_a_refusal_of_the_address_suppresses_it(answer: str, *, condemned: bool) -> None:
    assert suppressions.condemns_address(answer) is condemned


def admit_in_parallel(made: Outbox, count: int) -> list[bool]:
    claims = Claims(made.engine, lease=60)
    held = [claims.claim(range(3), now=made.clock()) for _ in range(count)]
    claims.close()
    answers: list[bool] = []
    start = threading.Barrier(count)

    def ask(number: int) -> None:
        claim = held[number]
        assert claim is not None
        start.wait()
        with made.sessions() as session:
            answers.append(admit(session, claim, RecipientLimit(3, 900), now=made.clock()))
            session.commit()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_the_numbers_are_settings(
    make_app: Callable[..., Flask], make_settings: Callable[..., Settings], smtp: ScriptedServer
) -> None:
    changes = {"MAIL_GUARD_MESSAGES": 1, "MAIL_GUARD_MINUTES": 5, "MAIL_GUARD_DAILY": 7}
    app = make_app(PUBLIC_URL="http://localhost", **changes)
    visitor = Visitor(app)
    make_user(app, "susan")
    for _ in range(3):
        visitor.ask_for_reset("susan@example.com")
    with app.app_context():
        make_dispatcher(app).drain()
        assert current_outbox().delivery.recipient_limit == RecipientLimit(1, 300, 7)
    assert len(smtp.received) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_admission_reads_only_the_rows_it_counts(app: Flask) -> None:
    """However much mail of the type there is, and however much to the address."""
    with app.app_context():
        outbox = current_outbox()
        outbox.send_email("Hello", None, ["susan@example.com"], "text")
        with closing(Claims(outbox.engine, lease=60)) as claims:
            held = claims.claim(ALL_PRIORITIES, now=outbox.clock())
        assert held is not None
        with recorded(outbox.engine) as asked, outbox.sessions() as session:
            assert admit(session, held, outbox.delivery.recipient_limit, now=outbox.clock())
            session.rollback()
        (mark,) = [one.replace("?", "1") for one in asked if one.startswith("UPDATE outbox")]
        with outbox.engine.connect() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {mark}").all()
    counting = "ix_outbox_admitted (recipient_key=? AND kind=? AND admitted_at>?)"
    assert any(counting in step for *_numbers, step in plan), plan
