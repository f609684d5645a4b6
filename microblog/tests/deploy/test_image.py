"""The image of deploy/Dockerfile: its steps, and how the site runs in it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.image import DOCKERFILE, ROOT, Builder, Image, is_ignored
from tests.services import need
from tests.waiting import eventually

pytestmark = pytest.mark.slow

SETTINGS = {
    "SECRET_KEY": "a secret for tests only, long enough to be one",
    "PUBLIC_URL": "https://microblog.example.com",
    "ADMINS": "admin@microblog.example.com",
    "MAIL_SERVER": "127.0.0.1",
    "MAIL_PORT": "1",
}


def empty_debian() -> Path:
    """What `debian:bookworm-slim` begins with; the first call makes it."""
    folder = ROOT / "build" / "debian-bookworm"
    if not (folder / "etc" / "debian_version").exists():
        folder.parent.mkdir(exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix="debian-", dir=folder.parent))
        # As Debian makes its images for containers: dpkg waits for no disk, and leaves these out.
        left_out = ("doc", "info", "locale", "man")
        options = ["force-unsafe-io", *(f"path-exclude=/usr/share/{one}/*" for one in left_out)]
        command = ["mmdebstrap", "--quiet", "--variant=minbase"]
        command += [f"--dpkgopt={one}" for one in options]
        subprocess.run([*command, "bookworm", str(made)], check=True, capture_output=True)
        shutil.copy("/etc/resolv.conf", made / "etc" / "resolv.conf")
        made.rename(folder)
    return folder


@pytest.fixture
def image() -> Iterator[Image]:
    need(shutil.which("mmdebstrap") is not None, "mmdebstrap")
    may_mount = subprocess.run(["unshare", "--mount", "--net", "true"], check=False).returncode == 0
    need(may_mount, "root with the right to mount")
    debian = empty_debian()
    folder = Path(tempfile.mkdtemp(prefix="image-", dir=ROOT / "build"))
    try:
        yield Builder(folder, debian).build()
    finally:
        shutil.rmtree(folder)


def test_the_image_serves_read_only_and_without_root_and_ends_in_order(
    image: Image, tmp_path: Path
) -> None:
    volume, log = image.new_volume(), tmp_path / "log.txt"
    command = [*image.stage.command, "--drain", "2"]
    with image.running(volume, *command, log=log, **SETTINGS) as container:
        assert eventually(container.is_healthy), log.read_text()
        status = Path(f"/proc/{container.pid}/status").read_text()
        assert re.search(r"^Uid:(\s+10001){4}$", status, re.MULTILINE)
        assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)
        mounts = Path(f"/proc/{container.pid}/mounts").read_text()
        assert re.search(r"^overlay / overlay ro,", mounts, re.MULTILINE)
        for needed in ("pg_dump", "pg_restore", "celery"):
            assert container.execute(needed, "--version").returncode == 0
        # Without these no mail server with TLS is trusted.
        assert container.execute("test", "-s", "/etc/ssl/certs/ca-certificates.crt").returncode == 0
        for unneeded in ("pip", "uv", "gcc"):
            assert container.execute("which", unneeded).returncode == 1
        os.kill(container.pid, signal.SIGTERM)
        assert eventually(lambda: not container.is_healthy())
        assert container.process.wait(60) == 0, log.read_text()
    assert "Traceback" not in log.read_text()
    assert (volume / "instance" / "microblog.db").exists()


def test_the_image_says_which_version_it_is() -> None:
    project = tomllib.loads((ROOT / "microblog" / "pyproject.toml").read_text())["project"]
    assert f'image.version="{project["version"]}"' in DOCKERFILE.read_text()


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    said = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        (".env", True),
        ("deploy/.env", True),
        (".git/config", True),
        ("microblog/.env", True),
        ("microblog/instance/microblog.db", True),
        ("microblog/tests/conftest.py", True),
        ("microblog/src/microblog/static/site.css", False),
        ("requirements/distributed.txt", False),
    ],
)
def test_the_image_gets_the_code_and_no_secret(path: str, ignored: bool) -> None:
    patterns = [one for one in (ROOT / ".dockerignore").read_text().splitlines() if one]
    assert is_ignored(path, patterns) is ignored
