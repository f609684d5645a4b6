"""Which posts administrators removed."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from microblog.moderation.models import Removal


def removed_among(session: Session, post_ids: Collection[int]) -> set[int]:
    """Return those of these posts that administrators removed."""
    return set(session.scalars(select(Removal.post_id).where(Removal.post_id.in_(post_ids))))
