"""How rate limits are written."""

from __future__ import annotations

import pytest

from flask_outbox.outbox.rate_limits import RateLimit, parse_rate_limits


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("14/second", [RateLimit(14, 1)]),
        ("1/5seconds", [RateLimit(1, 5)]),
        (" 30 / minute ,10000/ 1 day", [RateLimit(30, 60), RateLimit(10000, 86400)]),
        ("500/2hours,", [RateLimit(500, 7200)]),
        ("", []),
        (None, []),
    ],
)
def test_a_limit_is_a_number_in_a_time(text: str | None, limits: list[RateLimit]) -> None:
    assert parse_rate_limits(text).overall == tuple(limits)


def test_a_domain_has_its_own_limits_or_those_of_all_others() -> None:
    found = parse_rate_limits(None, "Gmail.com=20/minute, *=5/second, gmail.com=500/day")
    assert found.of("gmail.com") == (RateLimit(20, 60), RateLimit(500, 86400))
    assert found.of("example.com") == (RateLimit(5, 1),)
    assert parse_rate_limits(None, "exämple.com=1/hour").of("xn--exmple-cua.com")
    assert not parse_rate_limits(None, "gmail.com=1/hour").of("example.com")


def test_no_limits_are_none() -> None:
    assert not parse_rate_limits()
    assert parse_rate_limits("1/day")
    assert parse_rate_limits(None, "*=1/day")


@pytest.mark.parametrize(
    ("overall", "by_domain", "words"),
    [
        ("14", None, "write 14/second"),
        ("0.2/second", None, "write 14/second"),
        ("-1/second", None, "write 14/second"),
        ("5/week", None, "write 14/second"),
        ("0/second", None, "at least 1 message"),
        ("1/0seconds", None, "at least 1 message"),
        ("100001/day", None, "at most 100000"),
        ("5/second 9/minute", None, "write 14/second"),
        ("5/second, 9/second", None, "and another limit for the same period"),
        ("5/minute, 9/60seconds", None, "and another limit for the same period"),
        (None, "20/minute", "isn't like gmail.com=20/minute"),
        (None, "gmail.com=", "write 14/second"),
        (None, "=20/minute", "isn't a domain"),
        (None, "gmail com=20/minute", "isn't a domain"),
        (None, "a@gmail.com=20/minute", "isn't a domain"),
    ],
)
def test_an_invalid_limit_is_refused_with_an_example(
    overall: str | None, by_domain: str | None, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        parse_rate_limits(overall, by_domain)


@pytest.mark.parametrize(
    ("limit", "reserved"),
    [
        (RateLimit(100, 1), 0),
        (RateLimit(100, 59), 0),
        (RateLimit(1, 86400), 0),
        (RateLimit(2, 60), 1),
        (RateLimit(30, 60), 3),
        (RateLimit(2000, 86400), 200),
    ],
)
def test_a_tenth_of_a_longer_limit_is_reserved_for_urgent_mail(
    limit: RateLimit, reserved: int
) -> None:
    assert limit.reserved == reserved
