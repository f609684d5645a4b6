"""The published distributions are complete, and work without the rest of the repository."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.cli.running import clean_environment
from tests.environments import make_environment, run
from tests.shop import orders_are_confirmed

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SHOP_NEEDS = ("flask-sqlalchemy-lite", "flask-babel")
PROJECTS = {"flask-outbox": "flask_outbox", "microblog": "microblog"}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution of each project."""
    folder, copies = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("copies")
    options = ["--offline", "--no-build-isolation", "--python", sys.executable]
    for project in PROJECTS:
        # Other tests write beside the sources meanwhile, and a file that vanishes stops a build.
        for name in sources(project):
            (copies / project / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / project / name, copies / project / name)
        if (ROOT / project / "docs").is_symlink():
            shutil.copytree(ROOT / project / "docs", copies / project / "docs")
        run("uv", "build", *options, "--out-dir", str(folder), str(copies / project))
    return folder


def wheel(built: Path, project: str) -> Path:
    (found,) = built.glob(f"{PROJECTS[project]}-*.whl")
    return found


def sources(project: str) -> set[str]:
    """The files of a project that are under version control."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT / project, capture_output=True, text=True, check=True
    )
    # Of a link to a folder, the distribution has the files.
    return {name for name in listed.stdout.splitlines() if not (ROOT / project / name).is_dir()}


@pytest.mark.parametrize("project", PROJECTS)
def test_a_source_distribution_has_every_file(built: Path, project: str) -> None:
    (path,) = built.glob(f"{PROJECTS[project]}-*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "CHANGELOG.md", "README.md", "pyproject.toml"} <= names
    assert sources(project) - names == set()


def test_the_sites_source_distribution_has_the_pages_that_its_messages_name(built: Path) -> None:
    messages = (
        ROOT / "microblog/src/microblog/translations/ru/LC_MESSAGES/messages.po"
    ).read_text()
    named = set(re.findall(r"docs/[\w/]+\.md", messages))
    (path,) = built.glob("microblog-*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert named
    assert named <= names


@pytest.mark.parametrize("project", PROJECTS)
def test_a_wheel_has_every_file_of_the_package_and_no_other(built: Path, project: str) -> None:
    with ZipFile(wheel(built, project)) as archive:
        names = set(archive.namelist())
    packaged = {name.removeprefix("src/") for name in sources(project) if name.startswith("src/")}
    others = {name for name in names - packaged if ".dist-info/" not in name}
    assert (packaged - names, others) == (set(), set())
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_library_alone_runs_its_example(built: Path, tmp_path: Path) -> None:
    python = make_environment(
        tmp_path / "environment", [wheel(built, "flask-outbox")], "flask-outbox[dev]", *SHOP_NEEDS
    )
    code = "import importlib.util, sys; print([*map(importlib.util.find_spec, sys.argv[1:])])"
    absent = ["microblog", "css_inline", "celery", "psycopg", "pydantic"]
    shown = subprocess.check_output([python, "-c", code, *absent], cwd=tmp_path, text=True)
    assert shown.strip() == str([None] * len(absent))
    orders_are_confirmed(tmp_path, python=python)


def test_the_two_wheels_do_the_main_job(built: Path, tmp_path: Path) -> None:
    wheels = [wheel(built, project) for project in PROJECTS]
    python = make_environment(tmp_path / "environment", wheels, "microblog")
    done = subprocess.run(
        [python.with_name("microblog"), "demo", "--check", "--port", "0", "--smtp-port", "0"],
        env=clean_environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
