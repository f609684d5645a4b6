"""What the site writes can be read by the user that runs it, and by nobody else on the machine."""

from __future__ import annotations

import os
import smtplib
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from microblog.cli.ports import choose_free
from tests.cli.conftest import Command
from tests.cli.running import HOST, clean_environment, running
from tests.visitor import ON_SQLITE
from tests.waiting import eventually

pytestmark = pytest.mark.slow


@pytest.fixture
def usual_umask() -> Iterator[None]:
    """Others may read what is made without further thought: what a login shell begins with."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    """What is in the folder and below, with its permissions."""
    return {
        str(file.relative_to(folder)): stat.filemode(file.stat().st_mode)
        for file in folder.rglob("*")
    }


@pytest.mark.usefixtures("usual_umask")
def test_all_that_a_running_site_writes_is_closed_to_others(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir(mode=0o755)
    port = choose_free(HOST)
    environment = clean_environment(
        SECRET_KEY="a secret for tests only, long enough to be one",
        PUBLIC_URL="http://localhost",
        DATABASE_URL=f"sqlite:///{place / 'site.db'}",
        INSTANCE_PATH=str(place / "instance"),
        LOG_FILE=str(place / "logs" / "site.log"),
    )
    with running(["run", "--port", str(port)], environment, tmp_path / "run", port) as site:
        site.get("/readyz")
        assert eventually((place / "instance" / "dispatcher.bell").exists)
        found = modes(place)
    assert {"site.db", "site.db-wal", "site.db-shm", "logs/site.log"} < {*found}
    assert {mode[4:] for mode in found.values()} == {"------"}, found


@pytest.mark.usefixtures("usual_umask")
def test_caught_mail_is_closed_to_others(tmp_path: Path) -> None:
    port = choose_free(HOST)
    environment = clean_environment(INSTANCE_PATH=str(tmp_path / "instance"))
    arguments = ["mail", "catch", "--port", str(port), "--web-port", "0"]
    with running(arguments, environment, tmp_path / "run", port):
        with smtplib.SMTP(HOST, port) as server:
            server.sendmail("a@example.com", ["b@example.com"], "Subject: a secret\r\n\r\n")
        found = modes(tmp_path / "instance")
    assert any(name.endswith(".eml") for name in found)
    assert {mode[4:] for mode in found.values()} == {"------"}, found


@ON_SQLITE
def test_the_check_names_files_that_others_can_read_or_change(microblog: Command) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        database, log = folder / "site.db", folder / "site.log.1"
        for file in (database, log):
            file.touch(mode=0o600)
        changes = {
            "DATABASE_URL": f"sqlite:///{database}",
            "INSTANCE_PATH": name,
            "LOG_FILE": str(folder / "site.log"),
        }

        def said() -> str:
            lines = microblog("check", **changes).stdout.splitlines()
            return next(line for line in lines if ": privacy: " in line)

        assert said().startswith("ok: ")
        database.chmod(0o640)
        log.chmod(0o644)
        assert said() == (
            f"WARNING: privacy: everybody on this machine can read {log}."
            f" Close it to others: chmod o= {log}"
        )
        database.chmod(0o646)
        assert said().startswith(f"WRONG: privacy: everybody on this machine can change {database}")
        folder.chmod(0o700)
        assert said().startswith("ok: "), "nobody else reaches them"
