"""The release before this one, from the repository's history, in an environment of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services import need

ROOT = Path(__file__).resolve().parents[2]

COMMIT = "abb970f"
"""Version 0.1.0: the tree as it was before the library had a folder of its own."""


def installed() -> Path:
    """The Python that has the previous release; the first call makes it."""
    folder = ROOT / "build" / f"previous-{COMMIT}"
    python = folder / "environment" / "bin" / "python"
    if (folder / "complete").exists():
        return python
    if not _is_in_history():
        pytest.skip("needs the repository's history")
    uv = Path(sys.executable).with_name("uv")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "source").mkdir(parents=True)
    try:
        tree = subprocess.run(
            ["git", "archive", COMMIT], cwd=ROOT, check=True, capture_output=True
        ).stdout
        _run("tar", "--extract", "--directory", str(folder / "source"), given=tree)
        _run(str(uv), "venv", "--quiet", "--python", sys.executable, str(folder / "environment"))
        locked = str(folder / "source" / "requirements" / "distributed.txt")
        install = [str(uv), "pip", "install", "--quiet", "--python", str(python)]
        _run(*install, "--require-hashes", "-r", locked)
        _run(*install, "--no-deps", str(folder / "source"))
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", b"") or b""
        need(available=False, what=f"the release before this one: {error}, {said.decode()[-300:]}")
    (folder / "complete").touch()
    return python


def _is_in_history() -> bool:
    try:
        _run("git", "-C", str(ROOT), "cat-file", "-e", COMMIT)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _run(*command: str, given: bytes | None = None) -> None:
    subprocess.run(command, input=given, check=True, capture_output=True)
