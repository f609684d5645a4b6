"""What a check finds: one line, with what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from microblog.settings import Settings


class Level(StrEnum):
    """How bad it is; only WRONG makes the command fail."""

    OK = "ok"
    WARNING = "WARNING"
    WRONG = "WRONG"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, what was found, and how to mend it."""

    subject: str
    level: Level
    says: str
    mend: str | None = None

    def __str__(self) -> str:
        line = f"{self.level}: {self.subject}: {self.says}"
        return f"{line} {self.mend}" if self.mend else line


Check = Callable[[Settings], Iterator[Finding]]
"""Looks at one thing and changes nothing. May raise what it does not foresee."""


def ok(subject: str, says: str) -> Finding:
    return Finding(subject, Level.OK, says)


def warning(subject: str, says: str, mend: str | None = None) -> Finding:
    return Finding(subject, Level.WARNING, says, mend)


def wrong(subject: str, says: str, mend: str | None = None) -> Finding:
    return Finding(subject, Level.WRONG, says, mend)
