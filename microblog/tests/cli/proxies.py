"""nginx and Caddy with the files of deploy/, and a site behind them."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPSConnection
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.request import HTTPCookieProcessor, HTTPSHandler, ProxyHandler, build_opener

import trustme

from microblog.cli.ports import choose_free, wait_until_open
from microblog.cli.smoke_test import Browser
from tests.cli.running import HOST, Running, clean_environment, run_command
from tests.services import need
from tests.waiting import end, eventually

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
PASSWORD = "an uncommon password of a test"


@dataclass(frozen=True)
class Front:
    """Where a proxy listens, without and with TLS, and its files."""

    folder: Path
    plain: int
    tls: int
    own: Path
    """Its certificate, with the key."""
    trusted: ssl.SSLContext

    @classmethod
    def at_free_ports(cls, folder: Path) -> Front:
        authority = trustme.CA()
        own = folder / "own.pem"
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(own))
        trusted = ssl.create_default_context()
        authority.configure_trust(trusted)
        return cls(folder, choose_free(HOST), choose_free(HOST), own, trusted)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.tls}"

    def browser(self) -> Browser:
        browser = Browser(self.url)
        handlers = HTTPSHandler(context=self.trusted), HTTPCookieProcessor(CookieJar())
        browser._opener = build_opener(*handlers, ProxyHandler({}))
        return browser

    def connection(self) -> HTTPSConnection:
        return HTTPSConnection("localhost", self.tls, context=self.trusted, timeout=60)


def replaced(text: str, changes: dict[str, str]) -> str:
    """The text with these changes, each of which must concern something."""
    for theirs, ours in changes.items():
        assert theirs in text, theirs
        text = text.replace(theirs, ours)
    return text


def nginx(front: Front, locations: str | None = None) -> list[str]:
    """The command that runs nginx with deploy/nginx.conf; `locations` stand in place of its own."""
    server = (DEPLOY / "nginx.conf").read_text()
    if locations is not None:
        server, count = re.subn(r"(?s)    location / \{.*?\n    \}\n", lambda _: locations, server)
        assert count == 1
    live = "/etc/letsencrypt/live/microblog.example.com"
    server = replaced(
        server,
        {
            f"{live}/fullchain.pem": str(front.own),
            f"{live}/privkey.pem": str(front.own),
            "microblog.example.com": "localhost",
            "/run/microblog.sock": str(front.folder / "site.sock"),
            "listen 80;": f"listen {HOST}:{front.plain};",
            "listen 443 ssl": f"listen {HOST}:{front.tls} ssl",
            "listen [::]:80;": "",
            "listen [::]:443 ssl http2;": "",
        },
    )
    temporary = "".join(
        f"{kind}_temp_path {front.folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # Started by root, its workers would be nobody, who may not enter the test's folder.
    user = "user root;" if os.geteuid() == 0 else ""
    file = front.folder / "nginx.conf"
    file.write_text(
        f"{user} daemon off; pid {front.folder}/nginx.pid; error_log stderr;"
        f" events {{}} http {{ {temporary} {server} }}"
    )
    return ["/usr/sbin/nginx", "-p", str(front.folder), "-c", str(file)]


def caddy(front: Front, server: str | None = None) -> list[str]:
    """The command that runs Caddy with `server`, by default deploy/Caddyfile."""
    server = server or (DEPLOY / "Caddyfile").read_text()
    changes = {"/run/microblog.sock": str(front.folder / "site.sock")}
    return caddy_with(front, replaced(server, changes), "microblog.example.com")


def caddy_with(front: Front, server: str, address: str) -> list[str]:
    """The command that runs Caddy with this server, and its address replaced by the test's."""
    changes = {f"\n{address} {{": f"\n{front.url} {{\n\ttls {front.own} {front.own}"}
    server = replaced(f"\n{server}", changes)
    file = front.folder / "Caddyfile"
    ports = f"http_port {front.plain}\n https_port {front.tls}\n default_bind {HOST}"
    storage = f"storage file_system {front.folder}/caddy"
    file.write_text(f"{{\n admin off\n {ports}\n {storage}\n}}\n{server}")
    return ["/usr/bin/caddy", "run", "--adapter", "caddyfile", "--config", str(file)]


Command = Callable[[Front], list[str]]


@dataclass(frozen=True)
class Proxied:
    """A site with a proxy in front."""

    site: Running
    front: Front


@contextmanager
def started(command: list[str], folder: Path, name: str, **variables: str) -> Iterator[Running]:
    output, errors = folder / f"{name}.out", folder / f"{name}.err"
    with output.open("wb") as out, errors.open("wb") as err:
        environment = {**os.environ, "XDG_DATA_HOME": str(folder), **variables}
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=out, stderr=err)
    try:
        yield Running(process, 0, output, errors)
    finally:
        end(process, seconds=30)


@contextmanager
def serving(
    command: Command, folder: Path, *, path: str = "", mail_port: int = 1
) -> Iterator[Proxied]:
    """A site with susan's account, below `path`, behind the proxy that `command` makes."""
    front = Front.at_free_ports(folder)
    line = command(front)
    need(shutil.which(line[0]) is not None, Path(line[0]).name)
    settings = clean_environment(
        SECRET_KEY="a secret for tests only, long enough to be one",
        PUBLIC_URL=f"{front.url}{path}",
        ADMINS="admin@microblog.example.com",
        INSTANCE_PATH=str(folder / "instance"),
        MAIL_SERVER=HOST,
        MAIL_PORT=str(mail_port),
        TRUSTED_PROXIES="1",
    )
    assert run_command(["db", "upgrade"], settings, folder).returncode == 0
    create = ["user", "create", "susan", "susan@example.com", "--password-stdin"]
    assert run_command(create, settings, folder, typed=PASSWORD).returncode == 0
    run = [sys.executable, "-m", "microblog", "run", "--bind", f"unix:{folder}/site.sock"]
    with ExitStack() as running:
        site = running.enter_context(started(run, folder, "site", **settings))
        assert eventually(lambda: "listens at" in site.output.read_text()), site.errors.read_text()
        proxy = running.enter_context(started(line, folder, "proxy"))
        assert wait_until_open(HOST, front.tls, seconds=30), proxy.errors.read_text()
        yield Proxied(site, front)
