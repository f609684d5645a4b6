"""Fail unless the migrations form a chain in which each follows the previous number."""

from __future__ import annotations

import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "microblog/src/microblog/migrations"


def problems() -> list[str]:
    found = []
    before: str | None = None
    for path in sorted(FOLDER.glob("*.py")):
        number = path.name.partition("_")[0]
        names = dict(
            re.findall(
                r'^(revision|down_revision) = (?:"(\w+)"|None)', path.read_text(), re.MULTILINE
            )
        )
        if names.get("revision") != number:
            found.append(f"{path.name} names itself {names.get('revision')}")
        if (names.get("down_revision") or None) != before:
            found.append(f"{path.name} should follow {before}, not {names.get('down_revision')}")
        before = number
    return found


if __name__ == "__main__":
    for problem in problems():
        print(problem)
    sys.exit(bool(problems()))
