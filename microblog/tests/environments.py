"""Virtual environments with a distribution's requirements alone, made without a network."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from importlib.metadata import Distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(sysconfig.get_path("purelib"))


def make_environment(folder: Path, wheels: list[Path], *requirements: str) -> Path:
    """Make an environment with these wheels and `requirements`; return its Python.

    The packages that the wheels need are taken from the environment that runs the tests.
    """
    run("uv", "venv", "--quiet", "--offline", "--python", sys.executable, str(folder))
    python = folder / "bin" / "python"
    options = ["--quiet", "--offline", "--no-deps", "--python", str(python)]
    run("uv", "pip", "install", *options, *map(str, wheels))
    (site,) = folder.glob("lib/python*/site-packages")
    met: set[str] = set()
    for one in requirements:
        _meet(Requirement(one), site, met)
    return python


def run(*command: str, cwd: Path | None = None) -> str:
    """Run a module's command and return its output; if it fails, show that."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _meet(requirement: Requirement, site: Path, met: set[str]) -> None:
    name = canonicalize_name(requirement.name)
    wanted = {f"{name}[{extra}]" for extra in ("", *requirement.extras)}
    if wanted <= met:
        return
    met |= wanted
    found = next(
        one
        for path in (site, HERE)
        for one in Distribution.discover(name=requirement.name, path=[str(path)])
    )
    assert requirement.specifier.contains(found.version, prereleases=True), requirement
    for file in found.files or ():
        top = file.parts[0]
        if top not in {"..", "__pycache__"} and not (site / top).exists():
            (site / top).symlink_to(HERE / top)
    for line in found.requires or ():
        needed = Requirement(line)
        extras = ("", *requirement.extras)
        if needed.marker is None or any(needed.marker.evaluate({"extra": one}) for one in extras):
            _meet(needed, site, met)
