"""Rate limits: how many messages may leave within a time, in all and to each domain.

A limit is a number of messages in a time, such as `14/second`, `30/minute`, `10000/day` or
`1/5seconds`. It holds for any stretch of that time, not only for whole minutes of the clock.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from flask_outbox.message.addresses import AddressError, parse_domain
from flask_outbox.translation import gettext as _

LARGEST_COUNT = 100_000
ANY_DOMAIN = "*"

RESERVED_FROM_SECONDS = 60
"""A shorter limit reserves nothing: its next slot is free soon enough for anybody."""

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_LIMIT = re.compile(r"(\d{1,6})\s*/\s*(\d{0,3})\s*(second|minute|hour|day)s?")


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `count` messages in any `seconds`."""

    count: int
    seconds: int

    @property
    def reserved(self) -> int:
        """How many of the messages are reserved for urgent mail: a tenth, at least one.

        Otherwise bulk mail could use up the day's limit, and a password reset would wait a day.
        """
        if self.seconds < RESERVED_FROM_SECONDS or self.count == 1:
            return 0
        return max(1, self.count // 10)


@dataclass(frozen=True)
class RateLimits:
    """Limits on all messages together, and on those to each domain (`*`: any other domain)."""

    overall: tuple[RateLimit, ...] = ()
    by_domain: Mapping[str, tuple[RateLimit, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.overall or self.by_domain)

    def of(self, domain: str) -> tuple[RateLimit, ...]:
        """The limits on messages to this domain."""
        return self.by_domain.get(domain) or self.by_domain.get(ANY_DOMAIN, ())


def parse_rate_limits(overall: str | None = None, by_domain: str | None = None) -> RateLimits:
    """Parse limits: `14/second, 50000/day`; by domain, `gmail.com=20/minute, *=5/second`.

    Raises ValueError with the reason.
    """
    domains: dict[str, tuple[RateLimit, ...]] = {}
    for part in _parts(by_domain):
        domain, separator, limit = part.partition("=")
        if not separator:
            words = _("contains {part!r}, which isn't like gmail.com=20/minute")
            raise ValueError(words.format(part=part))
        name = _domain(domain.strip())
        domains[name] = _with(domains.get(name, ()), limit.strip())
    limits: tuple[RateLimit, ...] = ()
    for part in _parts(overall):
        limits = _with(limits, part)
    return RateLimits(limits, domains)


def _parts(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _with(others: tuple[RateLimit, ...], text: str) -> tuple[RateLimit, ...]:
    limit = _limit(text)
    if limit.seconds in {other.seconds for other in others}:
        words = _("contains {part!r} and another limit for the same period")
        raise ValueError(words.format(part=text))
    return (*others, limit)


def _limit(text: str) -> RateLimit:
    found = _LIMIT.fullmatch(text)
    if found is None:
        words = _(
            "contains {part!r}, which isn't a limit: write 14/second, 30/minute, 500/day or"
            " 1/5seconds"
        )
        raise ValueError(words.format(part=text))
    count, seconds = int(found[1]), int(found[2] or 1) * _SECONDS[found[3]]
    if not 1 <= count <= LARGEST_COUNT or not seconds:
        words = _("contains {part!r}: a limit is at least 1 message and at most {most}")
        raise ValueError(words.format(part=text, most=LARGEST_COUNT))
    return RateLimit(count, seconds)


def _domain(text: str) -> str:
    try:
        return text if text == ANY_DOMAIN else parse_domain(text)
    except AddressError as error:
        raise ValueError(_("contains {reason}").format(reason=error)) from None
