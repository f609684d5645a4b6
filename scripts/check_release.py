"""Fail if the versions and changelogs of the two distributions disagree.

    check_release.py                       what holds for every commit
    check_release.py microblog-1.2.0       and what must hold before this tag is published
    check_release.py --notes microblog-1.2.0    print what the changelog says of that version

A tag is the name of a distribution and its version, as in pyproject.toml.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
LIBRARY, SITE = "flask-outbox", "microblog"

TAG = re.compile(rf"({LIBRARY}|{SITE})-(\d+\.\d+\.\d+)")
HEADING = re.compile(r"^## (.*)$", re.MULTILINE)
RELEASED = re.compile(r"\[(\d+\.\d+\.\d+)\] - (\S+)")
UNRELEASED = "[Unreleased]"
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
"""Keep a Changelog 1.1.0."""


@dataclass(frozen=True)
class Project:
    """One distribution, in the folder of the repository that has its name."""

    root: Path
    name: str

    @property
    def version(self) -> Version:
        return Version(self._metadata()["version"])

    @property
    def dependencies(self) -> list[Requirement]:
        return [Requirement(line) for line in self._metadata()["dependencies"]]

    @property
    def sections(self) -> dict[str, str]:
        """The sections of the changelog by their headings, newest first."""
        _, *parts = HEADING.split((self.root / self.name / "CHANGELOG.md").read_text())
        return dict(zip(parts[::2], parts[1::2], strict=True))

    @property
    def tags(self) -> dict[Version, str]:
        """The tags of this distribution by version."""
        found = map(TAG.fullmatch, git(self.root, "tag", "--list").split())
        return {Version(tag[2]): tag[0] for tag in found if tag and tag[1] == self.name}

    def has_changed_since(self, tag: str) -> bool:
        """Whether what this distribution installs differs from what was tagged."""
        paths = [f"{self.name}/src", f"{self.name}/pyproject.toml"]
        return bool(git(self.root, "diff", "--name-only", tag, "--", *paths))

    def _metadata(self) -> Any:
        read = tomllib.loads((self.root / self.name / "pyproject.toml").read_text())
        return read["project"]


def problems(root: Path = ROOT) -> list[str]:
    """What is wrong, whatever the commit."""
    library, site = Project(root, LIBRARY), Project(root, SITE)
    found = [
        f"{SITE} needs {needed}, and {LIBRARY} of this tree is {library.version}"
        for needed in site.dependencies
        if needed.name == LIBRARY and not needed.specifier.contains(library.version)
    ]
    for project in (library, site):
        place = f"{project.name}/CHANGELOG.md"
        found += [f"{place}: {words}" for words in _in_changelog(project)]
    return found


def _in_changelog(project: Project) -> list[str]:
    headings = [*project.sections]
    if headings[:1] != [UNRELEASED]:
        return [f"the first section must be {UNRELEASED}"]
    found = []
    released = []
    for heading in headings[1:]:
        if (match := RELEASED.fullmatch(heading)) and _day(match[2]):
            released.append((Version(match[1]), _day(match[2])))
        else:
            found.append(f"{heading!r} is not like [1.2.0] - 2026-01-31, on a day that has come")
    if any(one <= other for one, other in pairwise(released)):
        found.append("the newest version must be first, and each once")
    for heading, text in project.sections.items():
        kinds = set(re.findall(r"^### (.*)$", text, re.MULTILINE))
        found += [f"{heading}: {kind!r} is none of {sorted(KINDS)}" for kind in kinds - KINDS]
        if heading != UNRELEASED and not _entries(text):
            found.append(f"{heading} is empty")
    return found or _untold_changes(project, [version for version, _day in released])


def _untold_changes(project: Project, described: list[Version]) -> list[str]:
    if _entries(project.sections[UNRELEASED]):
        return []
    last = max(project.tags, default=None)
    if project.version in described and project.version not in project.tags:
        return []  # about to be released
    if last and not project.has_changed_since(project.tags[last]):
        return []
    since = f"since {project.tags[last]}" if last else "and nothing was released"
    return [f"{UNRELEASED} is empty, though {project.name} has changed {since}"]


def _day(text: str) -> date | None:
    """The day that is written so, if it has come."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day <= datetime.now(UTC).date() else None


