"""Reporting what others wrote. What is decided about reports is in `decisions`."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session

from microblog.accounts.models import User
from microblog.accounts.visibility import visible
from microblog.blog.models import Post
from microblog.blog.posts import find_post, find_post_locked
from microblog.database import MAX_ID
from microblog.messages.models import Conversation, Participation, PrivateMessage
from microblog.moderation.models import Report
from microblog.people.text import readable

COMMENT_MAXIMUM = 500
"""Characters, as a person counts them."""

DAILY_MAXIMUM = 50
"""Reports by one person within a day: nobody fills the queue alone."""

DAY = timedelta(days=1)


class Reason(StrEnum):
    """Why something is reported. The values are stored."""

    SPAM = "spam"
    ABUSE = "abuse"
    ILLEGAL = "illegal"
    OTHER = "other"


class NotReportableError(Exception):
    """There is no such post or message, or this person may not see it."""


class OwnError(Exception):
    """People don't report what they wrote themselves."""


class ReportedBeforeError(Exception):
    """This person reported it before; once is enough."""


class TooManyReportsError(Exception):
    """This person reported as much as one can within a day."""


def find_reportable_post(session: Session, post_id: int, reader_id: int) -> Post:
    """Return the post, if this person may report it. Raises NotReportableError, OwnError."""
    post = find_post(session, post_id, reader_id)
    if post is None:
        raise NotReportableError
    if post.user_id == reader_id:
        raise OwnError
    return post


def find_reportable_message(session: Session, message_id: int, reader_id: int) -> PrivateMessage:
    """Return the message, if it was sent to this person, who didn't delete it.

    A block between the two changes nothing: whoever blocks somebody may have a reason to report.
    Raises NotReportableError, OwnError.
    """
    wanted = (
        select(PrivateMessage)
        .join(Conversation, Conversation.id == PrivateMessage.conversation_id)
        .join(Participation, Participation.conversation_id == Conversation.id)
        .join(User, User.id == PrivateMessage.sender_id)
        .where(
            PrivateMessage.id == min(message_id, MAX_ID),
            PrivateMessage.deleted_at.is_(None),
            or_(Conversation.first_id == reader_id, Conversation.second_id == reader_id),
            Participation.user_id == reader_id,
            Participation.deleted_through_id < PrivateMessage.id,
            or_(PrivateMessage.sender_id == reader_id, visible()),
        )
    )
    message = session.scalar(wanted)
    if message is None:
        raise NotReportableError
    if message.sender_id == reader_id:
        raise OwnError
    return message


def report_post(
    session: Session,
    reporter_id: int,
    post_id: int,
    *,
    reason: Reason,
    comment: str,
    now: datetime,
) -> Report:
    """Report a post with its text as it is now.

    Raises NotReportableError, OwnError, ReportedBeforeError, TooManyReportsError, and TextError for
    a comment that is not accepted.
    """
    author_id = find_reportable_post(session, post_id, reporter_id).user_id
    _lock_people(session, reporter_id, author_id)
    post = find_post_locked(session, post_id, reporter_id)
    if post is None:
        raise NotReportableError
    report = Report(
        reporter_id=reporter_id,
        author_id=post.user_id,
        post_id=post.id,
        body=post.body,
        reason=reason.value,
        comment=readable(comment, COMMENT_MAXIMUM, may_be_blank=True),
        created_at=now,
    )
    return _add(session, report, is_same=Report.post_id == post.id)


def report_message(
    session: Session,
    reporter_id: int,
    message_id: int,
    *,
    reason: Reason,
    comment: str,
    now: datetime,
) -> Report:
    """Report a private message to the reporter. Raises as `report_post` does."""
    author_id = find_reportable_message(session, message_id, reporter_id).sender_id
    _lock_people(session, reporter_id, author_id)
    lock = select(PrivateMessage.id).where(PrivateMessage.id == message_id)
    session.execute(lock.with_for_update(read=True))
    session.expire_all()
    message = find_reportable_message(session, message_id, reporter_id)
    report = Report(
        reporter_id=reporter_id,
        author_id=message.sender_id,
        message_id=message.id,
        body=message.body,
        reason=reason.value,
        comment=readable(comment, COMMENT_MAXIMUM, may_be_blank=True),
        created_at=now,
    )
    return _add(session, report, is_same=Report.message_id == message.id)


def _lock_people(session: Session, reporter_id: int, author_id: int) -> None:
    """Lock both until this transaction ends: somebody who reports twice at once is counted twice.

    In a fixed order, and before what they wrote, against deadlocks.
    """
    both = select(User.id).where(User.id.in_({reporter_id, author_id})).order_by(User.id)
    session.execute(both.with_for_update(key_share=True))


def _add(session: Session, report: Report, *, is_same: ColumnElement[bool]) -> Report:
    theirs = Report.reporter_id == report.reporter_id
    if session.scalar(select(exists().where(theirs, is_same))):
        raise ReportedBeforeError
    recent = select(func.count()).where(theirs, Report.created_at > report.created_at - DAY)
    if (session.scalar(recent) or 0) >= DAILY_MAXIMUM:
        raise TooManyReportsError
    session.add(report)
    session.flush()
    return report
