"""Messages as they stand on a page: in groups by sender and time, below the names of days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from microblog.messages.models import PrivateMessage
from microblog.people.linking import linked
from microblog.web.times import day_name, time_of_day

GROUP_LASTS = timedelta(minutes=5)
"""Messages of one person within this time share one line with their time."""


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message. `body` is None if it was deleted.

    `day` is the heading above it, if it is the first of its day; `time` stands below the last one
    of a group.
    """

    id: int
    body: Markup | None
    is_own: bool
    day: str
    is_last: bool
    moment: datetime
    time: str
    is_seen: bool


def bubbles(
    messages: Sequence[PrivateMessage],
    reader_id: int,
    *,
    seen_through: int,
    now: datetime,
    shown: PrivateMessage | None = None,
) -> list[Bubble]:
    """Messages as their reader sees them; `now` is in the reader's time zone.

    `seen_through` is the newest that the other has seen, `shown` the one that stands above already.
    """
    days = [day_name(one.created_at, now=now) for one in messages]
    above = day_name(shown.created_at, now=now) if shown else ""
    zone = now.tzinfo
    assert zone is not None  # noqa: S101 - it is the reader's
    return [
        Bubble(
            id=message.id,
            body=None if message.deleted_at else linked(message.body),
            is_own=message.sender_id == reader_id,
            day=day if day != before else "",
            is_last=following is None or not _in_one_group(message, following, day, next_day),
            moment=message.created_at,
            time=time_of_day(message.created_at, zone),
            is_seen=message.sender_id == reader_id and message.id <= seen_through,
        )
        for message, following, before, day, next_day in zip(
            messages,
            [*messages[1:], None],
            [above, *days],
            days,
            [*days[1:], ""],
            strict=False,
        )
    ]


def _in_one_group(one: PrivateMessage, following: PrivateMessage, day: str, next_day: str) -> bool:
    return (
        one.sender_id == following.sender_id
        and day == next_day
        and following.created_at - one.created_at < GROUP_LASTS
    )
