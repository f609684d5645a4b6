"""Display names: what people call themselves, beside the user name that tells who they are."""

from __future__ import annotations

import unicodedata
from enum import Enum, auto

import regex
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from microblog.accounts.confusables import skeleton
from microblog.accounts.models import DISPLAY_NAME_CODE_POINTS, User
from microblog.web.characters import count_characters, has_ignorable, is_overloaded

DISPLAY_NAME_MAXIMUM = 40
"""Characters, as people count them."""

# What joins emoji, and letters of Persian and Indic scripts.
_JOINERS = regex.compile("[\u200c\u200d\ufe0e\ufe0f]")
_HIDDEN = regex.compile(r"[\p{Cc}\p{Cs}\p{Cn}\p{Co}\p{Bidi_Control}]")
_INVISIBLE = regex.compile(r"[\p{M}\p{Z}\u2800]*")


class DisplayNameProblem(Enum):
    """Why a display name is not allowed."""

    LENGTH = auto()
    HIDDEN = auto()
    """It holds characters that cannot be shown, that reorder others, or that carry many marks."""
    AT_SIGN = auto()
    """What begins with it is a user name."""
    USERNAME = auto()
    """It looks like somebody else's user name."""


class DisplayNameError(Exception):
    """A display name is not allowed."""

    def __init__(self, problem: DisplayNameProblem) -> None:
        super().__init__(problem.name)
        self.problem = problem


def change_display_name(session: Session, user: User, name: str) -> None:
    """Change what a person is called; an empty name is none.

    Raises DisplayNameError for a name that is not allowed.
    """
    if len(name) > DISPLAY_NAME_CODE_POINTS:
        raise DisplayNameError(DisplayNameProblem.LENGTH)
    written = unicodedata.normalize("NFC", " ".join(name.split()))
    problem = _problem(written)
    if problem is not None:
        raise DisplayNameError(problem)
    if written and written != user.display_name and _is_other_username(session, user, written):
        raise DisplayNameError(DisplayNameProblem.USERNAME)
    user.display_name = written or None


def _problem(name: str) -> DisplayNameProblem | None:
    plain = _JOINERS.sub("", name)
    if _HIDDEN.search(name) or has_ignorable(plain) or is_overloaded(name):
        return DisplayNameProblem.HIDDEN
    if name and _INVISIBLE.fullmatch(plain):
        return DisplayNameProblem.HIDDEN
    if count_characters(name) > DISPLAY_NAME_MAXIMUM:
        return DisplayNameProblem.LENGTH
    return DisplayNameProblem.AT_SIGN if "@" in unicodedata.normalize("NFKC", name) else None


def _is_other_username(session: Session, user: User, name: str) -> bool:
    look = skeleton(_JOINERS.sub("", name))
    taken = exists().where(User.username_skeleton == look, User.id != user.id)
    return bool(session.scalar(select(taken)))
