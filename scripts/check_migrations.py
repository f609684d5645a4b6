"""Fail when the migrations are no chain, in which each follows the one with the number before."""

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
        said = dict(
            re.findall(
                r'^(revision|down_revision) = (?:"(\w+)"|None)', path.read_text(), re.MULTILINE
            )
        )
        if said.get("revision") != number:
            found.append(f"{path.name} names itself {said.get('revision')}")
        if (said.get("down_revision") or None) != before:
            found.append(f"{path.name} should follow {before}, not {said.get('down_revision')}")
        before = number
    return found


if __name__ == "__main__":
    for problem in problems():
        print(problem)
    sys.exit(bool(problems()))
