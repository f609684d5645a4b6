"""Folders and processes of real mail servers, which run as other users than the tests."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ports import is_open
from tests.services import need
from tests.waiting import eventually

NOBODY = "nobody"


def need_program(path: str, package: str) -> None:
    """Skip this test without the program, or if the tests may not start it."""
    need(Path(path).is_file(), f"{path}, of Debian's package {package}")
    if os.geteuid() != 0:
        pytest.skip(f"only root can start {path}")


@contextmanager
def scratch() -> Iterator[Path]:
    """An empty folder that other users may enter; pytest's may be entered by nobody else."""
    folder = Path(tempfile.mkdtemp(prefix="mail-server-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wait_for(port: int, log: Path) -> None:
    """Wait until the server answers; fails with its log."""
    if not eventually(lambda: is_open(port)):
        pytest.fail(f"nothing answers at port {port}: {log.read_text() if log.exists() else ''}")
