"""The site installed from its wheels: what the start of a command and a site at rest take."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.request import urlopen

from microblog.cli.ports import choose_free, wait_until_open
from tests.cli.running import clean_environment, descendants
from tests.environments import make_environment, run

ROOT = Path(__file__).resolve().parent.parent
PROJECTS = ("flask-outbox", "microblog")

COMPARED_WITH = "import flask, sqlalchemy.orm"
ROUNDS = 9

COMPLETION = {"_MICROBLOG_COMPLETE": "bash_complete", "COMP_WORDS": "microblog ", "COMP_CWORD": "1"}

COMMANDS: dict[str, tuple[list[str], dict[str, str]]] = {
    "microblog --help": (["--help"], {}),
    "microblog --version": (["--version"], {}),
    "microblog and the Tab key": ([], COMPLETION),
}
"""The arguments and the environment of each start."""

STEADY_SECONDS = 3.0
STEADY_BYTES = 512 * 1024
STUCK_SECONDS = 60.0
IDLE_SECONDS = 60.0


def install(folder: Path) -> Path:
    """Install both wheels and compile them; return the folder of the commands."""
    options = ["--quiet", "--offline", "--no-build-isolation", "--python", sys.executable]
    for project in PROJECTS:
        run("uv", "build", "--wheel", *options, "--out-dir", str(folder), str(ROOT / project))
    environment = folder / "environment"
    python = make_environment(environment, sorted(folder.glob("*.whl")), "microblog")
    subprocess.run([python, "-m", "compileall", "-q", environment / "lib"], check=True)
    return python.parent


def cpu_seconds(commands: Path) -> dict[str, float]:
    """Return each command's CPU time (median), and first that of what they are compared with."""
    started: dict[str, tuple[list[str], dict[str, str]]] = {
        COMPARED_WITH: ([str(commands / "python"), "-c", COMPARED_WITH], {})
    }
    for name, (arguments, environment) in COMMANDS.items():
        started[name] = [str(commands / "microblog"), *arguments], environment
    measured: dict[str, list[float]] = {name: [] for name in started}
    for _ in range(ROUNDS):
        for name, (command, environment) in started.items():
            measured[name].append(_cpu_seconds(command, environment))
    return {name: median(times) for name, times in measured.items()}


def _cpu_seconds(command: list[str], environment: dict[str, str]) -> float:
    process = subprocess.Popen(
        command, env=clean_environment(**environment), stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return used.ru_utime + used.ru_stime


@dataclass(frozen=True)
class AtRest:
    """A site on SQLite without visitors.

    `memory` are the bytes (PSS) of each process; `idle` are the seconds of CPU time of all
    processes in a minute without requests, `start` those from the start to the first page.
    """

    memory: dict[str, int]
    start: float
    idle: float


def site_at_rest(commands: Path, folder: Path) -> AtRest:
    """Start the installed site, look at it while nobody does anything, and ask for one page."""
    port = choose_free("127.0.0.1")
    environment = clean_environment(
        SECRET_KEY="k3y-for-a-benchmark_abcdefghijklmnopqrstuvwxyz",
        PUBLIC_URL=f"http://127.0.0.1:{port}",
        ADMINS="admin@example.com",
        INSTANCE_PATH=str(folder),
        MAIL_SERVER="127.0.0.1",
        MAIL_PORT=str(choose_free("127.0.0.1")),
    )
    with (folder / "site.log").open("wb") as log:
        site = subprocess.Popen(
            [commands / "microblog", "run", "--port", str(port)],
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        assert wait_until_open("127.0.0.1", port, seconds=STUCK_SECONDS), "the site did not start"
        memory, before = _steady(site.pid), _used(site.pid)
        time.sleep(IDLE_SECONDS)
        idle = _used(site.pid) - before
        with urlopen(f"http://127.0.0.1:{port}/login", timeout=STUCK_SECONDS) as page:
            assert page.status == 200
        return AtRest(memory, start=_used(site.pid) - idle, idle=idle)
    finally:
        site.terminate()
        site.wait()


def _used(supervisor: int) -> float:
    """The CPU time of the site's processes, those included that the supervisor saw end."""
    ticks = 0
    for pid in (supervisor, *descendants(supervisor)):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        own, ended = fields[11:13], fields[13:15]
        ticks += sum(map(int, [*own, *(ended if pid == supervisor else [])]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _steady(supervisor: int) -> dict[str, int]:
    """The memory of each process as soon as the sum has stayed the same for a while."""
    sizes = _sizes(supervisor)
    deadline = time.monotonic() + STUCK_SECONDS
    while time.monotonic() < deadline:
        time.sleep(STEADY_SECONDS)
        before, sizes = sizes, _sizes(supervisor)
        changed = abs(sum(sizes.values()) - sum(before.values()))
        if sizes.keys() == before.keys() and changed < STEADY_BYTES:
            return sizes
    raise SystemExit("The site's memory does not become steady.")


def _sizes(supervisor: int) -> dict[str, int]:
    web = ["web server", *(f"web worker {number}" for number in range(1, 9))]
    sizes = {"supervisor": _proportional_bytes(supervisor)}
    for pid in descendants(supervisor):
        line = Path(f"/proc/{pid}/cmdline").read_text()
        name = web.pop(0) if "\0web\0" in line else line.rstrip("\0").rpartition("\0")[2]
        sizes[name] = _proportional_bytes(pid)
    return sizes


def _proportional_bytes(pid: int) -> int:
    """Return the memory of a process; what it shares is counted in equal parts."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s*(\d+) kB", rollup, re.MULTILINE)
    assert found
    return int(found[1]) * 1024
