"""Who reads this page, for the pages of all features."""

from __future__ import annotations

from flask_login import current_user


def reader_id() -> int | None:
    """The id of the signed-in reader; None if nobody is signed in."""
    return current_user.user.id if current_user.is_authenticated else None
