"""When a dispatcher polls, waits and pauses, step by step: nothing runs, and time is a number."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import sessionmaker

from flask_outbox import DeliveryOptions, Outbox, Priority
from flask_outbox.delivery.claims import Claims
from flask_outbox.delivery.dispatcher import (
    ALL_PRIORITIES,
    HIGH_ONLY,
    Dispatcher,
    DispatcherOptions,
)
from flask_outbox.delivery.servers import ServerHealth, one_server
from flask_outbox.outbox.rate_limits import parse_rate_limits
from flask_outbox.smtp.errors import SmtpError, Step
from tests.delivery.bare_outbox import NOW, bare_engine, put

LOOK_EVERY = 4.0
TROUBLE = SmtpError(Step.CONNECT, None, "nobody answers")


class Time:
    """The outbox's clock and the monotonic one, which stand still until they are moved."""

    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr("flask_outbox.delivery.servers.time.monotonic", made)
    return made


@pytest.fixture
def outbox(tmp_path: Path, time: Time) -> Iterator[Outbox]:
    with bare_engine(tmp_path) as engine:
        yield Outbox(sessionmaker(engine), sender="site@example.com", clock=time)


def made(outbox: Outbox, limits: str | None = None, connections: int = 2) -> Dispatcher:
    outbox.delivery = DeliveryOptions(rate_limits=parse_rate_limits(limits))
    options = DispatcherOptions(connections=connections, poll_every=LOOK_EVERY)
    return Dispatcher(outbox, one_server(lambda: pytest.fail("nothing is sent")), options=options)


def post(outbox: Outbox, *, due_in: float, waits_for: str = "") -> int:
    with outbox.sessions() as session:
        number = put(session, due_at=NOW + due_in, waits_for=waits_for)
        session.commit()
        return number


def test_one_thread_is_reserved_for_urgent_mail(outbox: Outbox) -> None:
    assert made(outbox, connections=2)._lanes() == [HIGH_ONLY, ALL_PRIORITIES, ALL_PRIORITIES]
    assert list(HIGH_ONLY) == [Priority.HIGH]
    assert list(ALL_PRIORITIES) == [*Priority]


@pytest.mark.parametrize(
    ("due_in", "seconds", "is_due"),
    [
        ([], LOOK_EVERY, False),
        ([-1.0], LOOK_EVERY, True),
        ([0.0], LOOK_EVERY, True),
        ([0.25], 0.25, False),
        ([LOOK_EVERY + 1], LOOK_EVERY, False),
        ([9.0, 0.5], 0.5, False),
    ],
)
def test_the_next_poll_is_when_something_is_due_or_after_a_while(
    outbox: Outbox, due_in: list[float], seconds: float, is_due: bool
) -> None:
    for each in due_in:
        post(outbox, due_in=each)
    looking = made(outbox)
    assert looking._until_next_poll() == seconds
    assert looking._is_due() is is_due
    looking.servers.all[0].health.failed(TROUBLE)
    assert not looking._is_due(), "nothing may leave"


def test_a_lost_database_is_polled_again_after_a_while(outbox: Outbox) -> None:
    post(outbox, due_in=-1)
    with outbox.engine.begin() as connection:
        connection.execute(text("ALTER TABLE outbox RENAME TO elsewhere"))
    looking = made(outbox, "1/second")
    assert looking._until_next_poll() == LOOK_EVERY
    assert not looking._is_due()
    assert not looking.refresh_rate_limited()


@pytest.mark.parametrize(
    ("limits", "in_trouble", "seconds"),
    [(None, False, math.inf), ("1/second", True, math.inf), ("1/second", False, 0.5)],
)
def test_limits_open_at_their_time_unless_the_server_is_in_trouble(
    outbox: Outbox, limits: str | None, in_trouble: bool, seconds: float
) -> None:
    looking = made(outbox, limits)
    looking.pacing.close(urgent=True, until=NOW + 0.5, now=NOW)
    if in_trouble:
        looking.servers.all[0].health.failed(TROUBLE)
    assert looking.opens_in(ALL_PRIORITIES) == seconds
    assert looking._may_proceed() == (not in_trouble)


