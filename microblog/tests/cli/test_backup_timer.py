"""The systemd unit for backups: what it runs keeps two weeks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.running import clean_environment
from tests.visitor import ON_SQLITE

pytestmark = pytest.mark.slow

UNITS = Path(__file__).resolve().parents[3] / "deploy" / "systemd"
SERVICE = UNITS / "microblog-backup.service"


def script(folder: Path) -> str:
    """What the service hands to its shell, with this environment's microblog."""
    line = SERVICE.read_text().replace("\\\n", "")
    found = re.search(r"^ExecStart=/bin/sh -euc '(.*)'$", line, re.MULTILINE)
    assert found
    said = found[1].replace("${STATE_DIRECTORY}", str(folder)).replace("$$", "$")
    command = f"{sys.executable} -m microblog"
    return said.replace("%%", "%").replace("/srv/microblog/.venv/bin/microblog", command)


@ON_SQLITE
def test_old_backups_are_removed_only_for_a_good_new_one(
    site_environment: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "it is kept here"
    folder.mkdir()
    for days in (1, 13, 16, 40):
        old = folder / f"microblog-{days}-days.backup"
        old.touch()
        os.utime(old, (time.time() - days * 86400,) * 2)
    environment = clean_environment(**site_environment)
    away = {**environment, "DATABASE_URL": f"sqlite:///{tmp_path}/none.db"}
    run = ["/bin/sh", "-euc", script(folder)]
    assert subprocess.run(run, env=away, capture_output=True, check=False).returncode == 1
    assert len([*folder.iterdir()]) == 4
    done = subprocess.run(run, env=environment, capture_output=True, text=True, check=True)
    assert "is intact" in done.stdout
    today = time.strftime("microblog-%F.backup")
    names = {"microblog-1-days.backup", "microblog-13-days.backup", today}
    assert {one.name for one in folder.iterdir()} == names
