"""The blueprint of all pages for administrators, and the check that keeps others out.

Everybody else gets "not found" for every address under /admin, so that nothing can be learned from
outside, not even which messages and accounts exist.
"""

from __future__ import annotations

import logging

from flask import Blueprint, Response, abort
from flask_login import current_user

logger = logging.getLogger("microblog.admin")

blueprint = Blueprint("admin", __name__, url_prefix="/admin")


@blueprint.before_request
def only_administrators() -> None:
    if not is_administrator():
        abort(404)


def is_administrator() -> bool:
    """Whether an administrator is signed in."""
    return bool(current_user.is_authenticated and current_user.user.is_admin)


@blueprint.after_request
def keep_in_no_cache(response: Response) -> Response:
    """Forbid caching: the pages show other people's data (OWASP ASVS 5.0, 14.3.2)."""
    if response.mimetype == "text/html":
        response.headers["Cache-Control"] = "no-store"
    return response


def log_action(action: str) -> None:
    """Log what the signed-in administrator did."""
    logger.info("The administrator %s %s", current_user.user.username, action)
