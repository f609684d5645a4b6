"""What `flask outbox check` says: how bad it is, what was found, and how to mend it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Level(StrEnum):
    """How bad it is; only WRONG makes the command fail."""

    OK = "ok"
    WARNING = "WARNING"
    WRONG = "WRONG"


class Verdict(NamedTuple):
    """What was found, and how to mend it."""

    level: Level
    says: str
    hint: str | None = None
