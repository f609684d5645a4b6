"""The queue of reports: what was reported, by whom, and how it stands, for administrators.

All open reports of one post or message are one entry. A page begins at the id of a report (keyset
pagination), and takes the same number of statements whatever is on it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Subquery, case, func, select
from sqlalchemy.orm import Session, aliased

from microblog.accounts.models import User
from microblog.blog.models import Post
from microblog.database import MAX_ID
from microblog.messages.models import PrivateMessage
from microblog.moderation.models import Removal, Report

PAGE_SIZE = 20

REPORTS_SHOWN = 5
"""So many of the reports of one post or message are shown, newest first; the others are counted."""


@dataclass(frozen=True, slots=True)
class Thing:
    """A post or a private message as it is now.

    `body` is None once it is gone, or its text was erased; `removal` is there if administrators
    removed it.
    """

    body: str | None
    is_deleted: bool = False
    removal: Removal | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What was reported, with its newest reports, the newest first.

    `first_at` is when it was reported first, and `count` how often.
    """

    newest: Report
    reports: Sequence[tuple[Report, User | None]]
    count: int
    first_at: datetime
    author: User
    now: Thing
    resolved_by: User | None


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, the most recently reported first. `before` is where the next page begins, if any.

    `reported` says how often each reporter reported anything, by their id.
    """

    entries: Sequence[Entry]
    before: int | None
    reported: Mapping[int, int]


def list_reports(session: Session, *, resolved: bool, before: int = MAX_ID) -> Page:
    """Return a page of the open reports, or of those that were resolved."""
    ranked = _ranked(resolved)
    # No entry has more rows than are shown of it: there are enough for one more entry than a page.
    rows_maximum = (PAGE_SIZE + 1) * REPORTS_SHOWN
    entries = _entries(session, ranked, ranked.c.newest < before, rows_maximum)
    shown = entries[:PAGE_SIZE]
    people = {report.reporter_id or 0 for one in shown for report, _ in one.reports}
    more = len(entries) > len(shown)
    return Page(shown, shown[-1].newest.id if more else None, _how_often(session, people))


def count_open(session: Session) -> int:
    """Return how many posts and messages wait for a decision."""
    waiting = select(*_THING).where(Report.resolved_at.is_(None)).distinct().subquery()
    return session.scalar(select(func.count()).select_from(waiting)) or 0


def find_entry(session: Session, report_id: int) -> Entry | None:
    """Return the entry of an open report, with all other open ones of the same thing."""
    wanted = select(Report).where(Report.id == min(report_id, MAX_ID), Report.resolved_at.is_(None))
    report = session.scalar(wanted)
    if report is None:
        return None
    if report.post_id is not None:
        is_same = Report.post_id == report.post_id
    elif report.message_id is not None:
        is_same = Report.message_id == report.message_id
    else:
        is_same = Report.id == report.id
    entries = _entries(session, _ranked(resolved=False), is_same, REPORTS_SHOWN)
    return entries[0] if entries else None


# Reports of what is gone altogether can't be told apart by it: each is an entry of its own.
_GONE = case((Report.post_id.is_(None) & Report.message_id.is_(None), Report.id))
_THING: tuple[Any, ...] = (Report.post_id, Report.message_id, _GONE)


def _ranked(resolved: bool) -> Subquery:
    """The reports, with their places in their entries, and what is counted of these."""
    is_wanted = Report.resolved_at.is_not(None) if resolved else Report.resolved_at.is_(None)
    by: Any = (*_THING, Report.resolved_at, Report.resolved_by_id, Report.outcome)
    return (
        select(
            Report.id,
            func.row_number().over(partition_by=by, order_by=Report.id.desc()).label("place"),
            func.max(Report.id).over(partition_by=by).label("newest"),
            func.count().over(partition_by=by).label("count"),
            func.min(Report.created_at).over(partition_by=by).label("first_at"),
        )
        .where(is_wanted)
        .subquery()
    )


def _entries(
    session: Session, ranked: Subquery, which: ColumnElement[bool], rows_maximum: int
) -> list[Entry]:
    """The entries of these reports, all from one statement: meanwhile, others report."""
    author, reporter, decider = aliased(User), aliased(User), aliased(User)
    rows = session.execute(
        select(Report, author, reporter, decider, ranked.c.count, ranked.c.first_at)
        .join(ranked, ranked.c.id == Report.id)
        .join(author, author.id == Report.author_id)
        .outerjoin(reporter, reporter.id == Report.reporter_id)
        .outerjoin(decider, decider.id == Report.resolved_by_id)
        .where(which, ranked.c.place <= REPORTS_SHOWN)
        .order_by(ranked.c.newest.desc(), Report.id.desc())
        .limit(rows_maximum)
        .add_columns(ranked.c.newest)
    ).all()
    reports = [row[0] for row in rows]
    posts, messages = _posts(session, reports), _messages(session, reports)
    entries = []
    for _newest, group in groupby(rows, key=lambda row: row.newest):
        of_it = list(group)
        report, written_by, _by, resolved_by, count, first_at = of_it[0][:6]
        now = posts.get(report.post_id or 0) or messages.get(report.message_id or 0) or Thing(None)
        reported = [(row[0], row[2]) for row in of_it]
        entries.append(Entry(report, reported, count, first_at, written_by, now, resolved_by))
    return entries


def _posts(session: Session, reports: Sequence[Report]) -> dict[int, Thing]:
    ids = {one.post_id for one in reports}
    rows = session.execute(
        select(Post, Removal)
        .outerjoin(Removal, Removal.post_id == Post.id)
        .where(Post.id.in_(ids - {None}))
    )
    return {
        post.id: Thing(post.body or None, post.deleted_at is not None, removal)
        for post, removal in rows
    }


def _messages(session: Session, reports: Sequence[Report]) -> dict[int, Thing]:
    ids = {one.message_id for one in reports}
    rows = session.scalars(select(PrivateMessage).where(PrivateMessage.id.in_(ids - {None})))
    return {row.id: Thing(row.body or None, row.deleted_at is not None) for row in rows}


def _how_often(session: Session, people: Collection[int]) -> dict[int, int]:
    rows = session.execute(
        select(Report.reporter_id, func.count())
        .where(Report.reporter_id.in_(people))
        .group_by(Report.reporter_id)
    )
    return {reporter: count for reporter, count in rows if reporter is not None}
