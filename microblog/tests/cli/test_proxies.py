"""nginx and Caddy in front of a site, with the files of deploy/."""

from __future__ import annotations

import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from html import unescape
from http.client import HTTPConnection, HTTPSConnection
from http.cookiejar import CookieJar
from io import BytesIO
from pathlib import Path
from urllib.request import HTTPCookieProcessor, HTTPSHandler, ProxyHandler, Request, build_opener

import pytest
import trustme
from PIL import Image
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from microblog.cli.ports import choose_free, wait_until_open
from microblog.cli.smoke_test import Browser
from tests.cli.running import HOST, Running, clean_environment, run_command
from tests.services import need
from tests.waiting import end, eventually

pytestmark = pytest.mark.slow

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
PASSWORD = "an uncommon password of a test"
MIB = 1024 * 1024


@dataclass(frozen=True)
class Ports:
    """Where the proxy listens, without and with TLS."""

    plain: int
    tls: int


def nginx(folder: Path, ports: Ports, own: Path) -> list[str]:
    """The command that runs nginx with deploy/nginx.conf, at these ports."""
    server = (DEPLOY / "nginx.conf").read_text()
    live = "/etc/letsencrypt/live/microblog.example.com"
    for theirs, ours in {
        f"{live}/fullchain.pem": str(own),
        f"{live}/privkey.pem": str(own),
        "microblog.example.com": "localhost",
        "/run/microblog.sock": str(folder / "site.sock"),
        "listen 80;": f"listen {HOST}:{ports.plain};",
        "listen 443 ssl": f"listen {HOST}:{ports.tls} ssl",
        "listen [::]:80;": "",
        "listen [::]:443 ssl http2;": "",
    }.items():
        assert theirs in server
        server = server.replace(theirs, ours)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # Started by root, its workers would be nobody, who may not enter the test's folder.
    user = "user root;" if os.geteuid() == 0 else ""
    file = folder / "nginx.conf"
    file.write_text(
        f"{user} daemon off; pid {folder}/nginx.pid; error_log stderr;"
        f" events {{}} http {{ {temporary} {server} }}"
    )
    return ["/usr/sbin/nginx", "-p", str(folder), "-c", str(file)]


def caddy(folder: Path, ports: Ports, own: Path) -> list[str]:
    """The command that runs Caddy with deploy/Caddyfile, at these ports."""
    server = (DEPLOY / "Caddyfile").read_text()
    for theirs, ours in {
        "\nmicroblog.example.com {": f"\nhttps://localhost:{ports.tls} {{\n\ttls {own} {own}",
        "/run/microblog.sock": str(folder / "site.sock"),
    }.items():
        assert theirs in server
        server = server.replace(theirs, ours)
    file = folder / "Caddyfile"
    general = f"admin off\n http_port {ports.plain}\n https_port {ports.tls}\n default_bind {HOST}"
    file.write_text(f"{{\n {general}\n storage file_system {folder}/caddy\n}}\n{server}")
    return ["/usr/bin/caddy", "run", "--adapter", "caddyfile", "--config", str(file)]


Command = Callable[[Path, Ports, Path], list[str]]


@dataclass(frozen=True)
class Proxied:
    """A site with a proxy in front, and how to reach it."""

    site: Running
    ports: Ports
    trusted: ssl.SSLContext

    def browser(self) -> Browser:
        browser = Browser(f"https://localhost:{self.ports.tls}")
        handlers = HTTPSHandler(context=self.trusted), HTTPCookieProcessor(CookieJar())
        browser._opener = build_opener(*handlers, ProxyHandler({}))
        return browser

    def connection(self) -> HTTPSConnection:
        return HTTPSConnection("localhost", self.ports.tls, context=self.trusted, timeout=60)


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


