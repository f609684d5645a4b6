"""A site whose name server answers nothing: pages do not care, mail waits, and the site ends."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from microblog.app import create_app
from microblog.cli.ports import choose_free
from microblog.settings import Settings
from tests.cli.running import HOST, Running, running
from tests.cli.test_run import SECRET, ask_for_reset, dispatcher, environment_of
from tests.dns_server import NameServer, name_server
from tests.smtp_server import ScriptedServer
from tests.visitor import make_user
from tests.waiting import eventually

pytestmark = pytest.mark.slow

NAME_SERVER = "127.0.0.153"
MAIL_SERVER = "mail.example.com"

RESOLV_CONF = f"nameserver {NAME_SERVER}\noptions timeout:2 attempts:2\n"

BEGUN = "The mail server cannot be used, mail waits: "
OVER = "The mail server can be used again."


@pytest.fixture
def python(tmp_path: Path) -> str:
    """A program that runs Python where all names are looked up at our name server."""
    conf, script = tmp_path / "resolv.conf", tmp_path / "python"
    conf.write_text(RESOLV_CONF)
    mount = f"mount --bind {shlex.quote(str(conf))} /etc/resolv.conf"
    inside = f'{mount} && exec {shlex.quote(sys.executable)} "$@"'
    script.write_text(f'#!/bin/sh\nexec unshare --mount sh -c {shlex.quote(inside)} python "$@"\n')
    script.chmod(0o700)
    tried = subprocess.run([script, "-c", ""], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip("needs the right to mount a file in a namespace of its own")
    return str(script)


@pytest.fixture
def names() -> Iterator[NameServer]:
    with name_server((NAME_SERVER, 53)) as made:
        made.silent = True
        made.records[f"{MAIL_SERVER}.", "A"] = [HOST]
        yield made


@pytest.fixture
def site(python: str, names: NameServer, tmp_path: Path, smtp: ScriptedServer) -> Iterator[Running]:
    assert names.silent
    port = choose_free(HOST)
    environment = environment_of(tmp_path, smtp.port, MAIL_SERVER=MAIL_SERVER)
    command = ["run", "--port", str(port)]
    with running(command, environment, tmp_path, port, python=python) as started:
        url = environment["DATABASE_URL"]
        app = create_app(Settings(DATABASE_URL=url, INSTANCE_PATH=tmp_path, SECRET_KEY=SECRET))
        make_user(app, "susan")
        yield started


def test_mail_waits_for_a_silent_name_server_and_nothing_else_does(
    site: Running, names: NameServer, smtp: ScriptedServer
) -> None:
    ask_for_reset(site)
    assert eventually(lambda: logged(site) != [])
    ask_for_reset(site)
    assert '"ok"' in site.get("/healthz")
    assert smtp.connections == 0
    names.silent = False
    assert len(smtp.wait_for(2)) == 2
    assert eventually(lambda: len(logged(site)) == 2)
    begun, over = logged(site)
    assert begun.startswith(BEGUN)
    assert "name look-up" in begun
    assert over == OVER


def test_a_site_ends_in_order_while_a_name_is_looked_up(site: Running) -> None:
    pid = dispatcher(site)
    ask_for_reset(site)
    assert eventually(lambda: asks_names(pid))
    assert site.end(signal.SIGTERM) == 0
    assert logged(site) != [], "the look-up was not waited for"
    assert "Traceback" not in site.errors.read_text()


def asks_names(pid: int | None) -> bool:
    """Whether this process has asked our name server, and waits for its answer."""
    address = "".join(f"{int(part):02X}" for part in reversed(NAME_SERVER.split(".")))
    return f"{address}:0035" in Path(f"/proc/{pid}/net/udp").read_text()


def logged(site: Running) -> list[str]:
    """What the dispatcher has logged about its mail server."""
    log = site.output.parent / "logs" / "site-dispatcher.log"
    lines = log.read_text().splitlines() if log.exists() else []
    assert not [line for line in lines if "Traceback" in line]
    return [line.partition("]: ")[2] for line in lines if "mail server can" in line]
