"""What docs/running.md tells its readers to copy."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.processes import Greeter, visit_until_both_served
from tests.commands.test_threads import gunicorn
from tests.ports import free_port
from tests.services import need
from tests.smtp_server import ScriptedServer

pytestmark = pytest.mark.slow

PAGE = Path(__file__).resolve().parents[2] / "docs" / "running.md"


def block(first_line: str) -> str:
    """The block of code that begins with this line."""
    found = re.search(rf"```\w+\n({re.escape(first_line)}\n.*?)```", PAGE.read_text(), re.DOTALL)
    assert found, first_line
    return found[1]


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    need(shutil.which("systemd-analyze") is not None, "systemd-analyze")
    unit = block("# /etc/systemd/system/shop-mail.service")
    command = "/srv/shop/.venv/bin/flask"
    assert command in unit
    file = tmp_path / "shop-mail.service"
    file.write_text(unit.replace(command, sys.executable))
    shown = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    about_it = [line for line in shown.stderr.splitlines() if "shop-mail" in line]
    assert (shown.returncode, about_it) == (0, [])


@pytest.mark.parametrize("preload", [False, True], ids=["", "preload"])
def test_a_thread_in_each_worker_of_gunicorn_sends_everything_once(
    greeter: Greeter, smtp: ScriptedServer, tmp_path: Path, preload: bool
) -> None:
    (tmp_path / "gunicorn.conf.py").write_text(block("# gunicorn.conf.py"))
    port = free_port()
    with gunicorn(greeter, port, *["--preload"] * preload) as started:
        visits = visit_until_both_served(port)
        received = smtp.wait_for(visits)
        assert started.end() == 0
    assert len({one.recipients[0] for one in received}) == visits == len(smtp.received)
    assert greeter.statuses() == ["sent"] * visits
