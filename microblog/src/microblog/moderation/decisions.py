"""What administrators decide about reports: to dismiss them, or to remove what was reported."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from flask_outbox import Outbox
from microblog.accounts.audit.security_log import SecurityEventType, record
from microblog.accounts.models import User
from microblog.admin.accounts import Actor
from microblog.blog.deletion import delete_post
from microblog.blog.models import Post
from microblog.database import MAX_ID
from microblog.messages import conversations
from microblog.moderation.models import Removal, Report
from microblog.people.text import readable
from microblog.web.clients import RequestOrigin
from microblog.web.scope import Scope

REASON_MAXIMUM = 500
"""Characters, as a person counts them."""

REMOVED_KIND = "moderation.post_removed"


class Outcome(StrEnum):
    """What became of a report. The values are stored."""

    DISMISSED = "dismissed"
    REMOVED = "removed"


class ResolvedBeforeError(Exception):
    """There is no such report, or another administrator was faster; nothing was changed."""


class GoneError(Exception):
    """What was reported does not exist any more; nothing was changed."""


def dismiss(session: Session, report_id: int, actor: Actor, *, now: datetime) -> None:
    """Resolve the report and all earlier ones of the same post or message, and change nothing else.

    Later ones, which the administrator has not seen, stay open. Raises ResolvedBeforeError.
    """
    report = _open_report(session, report_id)
    _resolve(session, report, Outcome.DISMISSED, actor, Report.id <= report.id, now=now)


def remove_post(
    session: Session, outbox: Outbox, report_id: int, actor: Actor, scope: Scope, *, reason: str
) -> None:
    """Remove the reported post, resolve all reports of it, and tell its author why.

    The post is emptied, so that its author cannot restore it; its text is kept in the removal.
    Raises ResolvedBeforeError, GoneError, and TextError for a reason that is not accepted.
    """
    said = readable(reason, REASON_MAXIMUM)
    report = _open_report(session, report_id)
    author = _lock_author(session, report)
    post = session.scalar(
        select(Post).where(Post.id == report.post_id).with_for_update(key_share=True)
    )
    if post is None:
        raise GoneError
    _resolve(session, report, Outcome.REMOVED, actor, Report.post_id == post.id, now=scope.now)
    delete_post(session, post, now=scope.now)
    session.add(
        Removal(
            post_id=post.id,
            body=post.body or report.body,
            reason=said,
            removed_at=scope.now,
            removed_by_id=actor.user_id,
        )
    )
    session.execute(update(Post).where(Post.id == post.id).values(body=""))
    _record(session, author, SecurityEventType.POST_REMOVED, actor, scope)
    _tell(session, outbox, author, post.id, scope)


def remove_message(session: Session, report_id: int, actor: Actor, scope: Scope) -> None:
    """Remove the text of the reported message, and resolve all reports of it.

    Raises ResolvedBeforeError, GoneError.
    """
    report = _open_report(session, report_id)
    author = _lock_author(session, report)
    message_id = report.message_id
    if message_id is None or not conversations.remove_message(session, message_id, now=scope.now):
        raise GoneError
    is_same = Report.message_id == message_id
    _resolve(session, report, Outcome.REMOVED, actor, is_same, now=scope.now)
    _record(session, author, SecurityEventType.MESSAGE_REMOVED, actor, scope)


def _open_report(session: Session, report_id: int) -> Report:
    wanted = select(Report).where(Report.id == min(report_id, MAX_ID), Report.resolved_at.is_(None))
    report = session.scalar(wanted)
    if report is None:
        raise ResolvedBeforeError
    return report


def _lock_author(session: Session, report: Report) -> User:
    """Keep the author's account until this transaction ends: it is locked before what it wrote."""
    author = session.scalar(
        select(User).where(User.id == report.author_id).with_for_update(read=True, key_share=True)
    )
    if author is None:
        raise GoneError
    return author


def _resolve(
    session: Session,
    report: Report,
    outcome: Outcome,
    actor: Actor,
    which: Any,
    *,
    now: datetime,
) -> None:
    """Of two administrators who decide at once, the first wins: the other changes no row."""
    same = (
        (Report.post_id == report.post_id)
        if report.post_id
        else (Report.message_id == report.message_id)
        if report.message_id
        else (Report.id == report.id)
    )
    resolved: Any = session.execute(
        update(Report)
        .where(same, which, Report.resolved_at.is_(None))
        .values(resolved_at=now, resolved_by_id=actor.user_id, outcome=outcome.value)
        .execution_options(synchronize_session=False)
    )
    if not resolved.rowcount:
        raise ResolvedBeforeError


def _record(
    session: Session, author: User, event: SecurityEventType, actor: Actor, scope: Scope
) -> None:
    # The author reads this, and need not know where the administrator was.
    record(session, author.id, event, replace(scope, origin=RequestOrigin()), by=actor.name)


def _tell(session: Session, outbox: Outbox, author: User, post_id: int, scope: Scope) -> None:
    if author.email_verified_at is None:
        return
    outbox.enqueue(
        session,
        REMOVED_KIND,
        author.email,
        locale=author.locale or scope.locale,
        arguments={"user_id": author.id, "post_id": post_id},
    )
