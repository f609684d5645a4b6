"""What people want to be emailed: each kind at once, in a bundle each day or week, or never.

Nobody is emailed who did not choose it. What is bundled belongs to a window: from the end of the
last one to a moment of the reader's clock, so that nothing is in two bundles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from microblog.accounts.models import User
from microblog.notifications.models import EmailPreference
from microblog.notifications.schedule import latest_moment, next_moment
from microblog.web.times import zone_named


class EmailedKind(StrEnum):
    """What people can be emailed about."""

    REPLY = "reply"
    MENTION = "mention"
    MESSAGE = "message"


class Frequency(StrEnum):
    """How soon."""

    AT_ONCE = "at_once"
    DAILY = "daily"
    WEEKLY = "weekly"
    NEVER = "never"


LIST = "digest"
"""The list of all these emails: one click ends them."""

BUNDLED = frozenset({Frequency.DAILY, Frequency.WEEKLY})

USUAL_HOUR = 8
USUAL_WEEKDAY = 0

Window = tuple[datetime, datetime]
"""What came in after the first moment, the second included."""


@dataclass(frozen=True, slots=True)
class EmailChoice:
    """What a person chooses: how soon for each kind, and when bundles leave.

    `hour` is 0 to 23 on their clock, `weekday` 0 to 6 from Monday on.
    """

    frequencies: Mapping[EmailedKind, Frequency]
    hour: int = USUAL_HOUR
    weekday: int = USUAL_WEEKDAY

    @property
    def wants_any(self) -> bool:
        return {*self.frequencies.values()} != {Frequency.NEVER}


NOTHING = EmailChoice(dict.fromkeys(EmailedKind, Frequency.NEVER))


def choice_of(preference: EmailPreference | None) -> EmailChoice:
    """What somebody chose; nothing, unless they did."""
    if preference is None:
        return NOTHING
    frequencies = {kind: frequency_of(preference, kind) for kind in EmailedKind}
    return EmailChoice(frequencies, preference.hour, preference.weekday)


def frequency_of(preference: EmailPreference, kind: EmailedKind) -> Frequency:
    return Frequency(getattr(preference, kind.value))


def kinds_with(preference: EmailPreference, *frequencies: Frequency) -> list[EmailedKind]:
    """The kinds that come this often."""
    return [kind for kind in EmailedKind if frequency_of(preference, kind) in frequencies]


def choose(
    session: Session,
    user_id: int,
    choice: EmailChoice,
    *,
    zone: str | None,
    locale: str,
    now: datetime,
) -> None:
    """Email this to the person from now on, also if it had stopped by itself.

    `zone` and `locale` are those of their browser.
    """
    # Two forms that are sent at once: the account is locked, so that one follows the other.
    lock = select(User).where(User.id == user_id).with_for_update(key_share=True)
    user = session.scalars(lock).one()
    preference = session.get(EmailPreference, user_id, populate_existing=True)
    if preference is None:
        preference = EmailPreference(user_id=user_id)
    for kind, frequency in choice.frequencies.items():
        if getattr(preference, kind.value, None) != frequency or preference.stopped_at:
            setattr(preference, kind.value, frequency.value)
            setattr(preference, f"{kind.value}_since", now)
    preference.hour, preference.weekday = choice.hour, choice.weekday
    preference.time_zone, preference.locale = zone, locale
    preference.chosen_at, preference.stopped_at = now, None
    session.add(preference)
    reschedule(preference, user.time_zone, now=now)


def stop(preference: EmailPreference, *, now: datetime) -> None:
    """Email nothing more until the person wants it again; what they chose is kept."""
    preference.stopped_at, preference.next_at = now, None


def resume(preference: EmailPreference, chosen_zone: str | None, *, now: datetime) -> None:
    """Email again what had been chosen, from now on."""
    for kind in EmailedKind:
        setattr(preference, f"{kind.value}_since", now)
    preference.chosen_at, preference.stopped_at = now, None
    reschedule(preference, chosen_zone, now=now)


def of_address(session: Session, key: str) -> tuple[EmailPreference, str | None] | None:
    """What the account with this confirmed address chose, locked, and its zone."""
    wanted = (
        select(EmailPreference, User.time_zone)
        .join(User, User.id == EmailPreference.user_id)
        .where(User.email_key == key, User.email_verified_at.is_not(None))
        .with_for_update(of=EmailPreference)
    )
    row = session.execute(wanted).one_or_none()
    return (row[0], row[1]) if row else None


def follow_zone(session: Session, user_id: int, zone: str | None, *, now: datetime) -> None:
    """Let this person's bundles leave by the clocks of another zone."""
    preference = session.get(EmailPreference, user_id, with_for_update=True)
    if preference is not None:
        reschedule(preference, zone, now=now)


def reschedule(preference: EmailPreference, chosen_zone: str | None, *, now: datetime) -> None:
    """Find out when to look next whether a bundle is due, in the zone chosen for the account.

    Who is only emailed at once is looked after each week, since all of it stops after silence.
    """
    zone, hour = zone_of(preference, chosen_zone), preference.hour
    if preference.stopped_at or not kinds_with(preference, Frequency.AT_ONCE, *BUNDLED):
        preference.next_at = None
    elif kinds_with(preference, Frequency.DAILY):
        preference.next_at = next_moment(now, zone, hour)
    else:
        preference.next_at = next_moment(now, zone, hour, preference.weekday)


def due_windows(
    preference: EmailPreference, chosen_zone: str | None, *, now: datetime
) -> dict[EmailedKind, Window]:
    """The windows that have ended since those before. Late ones are one."""
    zone, windows = zone_of(preference, chosen_zone), {}
    for kind in kinds_with(preference, *BUNDLED):
        is_weekly = frequency_of(preference, kind) is Frequency.WEEKLY
        weekday = preference.weekday if is_weekly else None
        until = latest_moment(now, zone, preference.hour, weekday)
        since = getattr(preference, f"{kind.value}_since")
        if since < until:
            windows[kind] = (since, until)
    return windows


def zone_of(preference: EmailPreference, chosen_zone: str | None) -> tzinfo:
    """The zone of the account, else that of the browser in which the emails were chosen."""
    return zone_named(chosen_zone or preference.time_zone)
