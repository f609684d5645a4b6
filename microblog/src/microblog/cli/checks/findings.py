"""What a check finds: one line, with what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from gettext import gettext as _

from flask_outbox.cli import Level
from microblog.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, what was found, and how to mend it.

    The subject is English, for programs; people are told it in their language.
    """

    subject: str
    level: Level
    says: str
    hint: str | None = None

    def __str__(self) -> str:
        line = f"{self.level}: {_(self.subject)}: {self.says}"
        return f"{line} {self.hint}" if self.hint else line


Check = Callable[[Settings], Iterator[Finding]]
"""Looks at one thing and changes nothing. May raise what it does not foresee."""


def ok(subject: str, says: str) -> Finding:
    return Finding(subject, Level.OK, says)


def warning(subject: str, says: str, hint: str | None = None) -> Finding:
    return Finding(subject, Level.WARNING, says, hint)


def wrong(subject: str, says: str, hint: str | None = None) -> Finding:
    return Finding(subject, Level.WRONG, says, hint)