def test_rate_limited_rows_are_refreshed_once_in_a_while(outbox: Outbox, time: Time) -> None:
    looking = made(outbox, "9/second")
    post(outbox, due_in=0, waits_for="a.example")
    assert looking.refresh_rate_limited()
    post(outbox, due_in=0, waits_for="b.example")
    time.now += LOOK_EVERY - 0.5
    assert not looking.refresh_rate_limited(), "it is too soon"
    time.now += 0.5
    assert looking.refresh_rate_limited()
    time.now += LOOK_EVERY
    assert not looking.refresh_rate_limited(), "this is no news"


@pytest.mark.parametrize(("opens_in", "seconds"), [(math.inf, LOOK_EVERY), (0.5, 0.5), (0.0, 0.0)])
def test_a_thread_waits_for_a_wake_up_but_no_longer_than_it_must(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch, opens_in: float, seconds: float
) -> None:
    looking = made(outbox)
    waited: list[float] = []
    heard: list[bool] = []

    def wait_for(predicate: Callable[[], bool], timeout: float) -> None:
        waited.append(timeout)
        heard.append(predicate())

    monkeypatch.setattr(looking._work, "wait_for", wait_for)
    looking._wait_for_work(0, opens_in)
    looking.wake()
    looking._wait_for_work(0, opens_in)
    looking._wait_for_work(1, opens_in)
    looking.stop()
    looking._wait_for_work(1, opens_in)
    assert waited == [seconds] * 4
    assert heard == [False, True, False, True]


def test_a_wake_up_is_not_missed_and_an_end_is_no_work(outbox: Outbox) -> None:
    looking = made(outbox)
    looking.wake()
    assert looking._wait_for_work(0, math.inf) == 1
    assert looking._wait_for_work(1, 0.0) == 1
    looking.wake()
    assert looking._wait_for_work(1, math.inf) == 2
    looking.stop()
    assert looking._wait_for_work(2, math.inf) == 2
    assert not looking._may_proceed()


class Listener:
    """Gets wake-ups or none, as scripted; then the dispatcher ends."""

    def __init__(self, looking: Dispatcher, *wakeups: bool) -> None:
        self.wakeups = [*wakeups]
        self.looking = looking
        self.waited: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.waited.append(seconds)
        if not self.wakeups[1:]:
            self.looking.stop()
        return self.wakeups.pop(0)


@pytest.mark.parametrize(
    ("wakeups", "due_in", "waits_for", "woken"),
    [
        ([False], 60.0, "", 0),
        ([True], 60.0, "", 1),
        ([True, False, True], 60.0, "", 2),
        ([False], -1.0, "", 1),
        ([False], -1.0, "example.com", 1),
        ([False, False], -1.0, "example.com", 1),
    ],
)
def test_threads_are_woken_by_wake_ups_by_due_rows_and_by_rate_limited_ones(
    outbox: Outbox, wakeups: list[bool], due_in: float, waits_for: str, woken: int
) -> None:
    """And once at the start, since mail may have come before."""
    post(outbox, due_in=due_in, waits_for=waits_for)
    looking = made(outbox, "9/second")
    listener = Listener(looking, *wakeups)
    looking._watch(listener)  # type: ignore[arg-type]
    assert looking._woken == 1 + woken
    assert listener.waited == [LOOK_EVERY] * len(wakeups)


class AllConnections:
    closed = 0
    idled = 0

    def close(self) -> None:
        self.closed += 1

    def close_if_idle(self) -> None:
        self.idled += 1


