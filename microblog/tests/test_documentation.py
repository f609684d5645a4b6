"""The documentation agrees with the code: settings, commands, statuses, links, figures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest

from benchmarks import QUESTIONS
from flask_outbox.outbox.models import Model as MailModel
from flask_outbox.outbox.models import Status
from microblog.app import MODELS
from microblog.cli import cli
from microblog.database import Model
from scripts import benchmarks_doc, settings_doc
from tests.documentation import LIBRARY
from tests.tables import table

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = sorted(
    page
    for pattern in (
        "*.md",
        "flask-outbox/*.md",
        "flask-outbox/docs/*.md",
        "microblog/*.md",
        "docs/**/*.md",
    )
    for page in ROOT.glob(pattern)
)

PICTURE_MAXIMUM_BYTES = 60_000

FENCED = r"(?ms)^ *```.*?^ *```$"


def test_the_table_of_settings_is_up_to_date() -> None:
    page = settings_doc.PAGE.read_text()
    assert settings_doc.with_table(page) == page, "run python scripts/settings_doc.py"


def test_a_page_without_a_place_for_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="needs the lines"):
        settings_doc.with_table("# Settings\n")


def test_the_figures_are_those_that_were_measured() -> None:
    assert not benchmarks_doc.stale(), "run python scripts/benchmarks_doc.py"


def test_every_benchmark_ran_in_full_and_kept_its_promises() -> None:
    results = benchmarks_doc.load(benchmarks_doc.PUBLISHED)
    assert [one["name"] for one in results] == list(QUESTIONS)
    assert all(one["full"] for one in results)
    assert [
        one["words"] for result in results for one in result["promises"] if not one["kept"]
    ] == []


def commands(group: click.Group, path: str) -> Iterator[str]:
    """Every public command, with the names of its groups before it."""
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}"


@pytest.mark.parametrize("command", [*commands(cli, "microblog")])
def test_every_command_is_described_with_an_example(command: str) -> None:
    page = (DOCS / "commands.md").read_text()
    row = re.search(
        rf"^\| `{re.escape(command)}` \| .+ \| `{re.escape(command)}[ `].*\|$", page, re.MULTILINE
    )
    assert row, f"docs/commands.md has no row with an example for {command}"


def test_no_command_is_described_that_does_not_exist() -> None:
    page = (DOCS / "commands.md").read_text()
    assert set(re.findall(r"^\| `(microblog [^`]+)` \|", page, re.MULTILINE)) == {
        *commands(cli, "microblog")
    }


def test_the_table_of_statuses_has_each() -> None:
    _, rows = table((LIBRARY / "docs" / "delivery.md").read_text(), "Status")
    assert sorted(row[0] for row in rows) == sorted(f"`{status}`" for status in Status)


@pytest.mark.parametrize("first", ["Fault", "Killed"])
def test_every_fault_names_the_tests_that_hold_it(first: str) -> None:
    """That these files exist is tested as for every link."""
    headings, rows = table((DOCS / "reliability.md").read_text(), first)
    assert headings[-1] == "Held by"
    for row in rows:
        tests = re.findall(r"\[(test_\w+\.py)\]\(\.\./[\w/-]+/tests/[\w/]*(\1)\)", row[-1])
        assert tests, row[0]


def test_the_page_on_architecture_lists_every_table() -> None:
    assert MODELS, "all tables are known once the models are imported"
    section = (
        (DOCS / "architecture.md").read_text().partition("\n## Tables\n")[2].partition("\n## ")
    )
    site, library = section[0].split("Of the library")
    for part, model in ((site, Model), (library, MailModel)):
        rows = "".join(re.findall(r"^\| `.*?` \|", part, re.MULTILINE))
        assert sorted(re.findall(r"`(\w+)`", rows)) == sorted(model.metadata.tables)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_and_picture_exists(page: Path) -> None:
    broken = [
        target
        for target in targets(page.read_text())
        if not (is_address(target) if re.match(r"https?:", target) else exists(page, target))
    ]
    assert broken == []


def is_address(target: str) -> bool:
    """Whether it is written as an address of another site, which is not asked for it."""
    host = urlsplit(target).hostname or ""
    return "." in host or host == "localhost"


def targets(text: str) -> Iterator[str]:
    """The targets of links and pictures, except those in examples of code."""
    text = re.sub(FENCED, "", text)
    yield from re.findall(r"\]\(([^)\s]+)\)", text)
    yield from re.findall(r'\b(?:src|srcset|href)="([^"]+)"', text)


def exists(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if not file.exists():
        return False
    return not anchor or anchor in anchors(file.read_text())


def anchors(text: str) -> set[str]:
    """The anchors of headings: lower case, no punctuation, hyphens for blanks."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


BEGINNINGS = [
    ROOT / folder
    for folder in (
        "",
        "microblog",
        "microblog/src/microblog",
        "microblog/src/microblog/accounts",
        "microblog/src/microblog/templates",
        "microblog/tests",
        "flask-outbox",
        "flask-outbox/src",
        "flask-outbox/src/flask_outbox",
        "flask-outbox/src/flask_outbox/dashboard",
    )
]
"""Where the path of a file may begin that a sentence names."""


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.name != "CHANGELOG.md" and page.parent.name != "decisions"],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_every_file_that_is_named_exists(page: Path) -> None:
    suffixes = r"\.(?:py|md|txt|html|toml|yml|css|js|service|timer|conf)"
    named = set(re.findall(rf"`([\w./-]+/[\w.-]+{suffixes})`", page.read_text()))
    of_the_tutorial = {path for path in named if path.startswith("app/")}
    assert [
        path
        for path in sorted(named - of_the_tutorial)
        if not any((folder / path).exists() for folder in [*BEGINNINGS, page.parent])
    ] == []


def test_every_picture_is_shown_and_small() -> None:
    shown = {
        (page.parent / target).resolve() for page in PAGES for target in targets(page.read_text())
    }
    for picture in (DOCS / "images").iterdir():
        assert picture.resolve() in shown, f"{picture.name} is shown nowhere"
        assert picture.stat().st_size < PICTURE_MAXIMUM_BYTES, f"{picture.name} is too large"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_target_of_make_exists(page: Path) -> None:
    existing = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = page.read_text()
    code = re.findall(r"`([^`\n]+)`", text) + re.findall(FENCED, text)
    named = {name for piece in code for name in re.findall(r"(?m)^ *make ([a-z]+)", piece)}
    assert named <= existing


def test_every_decision_is_numbered_and_listed() -> None:
    decisions = sorted((DOCS / "decisions").glob("*.md"))
    listed = (DOCS / "architecture.md").read_text()
    for number, page in enumerate(decisions, start=1):
        assert page.name.startswith(f"{number:04}-")
        assert page.read_text().startswith(f"# {number}. ")
        assert f"(decisions/{page.name})" in listed
