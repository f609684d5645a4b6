"""What an export contains of reports and removals, and why nothing more is erased than cascades do.

Reports of what somebody wrote are deleted with their account, and so are their removed posts. What
they reported themselves stays, without their name: it is about somebody else.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from microblog.accounts.actions.export import moment
from microblog.accounts.actions.personal_data import PersonalData
from microblog.blog.models import Post
from microblog.moderation.models import Removal, Report


def collect(session: Session, user_id: int) -> dict[str, Any]:
    """Return what they reported, without others' texts, and which of their posts were removed."""
    reports = session.scalars(
        select(Report).where(Report.reporter_id == user_id).order_by(Report.id)
    )
    removals = session.scalars(
        select(Removal)
        .join(Post, Post.id == Removal.post_id)
        .where(Post.user_id == user_id)
        .order_by(Removal.post_id)
    )
    return {
        "reports": [
            {
                "post": one.post_id,
                "message": one.message_id,
                "reason": one.reason,
                "comment": one.comment,
                "created_at": moment(one.created_at),
            }
            for one in reports
        ],
        "removed_posts": [
            {
                "id": one.post_id,
                "body": one.body,
                "reason": one.reason,
                "removed_at": moment(one.removed_at),
            }
            for one in removals
        ],
    }


PERSONAL_DATA = PersonalData(collect)