@pytest.mark.parametrize(
    ("wakeups", "opens_in", "works"),
    [
        ([0], math.inf, 0),
        ([0], LOOK_EVERY, 0),
        ([0], 0.5, 1),
        ([1], math.inf, 1),
        ([1], 0.5, 1),
        ([1, 1], math.inf, 1),
        ([1, 1, 2], math.inf, 2),
        ([0, 0], 0.5, 2),
    ],
)
def test_a_thread_works_when_it_was_woken_or_a_limit_opens(
    outbox: Outbox,
    monkeypatch: pytest.MonkeyPatch,
    wakeups: list[int],
    opens_in: float,
    works: int,
) -> None:
    looking, transport = made(outbox), AllConnections()
    worked: list[range] = []
    heard: list[tuple[int, float]] = []

    def wait_for_work(seen: int, seconds: float) -> int:
        heard.append((seen, seconds))
        if len(heard) == len(wakeups):
            looking.stop()
        return wakeups[len(heard) - 1]

    monkeypatch.setattr("flask_outbox.delivery.dispatcher.Connections", lambda _all: transport)
    monkeypatch.setattr(looking, "opens_in", lambda _lanes: opens_in)
    monkeypatch.setattr(looking, "_wait_for_work", wait_for_work)
    monkeypatch.setattr(
        looking, "deliver_due", lambda _delivery, priorities: worked.append(priorities)
    )
    looking._deliver_all(HIGH_ONLY, looking.lease_keeper())
    assert worked == [HIGH_ONLY] * works
    assert heard == list(zip([0, *wakeups], [opens_in] * len(wakeups), strict=False))
    assert (transport.idled, transport.closed) == (len(wakeups), 1)


def test_an_unexpected_exception_ends_no_thread(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looking = made(outbox)
    waited: list[float] = []
    monkeypatch.setattr(looking._stopping, "wait", waited.append)

    class Failing:
        def __init__(self, end: Exception) -> None:
            self.end = end

        def run(self, _lanes: range, **_rest: object) -> int:
            raise self.end

    for end in (OperationalError(None, None, ValueError("gone")), LookupError("a mistake")):
        looking.deliver_due(Failing(end), ALL_PRIORITIES)  # type: ignore[arg-type]
    assert "cannot be written: gone" in caplog.text
    assert "A delivery failed unexpectedly" in caplog.text
    assert waited == [LOOK_EVERY] * 2
    assert looking.servers.all[0].health.pause() == 0


def test_trouble_is_logged_when_it_begins_and_when_it_ends(
    time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    health = ServerHealth()
    health.succeeded()
    assert caplog.messages == []
    for _ in range(3):
        health.failed(TROUBLE)
        time.now += 100
    health.succeeded()
    health.succeeded()
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    assert "nobody answers" in caplog.messages[0]
    health.failed(TROUBLE)
    assert len(caplog.messages) == 3


def test_the_defaults_are_four_connections_and_a_poll_every_second() -> None:
    said = DispatcherOptions()
    assert (said.connections, said.lease, said.poll_every) == (4, 20.0, 1.0)
    assert said.retention == 30 * 86400


def test_all_pause_together_for_longer_each_time(time: Time) -> None:
    health = ServerHealth()
    assert health.pause() == 0
    pauses = []
    for _ in range(9):
        health.failed(TROUBLE)
        time.now += 0.125
        health.failed(TROUBLE)  # another thread's, of the same moment
        pauses.append(health.pause() + 0.125)
        time.now += health.pause()
        assert health.pause() == 0
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    health.failed(TROUBLE)
    health.succeeded()
    assert health.pause() == 0
    health.failed(TROUBLE)
    assert health.pause() == 1


@pytest.mark.parametrize(
    ("step", "code", "longest"),
    [
        (Step.AUTH, 535, 300),
        (Step.AUTH, 500, 300),
        (Step.AUTH, 454, 60),
        (Step.AUTH, None, 60),
        (Step.MAIL, 550, 60),
    ],
)
def test_a_refused_log_in_has_the_longest_pause(
    time: Time, step: Step, code: int | None, longest: float
) -> None:
    health = ServerHealth()
    for _ in range(30):
        health.failed(SmtpError(step, code, "no"))
        pause = health.pause()
        time.now += pause
    assert pause == longest


def test_each_thread_claims_by_itself_under_limits_that_all_know(outbox: Outbox) -> None:
    looking = made(outbox, "1/minute")
    for _ in range(2):
        post(outbox, due_in=-1)
    one, other = looking._claims(), looking._claims()
    assert isinstance(one, Claims)
    assert one.claim(ALL_PRIORITIES, now=NOW) is not None
    assert one.claim(ALL_PRIORITIES, now=NOW) is None
    assert looking.opens_in(ALL_PRIORITIES) == 1.0
    assert other.claim(ALL_PRIORITIES, now=NOW) is None
    for claims in (one, other):
        claims.close()
