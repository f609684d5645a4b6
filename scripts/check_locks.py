"""Fail when a lock file holds an address, lacks a hash, or has forgotten a dependency."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def problems() -> list[str]:
    found = []
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        text = lock.read_text()
        if "://" in text or "index-url" in text:
            found.append(f"{lock.name}: holds an address")
        pinned = re.findall(
            r"^([A-Za-z0-9._-]+)==\S+.*?((?:\n    --hash\S+.*)*)$", text, re.MULTILINE
        )
        found += [f"{lock.name}: {name} has no hash" for name, hashes in pinned if not hashes]
    locked = {
        name.lower()
        for name in re.findall(r"^([\w.-]+)(?:\[[^\]]*\])?==", dev_lock(), re.MULTILINE)
    }
    found += [f"dev.txt: {name} is missing" for name in sorted(declared() - locked)]
    return found


def dev_lock() -> str:
    return (ROOT / "requirements" / "dev.txt").read_text()


def declared() -> set[str]:
    """What the distributions and the tools of this repository ask for, but each other."""
    groups: list[list[str]] = []
    for file in (ROOT / "pyproject.toml", *ROOT.glob("*/pyproject.toml")):
        read = tomllib.loads(file.read_text())
        project = read.get("project", {})
        groups += [project.get("dependencies", [])]
        groups += project.get("optional-dependencies", {}).values()
        groups += read.get("dependency-groups", {}).values()
    asked = {re.split(r"[\[<>=~! ]", line)[0].lower() for group in groups for line in group}
    return asked - {"flask-outbox", "microblog"}


if __name__ == "__main__":
    found = problems()
    print("\n".join(found) or "lock files: hashes everywhere, no address, nothing forgotten")
    sys.exit(bool(found))
