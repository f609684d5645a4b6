"""nginx and Caddy in front of a site, with the files of deploy/."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator
from html import unescape
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path
from urllib.request import Request

import pytest
from PIL import Image
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from tests.cli.proxies import PASSWORD, Proxied, caddy, nginx, serving
from tests.cli.running import HOST
from tests.waiting import eventually

pytestmark = pytest.mark.slow

MIB = 1024 * 1024


@pytest.fixture(params=[nginx, caddy], ids=lambda one: one.__name__)
def proxied(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Proxied]:
    with serving(request.param, tmp_path) as made:
        yield made


def test_people_sign_in_over_https_and_nobody_forges_an_address(proxied: Proxied) -> None:
    browser = proxied.front.browser()
    browser._opener.addheaders = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "http")]
    browser.open("/login")
    page = browser.submit(username="susan", password=PASSWORD)
    assert 'action="/logout"' in page
    assert browser.url.startswith(f"{proxied.front.url}/")
    devices = browser.open("/settings/sessions")
    assert "127.0.0.0/24" in devices
    assert "203.0.113" not in devices


def test_a_large_picture_passes(proxied: Proxied) -> None:
    browser = proxied.front.browser()
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
    address = f"{proxied.front.url}/edit_profile/picture"
    kind = f"multipart/form-data; boundary={boundary}"
    sent = Request(address, body, {"Content-Type": kind, "Referer": address})
    with browser._opener.open(sent, timeout=60) as answer:
        assert answer.url.endswith("/edit_profile")
        assert "/edit_profile/picture/remove" in answer.read().decode()


def test_a_reload_behind_the_proxy_fails_no_request(proxied: Proxied) -> None:
    ending, statuses = threading.Event(), []

    def read() -> None:
        connection = proxied.front.connection()
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
    connection = proxied.front.connection()
    connection.putrequest("POST", "/edit_profile/picture")
    connection.putheader("Content-Length", str(34 * MIB))
    connection.endheaders()
    assert connection.getresponse().status == 413


@pytest.mark.parametrize("proxied", [nginx], indirect=True)
def test_plain_http_is_sent_to_https(proxied: Proxied) -> None:
    connection = HTTPConnection(HOST, proxied.front.plain, timeout=30)
    connection.request("GET", "/login?next=/explore", headers={"Host": "localhost"})
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Location")) == (
        301,
        "https://localhost/login?next=/explore",
    )
