"""Where the pages for administrators are collected, and who is kept away from all of them.

Whoever is no administrator gets the page for addresses that do not exist, whatever they ask for:
nothing here can be learned from outside, not even which messages and accounts there are.
"""

from __future__ import annotations

import logging

from flask import Blueprint, Response, abort
from flask_login import current_user

logger = logging.getLogger("microblog.admin")

blueprint = Blueprint("admin", __name__, url_prefix="/admin")


@blueprint.before_request
def only_administrators() -> None:
    if not (current_user.is_authenticated and current_user.user.is_admin):
        abort(404)


@blueprint.after_request
def keep_in_no_cache(response: Response) -> Response:
    """These pages tell about other people (OWASP ASVS 5.0, 14.3.2)."""
    response.headers["Cache-Control"] = "no-store"
    return response


def note(action: str) -> None:
    """Write into the log what this administrator did."""
    logger.info("The administrator %s %s", current_user.user.username, action)
