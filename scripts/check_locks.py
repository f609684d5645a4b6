"""Fail if a lock file holds an address, lacks a hash, or lacks a dependency."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
LIBRARY = ROOT / "flask-outbox"
OURS = {"flask-outbox", "microblog"}


PINNED = re.compile(
    r"^([\w.-]+)(?:\[[^\]]*\])?==([^\s;\\]+).*?((?:\n    --hash\S+.*)*)$", re.MULTILINE
)


def problems() -> list[str]:
    found = []
    for lock in sorted(REQUIREMENTS.glob("*.txt")):
        text = lock.read_text()
        if "://" in text or "index-url" in text:
            found.append(f"{lock.name}: holds an address")
        unhashed = [name for name, _, hashes in PINNED.findall(text) if not hashes]
        found += [f"{lock.name}: {name} has no hash" for name in unhashed]
    projects = [ROOT, *(file.parent for file in ROOT.glob("*/pyproject.toml"))]
    of_library = declared(LIBRARY, extras=["test"])
    wanted = {
        "dev.txt": set().union(*map(declared, projects)),
        "library.txt": of_library,
        "library-lowest.txt": of_library,
    }
    for lock_name, asked in wanted.items():
        missing = {name for name, _ in asked} - set(locked(lock_name)) - OURS
        found += [f"{lock_name}: {name} is missing" for name in sorted(missing)]
    return found + above_the_lowest()


def above_the_lowest() -> list[str]:
    """Packages that library-lowest.txt pins above the lowest version that the metadata allows."""
    versions = locked("library-lowest.txt")
    return [
        f"library-lowest.txt: {name} is {versions[name]}, and {lowest} is allowed"
        for name, lowest in sorted(declared(LIBRARY))
        if name in versions and not f"{versions[name]}.".startswith(f"{lowest}.")
    ]


def locked(lock_name: str) -> dict[str, str]:
    """The packages of a lock file with their versions."""
    text = (REQUIREMENTS / lock_name).read_text()
    return {name.lower(): version for name, version, _ in PINNED.findall(text)}


def declared(project: Path, *, extras: list[str] | None = None) -> set[tuple[str, str]]:
    """The packages that a pyproject.toml asks for, with their lowest versions.

    Of the extras, all count, or only these.
    """
    read = tomllib.loads((project / "pyproject.toml").read_text())
    optional = read.get("project", {}).get("optional-dependencies", {})
    groups = [read.get("project", {}).get("dependencies", [])]
    groups += [optional[name] for name in (optional if extras is None else extras)]
    groups += read.get("dependency-groups", {}).values()
    return {
        (re.split(r"[\[<>=~! ]", line)[0].lower(), (re.findall(r">=([\w.]+)", line) or [""])[0])
        for group in groups
        for line in group
    }


if __name__ == "__main__":
    found = problems()
    print("\n".join(found) or "lock files: hashes everywhere, no address, nothing forgotten")
    sys.exit(bool(found))
