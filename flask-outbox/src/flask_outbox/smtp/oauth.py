"""Access tokens for the log-in at a mail server (OAuth 2.0, RFC 6749), fetched with Authlib.

Authlib and requests are imported when a token is fetched: an application that logs in with a
password needs neither.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from flask_outbox.defaults import TIMEOUT_SECONDS
from flask_outbox.extras import needs_extra
from flask_outbox.message.addresses import is_loopback
from flask_outbox.smtp.errors import SmtpError, Step
from flask_outbox.translation import gettext as _

MARGIN_SECONDS = 60.0
"""A token is renewed so long before it expires, lest it expires on its way to the mail server."""

DEFAULT_LIFETIME_SECONDS = 300
"""How long a token is used whose lifetime is not given (RFC 6749, 5.1, recommends to give it)."""

_BEARER_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""RFC 6750, section 2.1: it contains nothing that ends a line or a field of the log-in."""


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """How to get tokens from the token server.

    With `refresh_token`, in the name of the account that granted it; without, in the name of the
    application itself (client credentials).
    """

    token_url: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    scope: str | None = None
    timeout: float = TIMEOUT_SECONDS


class TokenSource:
    """Keeps one access token for all threads, and fetches another before it expires.

    Raises ValueError if secrets would go to the token server unencrypted.
    """

    def __init__(self, client: OAuthClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        check_token_url(client.token_url)
        self.client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._token: str | None = None
        self._ends_at = 0.0
        self._refresh_token = client.refresh_token

    def __repr__(self) -> str:
        return f"TokenSource({self.client!r})"

    def token(self) -> str:
        """A token that is valid for a while; it is fetched if there is none.

        Raises SmtpError without a code at the log-in step: no message is to blame.
        """
        if not self._lock.acquire(timeout=self.client.timeout):
            raise self._silent()
        try:
            if self._token is None or self._clock() >= self._ends_at - MARGIN_SECONDS:
                self._token = None
                self._keep(self._fetch_in_time())
                assert self._token is not None  # noqa: S101 - _keep() raises or sets it
            return self._token
        finally:
            self._lock.release()

    def drop(self, token: str) -> None:
        """Forget this token, which the mail server refused, unless it was replaced already."""
        with self._lock:
            if self._token == token:
                self._token = None

    def _keep(self, answer: dict[str, Any]) -> None:
        token = answer.get("access_token")
        if not isinstance(token, str) or not _BEARER_TOKEN.fullmatch(token):
            raise self._failed("its answer holds no access token")
        if str(answer.get("token_type", "Bearer")).lower() != "bearer":
            raise self._failed("its token is of another type than Bearer")
        try:
            lifetime = int(answer.get("expires_in", DEFAULT_LIFETIME_SECONDS))
        except (ArithmeticError, TypeError, ValueError):
            raise self._failed("the lifetime of its token is no number") from None
        renewed = answer.get("refresh_token")
        if self._refresh_token and isinstance(renewed, str) and renewed:
            # The server may replace it and revoke the former one (RFC 6749, section 6).
            self._refresh_token = renewed
        self._token = token
        self._ends_at = self._clock() + lifetime

    def _fetch_in_time(self) -> dict[str, Any]:
        """The answer of the token server, or an error after `timeout` seconds altogether.

        In a thread of its own: the timeouts of requests begin again with every byte, and those of
        the name service cannot be set.
        """
        outcome: list[dict[str, Any] | SmtpError] = []
        thread = threading.Thread(target=lambda: outcome.append(self._fetch()), daemon=True)
        thread.start()
        thread.join(self.client.timeout)
        if thread.is_alive():
            raise self._silent()
        if not outcome:
            raise self._failed("an unexpected error")
        if isinstance(outcome[0], SmtpError):
            self._refresh_token = self.client.refresh_token
            raise outcome[0]
        return outcome[0]

    def _fetch(self) -> dict[str, Any] | SmtpError:
        if missing := missing_packages():
            return self._failed(needed(missing))
        from authlib.common.errors import AuthlibBaseError  # noqa: PLC0415 - an optional package
        from authlib.integrations.requests_client import (  # noqa: PLC0415 - likewise
            OAuth2Session,
        )
        from requests import RequestException  # noqa: PLC0415 - likewise

        client = self.client
        options = {"timeout": client.timeout, "allow_redirects": False}
        method = "client_secret_post" if client.client_secret else "none"
        try:
            with OAuth2Session(
                client.client_id,
                client.client_secret,
                scope=client.scope,
                token_endpoint_auth_method=method,
            ) as session:
                # A proxy of the environment could read the secret of an unencrypted request.
                session.trust_env = client.token_url.startswith("https:")
                if self._refresh_token:
                    answer = session.refresh_token(
                        client.token_url, refresh_token=self._refresh_token, **options
                    )
                else:
                    answer = session.fetch_token(
                        client.token_url, grant_type="client_credentials", **options
                    )
                return dict(answer)
        except AuthlibBaseError as error:
            return self._failed(f"{error.error} {error.description or ''}")
        except RequestException as error:
            return self._failed(_reason(error))
        except (ArithmeticError, AttributeError, TypeError, ValueError):
            return self._failed("its answer is not that of a token server")

    def _silent(self) -> SmtpError:
        return self._failed(f"no answer within {self.client.timeout:g} seconds")

    def _failed(self, words: str) -> SmtpError:
        """An error with the token server's text, without secrets that it may have repeated."""
        client = self.client
        for secret in (client.client_secret, client.refresh_token, self._refresh_token):
            if secret:
                words = words.replace(secret, "***")
        host = urlsplit(client.token_url).hostname
        return SmtpError(Step.AUTH, None, f"no token from the token server {host}: {words}")


def _reason(error: Any) -> str:
    """What went wrong, briefly: the texts of requests describe its connection pool."""
    if error.response is not None:
        return f"it answered HTTP {error.response.status_code}"
    from requests import ConnectionError as NoConnectionError  # noqa: PLC0415 - optional
    from requests import Timeout  # noqa: PLC0415 - likewise
    from requests.exceptions import SSLError  # noqa: PLC0415 - likewise

    if isinstance(error, SSLError):
        return "its certificate is not good, or TLS failed"
    if isinstance(error, Timeout):
        return "no answer in time"
    if isinstance(error, NoConnectionError):
        return "it cannot be reached"
    return type(error).__name__


def check_token_server(url: str) -> None:
    """Check the address of a token server, and that the packages are there that talk to it.

    Raises ValueError, with words that follow the setting's name, if a package is missing or secrets
    must not go there: only to https, or to this machine.
    """
    check_token_url(url)
    if missing := missing_packages():
        raise ValueError(needed(missing))


def check_token_url(url: str) -> None:
    """Raise ValueError with the reason if secrets must not be sent to this address.

    RFC 6749, section 3.2: it must be encrypted, unless it is on this machine, and without a
    fragment.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or port == 0 or any(letter.isspace() for letter in url):
        raise ValueError(_("must be a full URL like https://login.example.com/token"))
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ValueError(_("must begin with https://, or the secret would be sent unencrypted"))
    if parts.username or parts.password or parts.fragment:
        raise ValueError(_("must not contain a username, a password or a fragment"))


def missing_packages() -> list[str]:
    """Those of the packages which fetching a token needs that are not installed."""
    return [name for name in ("authlib", "requests") if find_spec(name) is None]


def needed(missing: list[str]) -> str:
    """The sentence about missing packages."""
    return needs_extra(", ".join(missing), "oauth")
