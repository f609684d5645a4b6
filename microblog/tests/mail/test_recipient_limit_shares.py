"""Mail that strangers trigger is counted together, reset links separately."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from flask_outbox import EmailType, Outbox, current_outbox
from flask_outbox.delivery.admission import admit
from flask_outbox.delivery.claims import Claim, Claims
from flask_outbox.delivery.dispatcher import ALL_PRIORITIES
from flask_outbox.outbox.email_types import DAY, HOUR, MINUTE
from flask_outbox.outbox.limits import RecipientLimit, Share
from flask_outbox.outbox.models import Status
from tests.delivery.bare_outbox import NOW, bare_engine, put
from tests.outbox_rows import rows
from tests.smtp_server import ScriptedServer
from tests.statements import recorded
from tests.visitor import ON_SQLITE, Visitor, make_user

pytestmark = pytest.mark.slow

SUSAN = "susan@example.com"
OTHERS = Share(("verify", "change"))
WAY_BACK = Share(("reset",), stays_open=True)
GUARD = RecipientLimit(messages=3, seconds=15 * MINUTE, daily=10)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with bare_engine(tmp_path) as engine, Session(engine) as made:
        yield made


def ask(session: Session, kind: str, now: float) -> bool:
    """Whether a message that somebody triggers then is admitted."""
    number = put(session, recipient_key=SUSAN, kind=kind)
    held = Claim(
        number,
        kind,
        SUSAN,
        SUSAN,
        "en",
        {},
        None,
        "<any@example.com>",
        now,
        None,
        None,
        1,
        1,
        [],
        None,
    )
    share = WAY_BACK if kind in WAY_BACK.kinds else OTHERS
    return admit(session, held, GUARD, now=now, share=share)


def test_email_types_that_strangers_trigger_are_counted_together(session: Session) -> None:
    kinds = ["verify", "change"] * 4
    assert [ask(session, kind, NOW) for kind in kinds] == [True] * 3 + [False] * 5


def test_other_email_types_never_use_up_the_reset_links(session: Session) -> None:
    for minute in range(0, 24 * 60, 5):
        ask(session, "verify", NOW + minute * MINUTE)
        ask(session, "change", NOW + minute * MINUTE)
    assert ask(session, "reset", NOW + DAY - 1)
    assert not ask(session, "verify", NOW + DAY - 1)


def test_a_day_of_requests_brings_few_messages(session: Session) -> None:
    """Somebody asks for mail to one address every five minutes, all day long."""
    moments = [NOW + minute * MINUTE for minute in range(0, 24 * 60, 5)]
    assert sum(ask(session, "verify", moment) for moment in moments) == 10
    links = [moment for moment in moments if ask(session, "reset", moment)]
    assert len(links) <= 10 + 23
    waits = [after - before for before, after in pairwise(links)]
    assert max(waits) == HOUR, "a stranger can shut the owner out"
    assert links[-1] > moments[-1] - HOUR


@pytest.mark.parametrize(
    ("posted", "opens_in"),
    [
        ([], None),
        ([0, 0], None),
        ([0, 0, 0], 15 * MINUTE),
        ([-10 * MINUTE, -MINUTE, 0], 5 * MINUTE),
        ([-10 * MINUTE, -MINUTE, 0, 0], 14 * MINUTE),
        ([-15 * MINUTE, 0, 0], None),
        ([-DAY + HOUR, *[-2 * HOUR] * 9], HOUR),
        ([-DAY, *[-2 * HOUR] * 9], None),
        ([-DAY + MINUTE, *[-2 * HOUR] * 7, 0, 0, 0], 22 * HOUR),
    ],
)
def test_when_the_next_message_would_be_admitted(
    posted: list[float], opens_in: float | None
) -> None:
    opens = GUARD.opens_at([NOW + one for one in posted], now=NOW)
    assert opens == (None if opens_in is None else NOW + opens_in)


@ON_SQLITE
def test_one_address_gets_six_messages_at_once_whatever_strangers_press(
    app: Flask, visitor: Visitor, deliver: Callable[[], int], smtp: ScriptedServer
) -> None:
    make_user(app, "susan")
    for number in range(5):
        Visitor(app).register(f"stranger{number}", email="Susan@example.com")
        visitor.ask_for_reset(SUSAN)
    deliver()
    subjects = [str(one.message["Subject"]) for one in smtp.received]
    assert len(subjects) == 6
    assert sum("Reset Your Password" in one for one in subjects) == 3
    held_back = [row for row in rows(app) if row.status == Status.DISCARDED]
    assert len(held_back) == 4
    assert "3 such messages within 15 minutes, or 10 within a day" in (held_back[0].answer or "")


def test_of_many_at_once_of_several_types_exactly_three_are_admitted(app: Flask) -> None:
    with app.app_context():
        outbox = current_outbox()
        for name in OTHERS.kinds:
            outbox.register(EmailType(name, lambda _session, _context: pytest.fail("not composed")))
        with outbox.sessions() as session:
            for number in range(12):
                outbox.enqueue(session, OTHERS.kinds[number % 2], SUSAN)
            session.commit()
        assert sorted(admitted_at_once(outbox, 12)) == [False] * 9 + [True] * 3


def admitted_at_once(outbox: Outbox, count: int) -> list[bool]:
    with closing(Claims(outbox.engine, lease=60)) as claims:
        held = [claims.claim(ALL_PRIORITIES, now=outbox.clock()) for _ in range(count)]
    answers: list[bool] = []
    start = threading.Barrier(count)

    def deliver(claim: Claim | None) -> None:
        assert claim is not None
        start.wait(60)
        with outbox.sessions() as session:
            answers.append(admit(session, claim, GUARD, now=outbox.clock(), share=OTHERS))
            session.commit()

    threads = [threading.Thread(target=deliver, args=[claim]) for claim in held]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


def test_counting_uses_an_index(session: Session) -> None:
    """However much mail of these types there is, and however much to the address."""
    engine = session.connection().engine
    for kind in ("verify", "reset"):
        with recorded(engine) as asked:
            ask(session, kind, NOW)
        (mark,) = [one.replace("?", "1") for one in asked if one.startswith("UPDATE outbox")]
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {mark}").all()
        steps = [step for *_numbers, step in plan if "outbox_" in step]
        assert len(steps) >= 2
        index = "ix_outbox_admitted (recipient_key=? AND kind=? AND admitted_at>?)"
        assert all(index in step for step in steps), plan
