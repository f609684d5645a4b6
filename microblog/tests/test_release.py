"""What is wrong with a release is said before it is published."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest

from scripts import check_release, dist

TAG = "microblog-1.2.0"
UNRELEASED = "## [Unreleased]\n"
FIRST = "## [1.1.0] - 2026-01-01\n\n### Added\n\n- Everything.\n"
SECOND = "## [1.2.0] - 2026-02-03\n\n### Fixed\n\n- A fault.\n\n"


class Repository:
    """Both distributions in a repository of Git, with a library and a site that were released."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.git("init", "--quiet", "--initial-branch=main")
        for project, needs in (("flask-outbox", ""), ("microblog", '"flask-outbox[html]>=1.1,<2"')):
            self.write(f"{project}/src/code.py", "1\n")
            self.write(
                f"{project}/pyproject.toml",
                f'[project]\nversion = "1.1.0"\ndependencies = [{needs}]\n',
            )
            self.write(f"{project}/CHANGELOG.md", f"# Changelog\n\n{UNRELEASED}\n{FIRST}")
        for name in ("0001_tables.py", "0002_more.py"):
            self.write(f"microblog/src/microblog/migrations/{name}", "")
        self.commit()
        self.git("tag", "flask-outbox-1.1.0")
        self.git("tag", "microblog-1.1.0")

    def git(self, *arguments: str) -> None:
        nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        known = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
        command = ["git", *known, *arguments]
        subprocess.run(command, cwd=self.root, check=True, env={**os.environ, **nobody})

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def replace(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=Change")

    def version(self, version: str, project: str = "microblog") -> None:
        self.replace(f"{project}/pyproject.toml", 'version = "1.1.0"', f'version = "{version}"')

    def changelog(self, sections: str, project: str = "microblog") -> None:
        self.write(f"{project}/CHANGELOG.md", f"# Changelog\n\n{sections}")

    def keep(self, schema: str) -> None:
        row = f"""INSERT INTO "alembic_version" VALUES('{schema}');"""
        self.write("microblog/tests/releases/1.2.0.sqlite.sql", row)
        row = f"INSERT INTO public.alembic_version VALUES ('{schema}');"
        self.write("microblog/tests/releases/1.2.0.postgresql.sql", row)

    def problems(self, tag: str = TAG) -> list[str]:
        return check_release.problems(self.root) + check_release.problems_of(tag, self.root)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository whose site has changed, and is ready to be released as 1.2.0."""
    made = Repository(tmp_path)
    made.write("microblog/src/code.py", "2\n")
    made.version("1.2.0")
    made.keep("0002")
    made.changelog(f"{UNRELEASED}\n{SECOND}{FIRST}")
    made.commit()
    return made


def test_a_release_that_is_ready_passes_before_and_after_it_is_tagged(
    repository: Repository,
) -> None:
    assert repository.problems() == []
    repository.git("tag", TAG)
    assert repository.problems() == []
    assert check_release.notes(TAG, repository.root) == "### Fixed\n\n- A fault."


def released_already(repository: Repository) -> None:
    repository.git("tag", TAG, "HEAD~1")


def newer_is_released(repository: Repository) -> None:
    repository.git("tag", "microblog-1.10.0", "HEAD~1")


def other_version(repository: Repository) -> None:
    repository.replace("microblog/pyproject.toml", "1.2.0", "1.3.0")
    repository.commit()


def section_without_date(repository: Repository) -> None:
    repository.replace("microblog/CHANGELOG.md", "[1.2.0] - 2026-02-03", "[1.2.0]")
    repository.commit()


def day_that_does_not_exist(repository: Repository) -> None:
    repository.replace("microblog/CHANGELOG.md", "2026-02-03", "2026-02-30")
    repository.commit()


def day_to_come(repository: Repository) -> None:
    repository.replace("microblog/CHANGELOG.md", "2026-02-03", "9999-01-01")
    repository.commit()


def no_section(repository: Repository) -> None:
    repository.changelog(f"{UNRELEASED}\n### Fixed\n\n- A fault.\n\n{FIRST}")
    repository.commit()


def older_first(repository: Repository) -> None:
    repository.changelog(f"{UNRELEASED}\n{FIRST}\n{SECOND}")
    repository.commit()


def empty_section(repository: Repository) -> None:
    repository.replace("microblog/CHANGELOG.md", "- A fault.\n", "")
    repository.commit()


def unknown_kind(repository: Repository) -> None:
    repository.replace("microblog/CHANGELOG.md", "### Fixed", "### Bugs")
    repository.commit()


def no_unreleased(repository: Repository) -> None:
    repository.changelog(f"{SECOND}{FIRST}")
    repository.commit()


def uncommitted(repository: Repository) -> None:
    repository.write("microblog/src/more.py", "3\n")


def schema_not_kept(repository: Repository) -> None:
    (repository.root / "microblog/tests/releases/1.2.0.sqlite.sql").unlink()
    repository.commit()


def schema_of_before(repository: Repository) -> None:
    repository.keep("0001")
    repository.commit()


def library_changed(repository: Repository) -> None:
    repository.write("flask-outbox/src/code.py", "2\n")
    repository.replace(
        "flask-outbox/CHANGELOG.md", UNRELEASED, f"{UNRELEASED}\n### Added\n\n- More.\n"
    )
    repository.commit()


def library_silent(repository: Repository) -> None:
    repository.write("flask-outbox/src/code.py", "2\n")
    repository.commit()


def library_outside_the_range(repository: Repository) -> None:
    repository.version("2.0.0", "flask-outbox")
    repository.changelog(
        f"{UNRELEASED}\n## [2.0.0] - 2026-02-01\n\n### Removed\n\n- More.\n\n{FIRST}",
        "flask-outbox",
    )
    repository.commit()
    repository.git("tag", "flask-outbox-2.0.0")


BAD: dict[Callable[[Repository], None], list[str]] = {
    released_already: ["has changed since microblog-1.2.0", "released already, from another"],
    newer_is_released: ["microblog-1.10.0 is released already, which is newer than 1.2.0"],
    other_version: ["microblog/pyproject.toml has version 1.3.0", "[Unreleased] is empty"],
    section_without_date: ["is not like [1.2.0] - 2026-01-31", "no section [1.2.0] with a date"],
    day_that_does_not_exist: ["on a day that has come"],
    day_to_come: ["on a day that has come"],
    no_section: ["no section [1.2.0] with a date", "entries of [Unreleased] belong into"],
    older_first: ["the newest version must be first"],
    empty_section: ["[1.2.0] - 2026-02-03 is empty"],
    unknown_kind: ["'Bugs' is none of"],
    no_unreleased: ["the first section must be [Unreleased]"],
    uncommitted: ["the work tree differs from the commit"],
    schema_not_kept: ["its schema (0002) is not kept: run python scripts/keep_release.py"],
    schema_of_before: ["its schema (0002) is not kept"],
    library_changed: ["flask-outbox has changed since flask-outbox-1.1.0: release the library"],
    library_silent: ["[Unreleased] is empty, though flask-outbox", "release the library first"],
    library_outside_the_range: ["microblog needs flask-outbox[html]<2,>=1.1, and flask-outbox of"],
}


@pytest.mark.parametrize("spoil", BAD, ids=lambda spoil: spoil.__name__)
def test_a_release_that_is_not_ready_is_refused(
    spoil: Callable[[Repository], None], repository: Repository
) -> None:
    spoil(repository)
    found = repository.problems()
    assert len(found) == len(BAD[spoil])
    assert all(words in "\n".join(found) for words in BAD[spoil])


@pytest.mark.parametrize("tag", ["v1.2.0", "1.2.0", "microblog-1.2", "flask_outbox-1.1.0"])
def test_what_is_no_tag_of_a_release_is_refused(tag: str, repository: Repository) -> None:
    (said,) = repository.problems(tag)
    assert said.startswith(f"{tag} is no tag of a release")


def test_a_change_needs_a_word_in_the_changelog_until_the_next_release(
    repository: Repository,
) -> None:
    repository.git("tag", TAG)
    assert check_release.problems(repository.root) == []
    repository.write("microblog/src/code.py", "3\n")
    (said,) = check_release.problems(repository.root)
    assert said == (
        "microblog/CHANGELOG.md: [Unreleased] is empty, though microblog has changed since " + TAG
    )
    repository.replace(
        "microblog/CHANGELOG.md", UNRELEASED, f"{UNRELEASED}\n### Changed\n\n- This.\n"
    )
    assert check_release.problems(repository.root) == []


def test_no_second_place_holds_a_version() -> None:
    """The package's own code asks the installed distribution."""
    listed = subprocess.check_output(
        ["git", "grep", "-lE", r"__version__ *=|^version *=", "--", "*/src", "*/pyproject.toml"],
        cwd=check_release.ROOT,
        text=True,
    )
    assert listed.split() == ["flask-outbox/pyproject.toml", "microblog/pyproject.toml"]


def test_what_was_built_differently_is_named(tmp_path: Path) -> None:
    for folder, texts in (("one", "abc"), ("other", "abd")):
        for name, text in zip(("same", "different", folder), texts, strict=True):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / name).write_text(text)
    assert dist.differences(tmp_path / "one", tmp_path / "other") == [
        "one was built only once",
        "other was built only once",
    ]
    (tmp_path / "other" / "different").write_text("!")
    assert "different differs: it depends on more than its commit" in dist.differences(
        tmp_path / "one", tmp_path / "other"
    )


