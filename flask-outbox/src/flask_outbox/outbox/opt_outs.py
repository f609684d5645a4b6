"""Opt-outs: addresses that get no mail of a list, or of any list.

Only mail of lists (EmailType(list=…)) asks for them: receipts and password resets never do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from sqlalchemy import ColumnElement, delete, or_, select, text
from sqlalchemy.orm import Session

from flask_outbox.outbox.models import OptOut

ALL_LISTS = ""
"""The name of the list of an opt-out from all of them."""


class OptOutReason(StrEnum):
    """Why an address gets no mail of a list. Values are stored."""

    UNSUBSCRIBED = "unsubscribed"
    COMPLAINT = "complaint"
    BOUNCES = "bounces"
    OPERATOR = "operator"


_WORDS = {
    OptOutReason.UNSUBSCRIBED: "Its recipient unsubscribed from the list {list!r}.",
    OptOutReason.COMPLAINT: "Its recipient called mail spam, which ends the mail of all lists.",
    OptOutReason.BOUNCES: "Mail to the address bounced for days, so mail of lists is paused.",
    OptOutReason.OPERATOR: "An operator ended mail of the list {list!r} to the address.",
}

# What `opt_out` writes passes by the rows that a session has loaded.
_ANEW = {"populate_existing": True}

# One statement, since a person and a report may end a list at the same moment. A pause never
# shortens what has no end, and what has none keeps its first reason.
_OPT_OUT = text(
    "INSERT INTO mail_opt_outs (address_key, list, reason, since, until)"
    " VALUES (:key, :list, :reason, :since, :until)"
    " ON CONFLICT (address_key, list) DO UPDATE"
    " SET reason = excluded.reason, since = excluded.since, until = excluded.until"
    " WHERE mail_opt_outs.until IS NOT NULL"
    " AND (excluded.until IS NULL OR excluded.until > mail_opt_outs.until)"
)


def opt_out(
    session: Session,
    key: str,
    list_name: str,
    *,
    reason: OptOutReason = OptOutReason.UNSUBSCRIBED,
    now: float,
    until: float | None = None,
) -> bool:
    """Send no mail of a list to the address with this key; return whether that is new.

    ALL_LISTS ends all of them, also those to come. It ends by itself at `until`, in Unix time.
    """
    values = {
        "key": key,
        "list": list_name,
        "reason": reason.value,
        "since": now,
        "until": until,
    }
    written = session.execute(_OPT_OUT, values, bind_arguments={"mapper": OptOut})
    return bool(written.rowcount)  # type: ignore[attr-defined]


def opt_in(session: Session, key: str, list_name: str, *, lists: Iterable[str] = ()) -> bool:
    """Send mail of a list to the address again; return False if nothing kept it away.

    Of ALL_LISTS: mail of each. If all lists had been ended, the others among `lists`, which are
    those of the application (`Outbox.lists`), stay ended.
    """
    theirs = delete(OptOut).where(OptOut.address_key == key)
    if list_name != ALL_LISTS:
        theirs = theirs.where(OptOut.list.in_([list_name, ALL_LISTS]))
    gone = session.execute(
        theirs.returning(OptOut.list, OptOut.reason, OptOut.since, OptOut.until)
    ).all()
    overall = next((one for one in gone if one.list == ALL_LISTS), None)
    if overall is not None and list_name != ALL_LISTS:
        for other in set(lists) - {list_name, ALL_LISTS}:
            opt_out(
                session,
                key,
                other,
                reason=OptOutReason(overall.reason),
                now=overall.since,
                until=overall.until,
            )
    return bool(gone)


def opt_outs_of(session: Session, key: str, *, now: float) -> Sequence[OptOut]:
    """The lists that the address with this key gets no mail of, sorted by name."""
    theirs = select(OptOut).where(OptOut.address_key == key, _is_valid(now))
    return session.scalars(theirs.order_by(OptOut.list), execution_options=_ANEW).all()


def is_opted_out(session: Session, key: str, list_name: str, *, now: float) -> bool:
    """Whether the address with this key gets no mail of this list."""
    return find_opt_out(session, key, list_name, now=now) is not None


def find_opt_out(session: Session, key: str, list_name: str, *, now: float) -> OptOut | None:
    """Why the address with this key gets no mail of this list; None if it gets it."""
    found = select(OptOut).where(
        OptOut.address_key == key, OptOut.list.in_([list_name, ALL_LISTS]), _is_valid(now)
    )
    wanted = found.order_by(OptOut.list.desc()).limit(1)
    return session.scalars(wanted, execution_options=_ANEW).first()


def words_of_opt_out(found: OptOut, list_name: str) -> str:
    """Why a message of this list was not sent, for operators."""
    return _WORDS[OptOutReason(found.reason)].format(list=list_name)


def forget_ended_opt_outs(session: Session, now: float) -> bool:
    """Delete opt-outs that have ended: a periodic task, which never leaves some over."""
    session.execute(delete(OptOut).where(OptOut.until <= now))
    return False


def _is_valid(now: float) -> ColumnElement[bool]:
    return or_(OptOut.until.is_(None), OptOut.until > now)
