"""Which passwords are accepted, and how strong one is.

A password must be long enough, and not what everybody tries first: the commonest passwords, the
user name and the address. No kinds of characters are required, since such rules make passwords
worse.

Sources: OWASP ASVS 5.0, 6.2.1 (length), 6.2.4 (the commonest 3,000), 6.2.5 (no composition rules)
and 6.2.11 (words of the context); NIST SP 800-63B-4, 3.1.1.2.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from enum import Enum, auto
from functools import cache

from microblog.accounts.passwords import hash_password

PASSWORD_MINIMUM = 8
"""Code points, after NFC."""
PASSWORD_MAXIMUM = 1024
PASSWORD_ADVISED = 15

SPELLING_MAXIMUM = 4 * PASSWORD_MAXIMUM
"""Code points before NFC, which makes at most four of them one. What is longer is not composed, for
that takes the square of the number of marks in a row."""

PERSONAL_MAXIMUM = 254
"""Code points of what may be a user name or an address."""

COMMONEST = 3000
"""So many of each list are refused; of the list of passwords, all 30,000."""

JUDGED = 24
"""Characters from which the strength is estimated: the time that takes grows fast with them."""


class Problem(Enum):
    """Why a password is not accepted."""

    LENGTH = auto()
    COMMON = auto()
    PERSONAL = auto()


class PasswordError(Exception):
    """A new password is not accepted."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.name)
        self.problem = problem


class Strength(Enum):
    """How hard a password is to guess, by zxcvbn's estimate."""

    WEAK = auto()
    """At most 10**8 guesses: found in no time by whoever has stolen its hash."""
    FAIR = auto()
    STRONG = auto()
    """More than 10**10."""


def problem_with(password: str, *, personal: Iterable[str] = ()) -> Problem | None:
    """Return what is wrong with a new password, if anything.

    `personal` are the user name and the address of the account. Case, width and composition of
    letters make no difference.
    """
    if is_too_long(password) or len(_composed(password)) < PASSWORD_MINIMUM:
        return Problem.LENGTH
    key = _key(password)
    if key in _common():
        return Problem.COMMON
    return Problem.PERSONAL if key in _guessable(personal) else None


def hash_new_password(password: str, *, personal: Iterable[str]) -> str:
    """Check a new password and hash it; slow, so no transaction should be open.

    Raises PasswordError for one that is not accepted.
    """
    problem = problem_with(password, personal=personal)
    if problem is not None:
        raise PasswordError(problem)
    return hash_password(password)


def is_too_long(password: str) -> bool:
    """Whether it is longer than any accepted password."""
    return len(password) > SPELLING_MAXIMUM or len(_composed(password)) > PASSWORD_MAXIMUM


def strength_of(password: str) -> Strength:
    """Estimate from its first characters how strong a password is at least."""
    # Slow to import, and few requests need it.
    from zxcvbn import zxcvbn  # noqa: PLC0415

    guesses = zxcvbn(password[:JUDGED])["guesses_log10"]
    if guesses <= 8:
        return Strength.WEAK
    return Strength.FAIR if guesses <= 10 else Strength.STRONG


def _guessable(personal: Iterable[str]) -> set[str]:
    keys = {_key(text) for text in personal if len(text) <= PERSONAL_MAXIMUM}
    return keys | {key.rpartition("@")[0] for key in keys if "@" in key}


@cache
def _common() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415

    words = set(map(_key, FREQUENCY_LISTS["passwords"]))
    for most_common_first in FREQUENCY_LISTS.values():
        words.update(map(_key, most_common_first[:COMMONEST]))
    return frozenset(word for word in words if len(word) >= PASSWORD_MINIMUM)


def _composed(password: str) -> str:
    return unicodedata.normalize("NFC", password)


def _key(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
