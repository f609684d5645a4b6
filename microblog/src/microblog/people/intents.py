"""Whom newcomers want to follow and may not yet, until their address is verified. HTTP only.

They follow them on the first page that they open afterwards.
"""

from __future__ import annotations

from babel.lists import format_list
from flask import flash
from flask_babel import gettext as _
from flask_login import current_user

from microblog.accounts.pages.intents import forget_intent, keep_intent, kept_intent
from microblog.accounts.pages.verified import is_verified
from microblog.database import transaction
from microblog.people import relations
from microblog.web.languages import current_language

FOLLOWS = "follows"

FOLLOWS_MAXIMUM = 20
"""The oldest are dropped."""


def follow_later(person_id: int) -> None:
    """Follow this person as soon as the visitor's address is verified."""
    others = [one for one in _follows() if one != person_id]
    keep_intent(FOLLOWS, [*others, person_id][-FOLLOWS_MAXIMUM:])


def do_not_follow_later(person_id: int) -> None:
    left = [one for one in _follows() if one != person_id]
    if left:
        keep_intent(FOLLOWS, left)
    else:
        forget_intent(FOLLOWS)


def is_followed_later(person_id: int) -> bool:
    """Whether the visitor will follow this person as soon as their address is verified."""
    return not is_verified() and person_id in _follows()


def follow_now() -> None:
    """Follow whom the visitor wanted to follow, if their address is verified by now."""
    wanted = _follows()
    if not wanted or not is_verified():
        return
    with transaction() as writing:
        names = relations.follow_each(writing, current_user.user.id, wanted)
    forget_intent(FOLLOWS)
    if names:
        listed = format_list(names, locale=current_language())
        flash(_("You're following %(username)s.", username=listed), "success")


def _follows() -> list[int]:
    return kept_intent(FOLLOWS) or []
