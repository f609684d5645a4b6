"""Other systems that send mail, each installed from the package registry into its environment."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from subprocess import PIPE

from benchmarks.sink import running_sink
from tests.brokers import REDIS

ROOT = Path(__file__).resolve().parent.parent

_PRINT_VERSIONS = (
    "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
)


@dataclass(frozen=True)
class Peer:
    """Another system: the packages installed for it, its program, and how that is to send."""

    packages: tuple[str, ...]
    script: str
    way: str


POST_OFFICE = "django-post-office"
CELERY = "Celery, Redis and Flask-Mail, two processes"
PEERS = {
    POST_OFFICE: Peer(("django-post-office", "django"), "django_peer.py", "post_office"),
    "django-mailer": Peer(("django-mailer", "django"), "django_peer.py", "mailer"),
    "Flask-Mail, one connection": Peer(("flask-mail",), "flask_mail_peer.py", "connection"),
    "Flask-Mail, mail.send": Peer(("flask-mail",), "flask_mail_peer.py", "send"),
    "Flask-Mail, a thread for each": Peer(("flask-mail",), "flask_mail_peer.py", "threads"),
    CELERY: Peer(("celery", "redis", "packaging", "flask-mail"), "celery_peer.py", "tasks"),
}


def measure(peer: Peer, count: int) -> float:
    """Return the messages a second of another system, in its own environment and process."""
    python = environment(peer.packages)
    with tempfile.TemporaryDirectory(prefix="microblog-benchmark-") as folder:
        # Only Celery does not know by itself when the last message has left.
        log = Path(folder) / "log" if peer is PEERS[CELERY] else None
        with running_sink(log=log) as port:
            variables = {
                "MAIL_PORT": str(port),
                "REDIS_URL": REDIS,
                "MICROBLOG_BENCHMARK_PREFIX": f"microblog-benchmark-{os.getpid()}-",
            }
            program = ROOT / "benchmarks" / "peers" / peer.script
            done = subprocess.run(
                [python, program, str(port), str(count), peer.way, str(log)],
                env=os.environ | variables,
                capture_output=True,
                text=True,
                check=False,
            )
    if done.returncode:
        raise SystemExit(f"{peer.script} failed:\n{done.stderr}")
    return float(done.stdout.split()[-1])


def versions(names: Iterable[str]) -> str:
    """The packages that are installed for these systems, with versions."""
    found = {
        f"{package} {version}"
        for name in names
        for package, version in _versions(PEERS[name].packages).items()
    }
    return ", ".join(sorted(found))


def _versions(packages: tuple[str, ...]) -> dict[str, str]:
    done = subprocess.run(
        [environment(packages), "-c", _PRINT_VERSIONS, *packages], stdout=PIPE, check=True
    )
    return dict(zip(packages, done.stdout.decode().split(), strict=True))


@cache
def environment(packages: tuple[str, ...], name: str | None = None) -> Path:
    """The Python of an environment with these packages, which is made if there is none."""
    folder = ROOT / "build" / "peers" / (name or packages[0])
    python = folder / "bin" / "python"
    uv = [sys.executable, "-m", "uv"]
    if not python.exists():
        subprocess.run([*uv, "venv", "--quiet", str(folder)], check=True)
    install = [*uv, "pip", "install", "--quiet", "--python", str(python), *packages]
    subprocess.run(install, check=True)
    return python
