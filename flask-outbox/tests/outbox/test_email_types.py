"""What an email type decides about its messages."""

from __future__ import annotations

import dataclasses

import pytest

from flask_outbox import Discard, EmailType, Priority
from flask_outbox.message.email import BadHeaderError
from flask_outbox.outbox.email_types import FAST_RETRY, SLOW_RETRY

MINUTES = {
    FAST_RETRY: [1, 3, 10, 30, 60, 60, 60],
    SLOW_RETRY: [5, 15, 30, 60, 120, 240, 480, 720, 1440],
}


def kind(**changes: object) -> EmailType:
    return dataclasses.replace(EmailType("any", lambda _session, _context: Discard("")), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("delays", MINUTES, ids=["prompt", "patient"])
def test_each_retry_delay_varies_by_a_tenth(
    delays: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that messages that failed together are not retried together."""
    made = kind(delays=delays)
    assert made.attempts == len(delays) + 1
    asked: list[tuple[float, float]] = []
    for factor in (0.9, 1.0, 1.1):

        def uniform(low: float, high: float, factor: float = factor) -> float:
            asked.append((low, high))
            return factor

        monkeypatch.setattr("flask_outbox.outbox.email_types.random.uniform", uniform)
        waits = [made.delay(failures) for failures in range(1, made.attempts)]
        assert waits == [pytest.approx(each * 60 * factor) for each in MINUTES[delays]]
    assert set(asked) == {(0.9, 1.1)}
    assert made.delay(made.attempts) is None
    assert made.delay(made.attempts + 1) is None


def test_an_email_type_without_delays_is_tried_once() -> None:
    assert kind(delays=()).attempts == 1
    assert kind(delays=()).delay(1) is None


def test_the_defaults_of_an_email_type() -> None:
    made = kind()
    assert (made.priority, made.expires_after, made.delays) == (Priority.NORMAL, None, SLOW_RETRY)
    assert (made.repeat_unknown, made.guarded, made.automatic, made.kept) == (True, False, True, ())
    assert [int(lane) for lane in (Priority.HIGH, Priority.NORMAL, Priority.LOW)] == [0, 1, 2], (
        "stored"
    )


def test_an_email_type_sets_the_headers_for_automatic_mail_and_unsubscribing() -> None:
    assert kind().headers("a@b.example", {}) == {"Auto-Submitted": "auto-generated"}
    assert kind(automatic=False).headers("a@b.example", {}) == {}
    made = kind(unsubscribe=lambda to, arguments: f"https://x.example/{to}?{arguments['a']}")
    assert made.headers("a@b.example", {"a": 1}) == {
        "Auto-Submitted": "auto-generated",
        "List-Unsubscribe": "<https://x.example/a@b.example?1>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


@pytest.mark.parametrize(
    "address",
    ["http://x.example/", "https://", "https://x.example/a b", "https://x.example/>", "/x", ""],
)
def test_an_address_that_mail_programs_do_not_take_is_refused(address: str) -> None:
    with pytest.raises(BadHeaderError, match="https address"):
        kind(unsubscribe=lambda _to, _arguments: address).headers("a@b.example", {})
