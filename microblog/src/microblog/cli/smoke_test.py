"""Walks the main job over HTTP and SMTP, as a person with a browser would."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from gettext import gettext as _
from html import unescape
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, ProxyHandler, build_opener

import click

MAIL_WITHIN_SECONDS = 30.0


class WalkError(Exception):
    """A step did not go as it should."""


class Browser:
    """As much of a browser as the walk needs: cookies, redirects, forms."""

    def __init__(self, base: str) -> None:
        self.url = self._base = base
        self.page = ""
        # No proxy: the site is on this machine.
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()), ProxyHandler({}))

    def open(self, path: str, fields: dict[str, str] | None = None) -> str:
        body = urlencode(fields).encode() if fields is not None else None
        try:
            with self._opener.open(urljoin(self._base, path), body, timeout=30) as response:
                self.url, self.page = response.url, response.read().decode()
        except HTTPError as error:
            self.url, self.page = error.url, error.read().decode("utf-8", "replace")
        return self.page

    def submit(self, **fields: str) -> str:
        """Fill in the form on this page, and send it."""
        return self.open(self.url, {"csrf_token": self._csrf_token(), **fields})

    def post(self, path: str) -> str:
        """Press a button that leads to `path`."""
        return self.open(path, {"csrf_token": self._csrf_token()})

    def _csrf_token(self) -> str:
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.page)
        if found is None:
            raise WalkError(_("the page at {url} has no form").format(url=self.url))
        return unescape(found[1])


class Walk:
    """The way from a new account, over a forgotten password, back in."""

    def __init__(self, port: int) -> None:
        self._base = f"http://localhost:{port}"
        self._browser = Browser(self._base)
        self._name = f"walker-{secrets.token_hex(4)}"
        self._address = f"{self._name}@microblog.example"
        self._old, self._new = secrets.token_urlsafe(12), secrets.token_urlsafe(12)
        self._link = ""

    def walk(self) -> int:
        """Each step with a line; 0 when all went well, 1 at the first that did not."""
        steps: list[tuple[str, Callable[[], None]]] = [
            (_("register, and be signed in"), self._register),
            (_("confirm the address with the mailed link"), self._confirm_address),
            (_("sign in and out with the first password"), self._first_login),
            (_("ask for a new password"), self._ask),
            (_("an unknown address gets the same answer"), self._ask_for_stranger),
            (_("the mail arrives"), self._receive),
            (_("open the link; it leaves the address bar"), self._open_link),
            (_("choose a new password"), self._choose),
            (_("the old password is refused"), self._try_old_password),
            (_("the used link is refused"), self._try_used_link),
            (_("sign in with the new password"), self._log_in),
            (_("the notice of the change arrives"), self._receive_notice),
        ]
        for words, step in steps:
            started = time.monotonic()
            try:
                step()
            except (WalkError, OSError) as error:
                click.echo(f"FAILED  {words}: {error}")
                return 1
            click.echo(f"ok      {words} ({time.monotonic() - started:.2f} s)")
        click.echo(_("All is well: whoever forgets a password gets back in."))
        return 0

    def _register(self) -> None:
        self._browser.open("/register")
        self._browser.submit(
            username=self._name, email=self._address, password=self._old, password2=self._old
        )
        self._expect(f"We sent a link to {self._address}.")
        self._expect(f"Hi, {self._name}!")

    def _confirm_address(self) -> None:
        self._browser.open(self._mailed_link("Confirm your email"))
        self._expect(self._name)
        self._browser.submit(confirm="y")
        self._expect("Your email is confirmed.")

    def _first_login(self) -> None:
        self._browser.post("/logout")
        self._try(self._old)
        self._expect(f"Hi, {self._name}!")
        self._browser.post("/logout")
        self._expect("Short posts, newest first.")

    def _ask(self) -> None:
        self._browser.open("/reset_password_request")
        self._browser.submit(email=self._address)
        self._expect("Check your email for the instructions to reset your password")

    def _ask_for_stranger(self) -> None:
        self._browser.open("/reset_password_request")
        self._browser.submit(email=f"nobody-{self._address}")
        self._expect("Check your email for the instructions to reset your password")

    def _receive(self) -> None:
        self._link = self._mailed_link("[Microblog] Reset Your Password")

    def _open_link(self) -> None:
        self._browser.open(self._link)
        self._expect("Reset Your Password")
        token = self._link.rpartition("/")[2]
        if token in self._browser.url or token in self._browser.page:
            raise WalkError(_("the token is still in the address bar or in the page"))

    def _choose(self) -> None:
        self._browser.submit(password=self._new, password2=self._new)
        self._expect("Your password has been reset.")

    def _try_old_password(self) -> None:
        self._try(self._old)
        self._expect("Wrong username or password.")

    def _try_used_link(self) -> None:
        self._browser.open(self._link)
        self._expect("This link no longer works")

    def _log_in(self) -> None:
        self._try(self._new)
        self._expect(f"Hi, {self._name}!")

    def _receive_notice(self) -> None:
        self._mail("Your password was changed")

    def _try(self, password: str) -> None:
        self._browser.open("/login")
        self._browser.submit(username=self._name, password=password)

    def _mailed_link(self, subject: str) -> str:
        found = re.search(r"^http://\S+$", self._mail(subject), re.MULTILINE)
        if found is None:
            raise WalkError(_("the mail holds no link"))
        return found[0]

    def _mail(self, subject: str) -> str:
        """The text of the newest message with this subject for this address, once it is there."""
        deadline = time.monotonic() + MAIL_WITHIN_SECONDS
        inbox = Browser(self._base)
        while time.monotonic() < deadline:
            for number in re.findall(r'/dev/inbox/([0-9]+)"', inbox.open("/dev/inbox")):
                source = inbox.open(f"/dev/inbox/{number}/source")
                if f"Subject: {subject}" in source and f"To: {self._address}" in source:
                    return source.replace("\r\n", "\n")
            time.sleep(0.1)
        raise WalkError(
            _("no mail within {seconds:.0f} seconds").format(seconds=MAIL_WITHIN_SECONDS)
        )

    def _expect(self, words: str) -> None:
        if words not in unescape(self._browser.page):
            raise WalkError(
                _('the page at {url} does not say "{words}"').format(
                    url=self._browser.url, words=words
                )
            )