WHOLE = "Metadata-Version: 2.4\nName: a\nVersion: 1\nDescription-Content-Type: text/markdown\n"


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        (f"{WHOLE}\n# A\n", []),
        (WHOLE, ["a-1.whl has no README in Markdown"]),
        (WHOLE.replace("Version: 1\n", "") + "\n# A\n", ["a-1.whl: 'version' is a required field"]),
        (
            f"{WHOLE}Requires-Dist: b=>1\n\n# A\n",
            ["a-1.whl: 'b=>1' is invalid for 'requires-dist'"],
        ),
    ],
)
def test_metadata_that_an_index_would_refuse_is_named(
    metadata: str, said: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    with ZipFile(folder / "a-1.whl", "w") as wheel:
        wheel.writestr("a-1.dist-info/METADATA", metadata)
    with tarfile.open(folder / "a-1.tar.gz", "w:gz") as source:
        member = tarfile.TarInfo("a-1/PKG-INFO")
        member.size = len(metadata.encode())
        source.addfile(member, io.BytesIO(metadata.encode()))
    assert dist.wrong_metadata(tmp_path) == said


@pytest.mark.parametrize(
    ("licences", "said"),
    [
        ([{"license": {"id": "MIT"}}], []),
        ([{"expression": "Apache-2.0 OR BSD-2-Clause"}], []),
        ([{"license": {"name": "License :: OSI Approved :: BSD License"}}], []),
        # The classifier says less than SPDX's name beside it.
        ([{"license": {"id": "MIT"}}, {"license": {"name": "License :: OSI Approved"}}], []),
        ([{"license": {"id": "AGPL-3.0-only"}}], ["new 1.0 has the licence AGPL-3.0-only"]),
        ([{"expression": "MIT AND GPL-3.0-only"}], ["new 1.0 has the licence MIT, GPL-3.0-only"]),
        ([{"license": {"name": "Mine"}}], ["new 1.0 has the licence Mine"]),
        ([], ["new 1.0 has the licence none that its metadata tells"]),
    ],
)
def test_a_licence_that_nobody_allowed_is_named(
    licences: list[object], said: list[str], tmp_path: Path
) -> None:
    parts = tmp_path / "parts.json"
    component = {"name": "new", "version": "1.0", "licenses": licences}
    parts.write_text(json.dumps({"components": [component]}))
    assert dist.unsuitable(parts) == said