def _entries(text: str) -> list[str]:
    return re.findall(r"^- .+", text, re.MULTILINE)


def problems_of(tag: str, root: Path = ROOT) -> list[str]:
    """What stands against publishing this tag, of the commit that is checked out."""
    match = TAG.fullmatch(tag)
    if match is None:
        return [f"{tag} is no tag of a release: write {LIBRARY}-1.2.0 or {SITE}-1.2.0"]
    project, version = Project(root, match[1]), Version(match[2])
    found = []
    if version != project.version:
        found.append(f"{tag}: {project.name}/pyproject.toml has version {project.version}")
    if _section(project, version) is None:
        found.append(f"{tag}: {project.name}/CHANGELOG.md has no section [{version}] with a date")
    if _entries(project.sections.get(UNRELEASED, "")):
        found.append(f"{tag}: entries of {UNRELEASED} belong into the section of the version")
    if git(root, "status", "--porcelain"):
        found.append(f"{tag}: the work tree differs from the commit; commit or stash first")
    found += _already(project, version) + _library_first(project)
    return found + _kept_schema(project, version)


def _already(project: Project, version: Version) -> list[str]:
    """A tag may be there already, if it is of this commit: then it is about to be published."""
    tags = project.tags
    if version in tags and _commit(project.root, tags[version]) != _commit(project.root, "HEAD"):
        return [f"{tags[version]} is released already, from another commit: choose a new version"]
    newer = [tag for other, tag in tags.items() if other > version]
    return [f"{newer[0]} is released already, which is newer than {version}"] if newer else []


def _library_first(project: Project) -> list[str]:
    """Whoever installs the site gets the library that is published, not the one of this tree."""
    if project.name != SITE:
        return []
    library = Project(project.root, LIBRARY)
    tag = library.tags.get(library.version)
    if tag is None:
        return [f"{LIBRARY}-{library.version} is not tagged: release the library first"]
    if library.has_changed_since(tag):
        return [f"{LIBRARY} has changed since {tag}: release the library first"]
    return []


def _kept_schema(project: Project, version: Version) -> list[str]:
    """The site's database as this version makes it is kept, so that tests can upgrade it."""
    if project.name != SITE:
        return []
    folder = project.root / SITE
    newest = max(folder.glob("src/microblog/migrations/0*.py")).name[:4]
    is_newest = re.compile(rf"alembic_version\"? VALUES ?\('{newest}'\)")
    files = [folder / f"tests/releases/{version}.{one}.sql" for one in ("sqlite", "postgresql")]
    if all(file.exists() and is_newest.search(file.read_text()) for file in files):
        return []
    return [f"its schema ({newest}) is not kept: run python scripts/keep_release.py, and commit"]


def notes(tag: str, root: Path = ROOT) -> str:
    """What the changelog says of this release."""
    match = TAG.fullmatch(tag)
    text = match and _section(Project(root, match[1]), Version(match[2]))
    if text is None:
        raise ValueError(f"no changelog has a section for {tag}")
    return text.strip()


def _section(project: Project, version: Version) -> str | None:
    for heading, text in project.sections.items():
        match = RELEASED.fullmatch(heading)
        if match and Version(match[1]) == version:
            return text
    return None


def _commit(root: Path, name: str) -> str:
    return git(root, "rev-parse", f"{name}^{{commit}}")


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tag", nargs="?", help="the tag that is about to be published")
    parser.add_argument("--notes", action="store_true", help="print its section of the changelog")
    given = parser.parse_args()
    if given.notes:
        print(notes(given.tag or ""))
        return
    found = problems() + (problems_of(given.tag) if given.tag else [])
    print("\n".join(found) or f"{given.tag or 'versions and changelogs'}: nothing is wrong")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
