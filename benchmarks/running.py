"""A whole site for a benchmark: a database with sample people, `microblog run`, a client."""

from __future__ import annotations

import http.client
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

from microblog.cli.ports import choose_free, wait_until_open

MICROBLOG = (sys.executable, "-m", "microblog")


@contextmanager
def running_site(
    folder: Path,
    *,
    mail_port: int,
    people: int,
    posts: int = 0,
    follows: int = 0,
    database_url: str | None = None,
) -> Iterator[int]:
    """Run `microblog run` with `people` sample accounts, sending to `mail_port`; give its port.

    Without `database_url` the data is in an SQLite file in `folder`.
    """
    port = choose_free("127.0.0.1")
    sample = {"people": people, "posts": posts, "follows": follows}
    environment = prepared_site(folder, port, mail_port, database_url, **sample)
    with (folder / "site.log").open("ab") as log:
        site = subprocess.Popen(
            [*MICROBLOG, "run", "--port", str(port)], env=environment, stdout=log, stderr=log
        )
    try:
        if not wait_until_open("127.0.0.1", port, seconds=60):
            raise SystemExit("The site did not start.")
        yield port
    finally:
        site.terminate()
        site.wait()


def prepared_site(
    folder: Path,
    port: int,
    mail_port: int,
    database_url: str | None = None,
    *,
    people: int,
    posts: int = 0,
    follows: int = 0,
) -> dict[str, str]:
    """Fill the database of a site that is to serve at this port; return its environment."""
    environment = os.environ | {
        "MICROBLOG_ENV_FILE": "",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "ADMINS": "admin@example.com",
        "INSTANCE_PATH": str(folder),
        "MAIL_SERVER": "127.0.0.1",
        "MAIL_PORT": str(mail_port),
        "RATELIMIT_ENABLED": "0",
    }
    if database_url is not None:
        environment["DATABASE_URL"] = database_url
    sample = ["--users", str(people), "--posts", str(posts), "--follows", str(follows)]
    commands = [["db", "upgrade"], *([["fake", *sample]] if people else [])]
    with (folder / "site.log").open("wb") as log:
        for command in commands:
            subprocess.run(
                [*MICROBLOG, *command], env=environment, check=True, stderr=log, stdout=log
            )
    return environment


class Connection(Protocol):
    """What a client needs of a connection: the part of HTTPConnection that it uses."""

    def request(self, method: str, url: str, body: Any = ..., headers: Any = ...) -> None: ...
    def getresponse(self) -> Any: ...
    def close(self) -> None: ...


class Client:
    """A browser with the cookies and the CSRF token that it once got.

    It stays connected to this port of this machine, or uses a connection of another kind.
    """

    def __init__(self, to: int | Connection) -> None:
        self._connection: Connection = (
            http.client.HTTPConnection("127.0.0.1", to, timeout=60) if isinstance(to, int) else to
        )
        self._headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self._token = ""

    def open_form(self, path: str) -> None:
        self._connection.request("GET", path)
        response = self._connection.getresponse()
        page = response.read().decode()
        cookie = response.headers["Set-Cookie"]
        assert cookie, "the page set no cookie"
        self._headers["Cookie"] = cookie.partition(";")[0]
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert found, "the page has no form"
        self._token = found[1]

    @property
    def cookies(self) -> str:
        """The cookies as in the header."""
        return self._headers.get("Cookie", "")

    @cookies.setter
    def cookies(self, cookies: str) -> None:
        self._headers["Cookie"] = cookies

    def log_in(self, name: str, password: str) -> str:
        """Log in and use the new session and token from then on; return the first page."""
        self.open_form("/login")
        fields = {"csrf_token": self._token, "username": name, "password": password}
        self._connection.request("POST", "/login", urlencode(fields), self._headers)
        response = self._connection.getresponse()
        response.read()
        self._keep_cookies(response)
        self._connection.request("GET", "/", headers=self._headers)
        response = self._connection.getresponse()
        page = str(response.read().decode())
        self._keep_cookies(response)
        assert f"Hi, {name}!" in page, "logging in failed"
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert found, "the page has no form"
        self._token = found[1]
        return page

    def _keep_cookies(self, response: http.client.HTTPResponse) -> None:
        kept = dict(one.split("=", 1) for one in self._headers["Cookie"].split("; "))
        for cookie in response.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            kept[name] = value
        self._headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in kept.items())

    def reconnect(self) -> None:
        """Let the next request open a new connection: the server closes idle ones."""
        self._connection.close()

    def get(self, path: str) -> int:
        """Open a page and read it all; return its status."""
        self._connection.request("GET", path, headers=self._headers)
        response = self._connection.getresponse()
        response.read()
        return int(response.status)

    def upload(self, path: str, name: str, content: bytes) -> str:
        """Upload a file in the field `name`; return the page that this leads to."""
        boundary = secrets.token_hex(16)
        opening = f"--{boundary}\r\nContent-Disposition: form-data; name="
        body = (
            f'{opening}"csrf_token"\r\n\r\n{self._token}\r\n'
            f'{opening}"{name}"; filename="file"\r\n\r\n'
        ).encode()
        body += content + f"\r\n--{boundary}--\r\n".encode()
        headers = self._headers | {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        self._connection.request("POST", path, body, headers)
        response = self._connection.getresponse()
        page = str(response.read().decode())
        self._keep_cookies(response)
        if response.status == 302:
            self._connection.request("GET", response.headers["Location"], headers=self._headers)
            response = self._connection.getresponse()
            page = str(response.read().decode())
            self._keep_cookies(response)
        return page

    def post(self, path: str, *, keep_cookies: bool = False, **fields: str) -> int:
        """Send the form and read the whole answer; return its status.

        The cookies of the answer are forgotten, unless they are to be kept.
        """
        body = urlencode({"csrf_token": self._token, **fields})
        self._connection.request("POST", path, body, self._headers)
        response = self._connection.getresponse()
        response.read()
        if keep_cookies:
            self._keep_cookies(response)
        return int(response.status)

    def time_answers(self, path: str, seconds: float, *, pause: float = 0.0) -> list[float]:
        """Ask for a page for about so long, with pauses; return the seconds of each answer."""
        taken = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if pause:
                time.sleep(pause)
            started = time.perf_counter()
            assert self.get(path) == 200
            taken.append(time.perf_counter() - started)
        return taken
