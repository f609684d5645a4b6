"""User names: which are allowed, and when two spellings are the same name."""

from __future__ import annotations

import unicodedata
from enum import Enum, auto

from microblog.accounts.confusables import mixes_scripts
from microblog.web.characters import has_ignorable, is_overloaded

USERNAME_MINIMUM = 1
USERNAME_MAXIMUM = 64

SPELLING_MAXIMUM = 4 * USERNAME_MAXIMUM
"""Code points of a name before it is composed, which makes at most four of them one. What is longer
is nobody's name, and sorting its marks would take the square of their number."""

_PUNCTUATION = "._-"
_OUTER_PUNCTUATION = "_"

_FEED = ".atom"


class UsernameProblem(Enum):
    """Why a user name is not allowed."""

    CHARACTERS = auto()
    """Too few or too many characters, or others than those allowed."""
    ENDS = auto()
    ALPHABETS = auto()


class UsernameError(Exception):
    """A user name is not allowed."""

    def __init__(self, problem: UsernameProblem) -> None:
        super().__init__(problem.name)
        self.problem = problem


def username_problem(name: str) -> UsernameProblem | None:
    """Return what is wrong with a new user name, if anything."""
    if not _has_username_characters(name):
        return UsernameProblem.CHARACTERS
    if not _has_username_ends(name):
        return UsernameProblem.ENDS
    return UsernameProblem.ALPHABETS if mixes_scripts(name) else None


def check_username(name: str) -> None:
    """Raise UsernameError for a name that no new account may have."""
    problem = username_problem(name)
    if problem is not None:
        raise UsernameError(problem)


def username_key(name: str) -> str:
    """The normalised spelling of a name: case and width make no difference."""
    spelling = unicodedata.normalize("NFKC", name[:SPELLING_MAXIMUM])
    return spelling.casefold()[:USERNAME_MAXIMUM]


def _has_username_characters(name: str) -> bool:
    """Whether the name has only letters and digits of any script, with their marks, and `._-`.

    Invisible characters are not allowed: two different names would look the same.
    """
    if not USERNAME_MINIMUM <= len(name) <= USERNAME_MAXIMUM:
        return False
    letters = unicodedata.normalize("NFC", name)
    kinds = [unicodedata.category(letter)[0] for letter in letters]
    known = all(
        kind in "LMN" or letter in _PUNCTUATION for kind, letter in zip(kinds, letters, strict=True)
    )
    is_seen = not has_ignorable(letters) and not is_overloaded(letters)
    return known and kinds[0] != "M" and is_seen and len(letters) <= USERNAME_MAXIMUM


def _has_username_ends(name: str) -> bool:
    """Whether the address of the person's page works.

    Browsers resolve dots as folders, programs that find addresses in a text take a dot at the end
    for the end of a sentence, and an address that ends like a feed leads to the feed.
    """
    inner = set(_PUNCTUATION) - set(_OUTER_PUNCTUATION)
    return not inner & {name[:1], name[-1:]} and not name.lower().endswith(_FEED)
