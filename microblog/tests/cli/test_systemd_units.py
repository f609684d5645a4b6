"""The units of deploy/systemd: systemd takes them, and the services may do little."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.services import need

pytestmark = pytest.mark.slow

UNITS = Path(__file__).resolve().parents[3] / "deploy" / "systemd"

WORST_EXPOSURE = 2.0
"""Of systemd's scale from 0 to 10, on which a service without any hardening has 9.6."""


@pytest.fixture(autouse=True)
def _systemd() -> None:
    need(shutil.which("systemd-analyze") is not None, "systemd-analyze")


def test_systemd_has_nothing_to_say_about_the_units(tmp_path: Path) -> None:
    """On a machine that has the programs that they start."""
    copies = []
    for unit in UNITS.iterdir():
        copy = tmp_path / unit.name
        copy.write_text(re.sub("/srv/microblog/.venv/bin/microblog", "/bin/true", unit.read_text()))
        copies.append(str(copy))
    assert len(copies) >= 5
    said = subprocess.run(
        ["systemd-analyze", "verify", *copies], capture_output=True, text=True, check=True
    )
    assert said.stdout + said.stderr == ""


@pytest.mark.parametrize("unit", sorted(UNITS.glob("*.service")), ids=lambda one: one.name)
def test_a_service_may_do_little(unit: Path) -> None:
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"Overall exposure level for .*: ([\d.]+)", said.stdout)
    assert found, said.stderr
    assert float(found[1]) <= WORST_EXPOSURE