@pytest.fixture(params=[nginx, caddy], ids=lambda one: one.__name__)
def proxied(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Proxied]:
    command: Command = request.param
    ports = Ports(choose_free(HOST), choose_free(HOST))
    authority = trustme.CA()
    own = tmp_path / "own.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(own))
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    line = command(tmp_path, ports, own)
    need(shutil.which(line[0]) is not None, command.__name__)
    settings = clean_environment(
        SECRET_KEY="a secret for tests only, long enough to be one",
        PUBLIC_URL=f"https://localhost:{ports.tls}",
        ADMINS="admin@microblog.example.com",
        INSTANCE_PATH=str(tmp_path / "instance"),
        MAIL_SERVER=HOST,
        MAIL_PORT="1",
        TRUSTED_PROXIES="1",
    )
    assert run_command(["db", "upgrade"], settings, tmp_path).returncode == 0
    create = ["user", "create", "susan", "susan@example.com", "--password-stdin"]
    assert run_command(create, settings, tmp_path, typed=PASSWORD).returncode == 0
    run = [sys.executable, "-m", "microblog", "run", "--bind", f"unix:{tmp_path}/site.sock"]
    with ExitStack() as running:
        site = running.enter_context(started(run, tmp_path, "site", **settings))
        assert eventually(lambda: "listens at" in site.output.read_text()), site.errors.read_text()
        front = running.enter_context(started(line, tmp_path, "proxy"))
        assert wait_until_open(HOST, ports.tls, seconds=30), front.errors.read_text()
        yield Proxied(site, ports, trusted)


def test_people_sign_in_over_https_and_nobody_forges_an_address(proxied: Proxied) -> None:
    browser = proxied.browser()
    browser._opener.addheaders = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "http")]
    browser.open("/login")
    page = browser.submit(username="susan", password=PASSWORD)
    assert 'action="/logout"' in page
    assert browser.url.startswith(f"https://localhost:{proxied.ports.tls}/")
    devices = browser.open("/settings/sessions")
    assert "127.0.0.0/24" in devices
    assert "203.0.113" not in devices


def test_a_large_picture_passes(proxied: Proxied) -> None:
    browser = proxied.browser()
    browser.open("/login")
    browser.submit(username="susan", password=PASSWORD)
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.open("/edit_profile"))
    assert token
    noise = BytesIO()
    Image.effect_noise((2000, 2000), 200).save(noise, "PNG")
    assert len(noise.getvalue()) > 2 * MIB
    fields = {"csrf_token": unescape(token[1]), "picture": FileStorage(noise, "noise.png")}
    noise.seek(0)
    boundary, body = encode_multipart(fields)
    address = f"https://localhost:{proxied.ports.tls}/edit_profile/picture"
    kind = f"multipart/form-data; boundary={boundary}"
    sent = Request(address, body, {"Content-Type": kind, "Referer": address})
    with browser._opener.open(sent, timeout=60) as answer:
        assert answer.url.endswith("/edit_profile")
        assert "/edit_profile/picture/remove" in answer.read().decode()


def test_a_reload_behind_the_proxy_fails_no_request(proxied: Proxied) -> None:
    ending, statuses = threading.Event(), []

    def read() -> None:
        connection = proxied.connection()
        while not ending.is_set():
            connection.request("GET", "/login")
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        proxied.site.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: "Reloaded." in proxied.site.errors.read_text())
        served = len(statuses)
        assert eventually(lambda: len(statuses) > served + 10)
    finally:
        ending.set()
        reader.join()
    assert set(statuses) == {200}


@pytest.mark.parametrize("proxied", [nginx], indirect=True)
def test_what_no_page_takes_is_refused_by_its_length(proxied: Proxied) -> None:
    connection = proxied.connection()
    connection.putrequest("POST", "/edit_profile/picture")
    connection.putheader("Content-Length", str(34 * MIB))
    connection.endheaders()
    assert connection.getresponse().status == 413


@pytest.mark.parametrize("proxied", [nginx], indirect=True)
def test_plain_http_is_sent_to_https(proxied: Proxied) -> None:
    connection = HTTPConnection(HOST, proxied.ports.plain, timeout=30)
    connection.request("GET", "/login?next=/explore", headers={"Host": "localhost"})
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Location")) == (
        301,
        "https://localhost/login?next=/explore",
    )
