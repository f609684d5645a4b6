"""What a configuration says about its mail servers: one, or several with names in MAIL_SERVERS."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from flask_outbox.config_values import Config, default_sender, flag, items, joined, number, words
from flask_outbox.defaults import TIMEOUT_SECONDS
from flask_outbox.message.addresses import AddressError, parse_address, parse_domain
from flask_outbox.outbox.rate_limits import RateLimit, parse_rate_limits
from flask_outbox.smtp.client import SmtpServer
from flask_outbox.smtp.oauth import OAuthClient, TokenSource

PORT_MAXIMUM = 65535

SERVER_KEYS = (
    "MAIL_SERVER", "MAIL_PORT", "MAIL_USE_TLS", "MAIL_USE_SSL", "MAIL_USERNAME", "MAIL_PASSWORD",
    "MAIL_MAX_EMAILS", "MAIL_TIMEOUT", "MAIL_CA_FILE", "MAIL_EHLO_NAME", "MAIL_OAUTH_TOKEN_URL",
    "MAIL_OAUTH_CLIENT_ID", "MAIL_OAUTH_CLIENT_SECRET", "MAIL_OAUTH_REFRESH_TOKEN",
    "MAIL_OAUTH_SCOPE",
)  # fmt: skip
"""The settings of one mail server."""

OWN_KEYS = (*SERVER_KEYS, "MAIL_RATE_LIMIT", "MAIL_TYPES")
"""What each of MAIL_SERVERS may have."""

EVERY_TYPE = ("*",)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")


@dataclass(frozen=True)
class MailServer:
    """A mail server with what it is used for.

    `types` are patterns, such as `shop.news` or `news.*`: it is for the types of email whose names
    match one of them. `limits` are on what goes to it; at most `max_emails` messages go over one
    connection. Without MAIL_SERVERS there is one, whose name is empty.
    """

    smtp: SmtpServer
    name: str = ""
    types: tuple[str, ...] = EVERY_TYPE
    limits: tuple[RateLimit, ...] = ()
    max_emails: int | None = None


def mail_servers(config: Config, *, debug: bool = False) -> list[MailServer]:
    """The mail servers of a configuration, in the order in which they are tried.

        MAIL_SERVERS = {
            "news": {"MAIL_SERVER": "smtp.bulk.example", "MAIL_TYPES": "shop.news"},
            "main": {"MAIL_SERVER": "smtp.example.com", "MAIL_PORT": 587, "MAIL_USE_TLS": True},
        }

    It may be JSON, as in an environment variable. Each has settings of its own, those of
    `smtp_server`, and perhaps MAIL_MAX_EMAILS, MAIL_RATE_LIMIT and MAIL_TYPES, patterns of the
    types that it is for; nothing is taken from elsewhere, so no password reaches another server.
    Without MAIL_SERVERS, the one server of `smtp_server`.

    Raises ValueError for what is wrong, with the name of the server.
    """
    named = _named(config)
    if not named:
        if config.get("MAIL_TYPES"):
            raise ValueError("MAIL_TYPES is for each of MAIL_SERVERS: put it into one of them.")
        smtp = smtp_server(config, debug=debug)
        return [MailServer(smtp, max_emails=number(config, "MAIL_MAX_EMAILS", int))]
    elsewhere = [key for key in SERVER_KEYS if config.get(key)]
    if elsewhere:
        raise ValueError(
            f"{elsewhere[0]} is set beside MAIL_SERVERS: leave it out, each server has its own."
        )
    shared = {key: config.get(key) for key in ("MAIL_DEFAULT_SENDER", "ADMINS")}
    return [_mail_server(name, own, shared, debug=debug) for name, own in named.items()]


def _named(config: Config) -> Mapping[str, Any]:
    value = config.get("MAIL_SERVERS") or {}
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise ValueError(f"MAIL_SERVERS isn't JSON: {error}.") from None
    if not isinstance(value, Mapping):
        raise ValueError(  # noqa: TRY004 - a wrong setting, like all others
            'MAIL_SERVERS must be settings by name, such as {"main": {"MAIL_SERVER": …}}.'
        )
    return value


def _mail_server(name: Any, own: Any, shared: Config, *, debug: bool) -> MailServer:
    where = f"MAIL_SERVERS[{name!r}]"
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"{where}: a name has letters, digits and _.- only, at most 40.")
    if not isinstance(own, Mapping):
        raise ValueError(  # noqa: TRY004 - a wrong setting, like all others
            f'{where} must be settings, such as {{"MAIL_SERVER": …}}.'
        )
    for key in own:
        if key not in OWN_KEYS:
            near = get_close_matches(str(key), OWN_KEYS, 1, cutoff=0.8)
            hint = f": do you mean {near[0]}?" if near else "."
            raise ValueError(f"{where}: {key} is not a setting of one server{hint}")
    if not own.get("MAIL_SERVER"):
        raise ValueError(f"{where}: MAIL_SERVER is missing.")
    try:
        return MailServer(
            smtp_server({**shared, **own}, debug=debug),
            name,
            tuple(map(str, items(own, "MAIL_TYPES"))) or EVERY_TYPE,
            _limits(own),
            number(own, "MAIL_MAX_EMAILS", int),
        )
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _limits(own: Config) -> tuple[RateLimit, ...]:
    try:
        return parse_rate_limits(joined(own, "MAIL_RATE_LIMIT")).overall
    except ValueError as error:
        raise ValueError(f"MAIL_RATE_LIMIT {error}") from None


def smtp_server(config: Config, *, debug: bool = False) -> SmtpServer:
    """The mail server of a configuration: Flask-Mail's keys, MAIL_TIMEOUT (seconds),
    MAIL_CA_FILE, MAIL_EHLO_NAME and MAIL_OAUTH_….

    Values may be texts, as environment variables are. Raises ValueError for an invalid one, if both
    MAIL_USE_TLS and MAIL_USE_SSL are on, and if secrets must not be sent to MAIL_OAUTH_TOKEN_URL.
    """
    use_tls, use_ssl = flag(config, "MAIL_USE_TLS"), flag(config, "MAIL_USE_SSL")
    if use_tls and use_ssl:
        raise ValueError("MAIL_USE_TLS and MAIL_USE_SSL exclude each other.")
    return SmtpServer(
        host=config.get("MAIL_SERVER") or "localhost",
        port=_port(config),
        use_tls=use_tls,
        use_ssl=use_ssl,
        username=words(config, "MAIL_USERNAME"),
        password=words(config, "MAIL_PASSWORD"),
        tokens=_token_source(config),
        timeout=number(config, "MAIL_TIMEOUT", float) or TIMEOUT_SECONDS,
        ca_file=config.get("MAIL_CA_FILE") or None,
        debug=debug,
        ehlo_name=_ehlo_name(config),
        sender_domain=_sender_domain(config),
    )


def _port(config: Config) -> int:
    port = number(config, "MAIL_PORT", int) or 25
    if port > PORT_MAXIMUM:
        raise ValueError(f"MAIL_PORT is {port}; the highest is {PORT_MAXIMUM}.")
    return port


def _ehlo_name(config: Config) -> str | None:
    name = words(config, "MAIL_EHLO_NAME")
    try:
        return parse_domain(name) if name else None
    except AddressError as error:
        raise ValueError(f"MAIL_EHLO_NAME is {error}.") from None


def _sender_domain(config: Config) -> str | None:
    try:
        return parse_address(default_sender(config)).domain
    except AddressError:
        return None


def _token_source(config: Config) -> TokenSource | None:
    url = config.get("MAIL_OAUTH_TOKEN_URL")
    if not url:
        return None
    client = OAuthClient(
        url,
        words(config, "MAIL_OAUTH_CLIENT_ID") or "",
        words(config, "MAIL_OAUTH_CLIENT_SECRET"),
        words(config, "MAIL_OAUTH_REFRESH_TOKEN"),
        config.get("MAIL_OAUTH_SCOPE"),
        number(config, "MAIL_TIMEOUT", float) or TIMEOUT_SECONDS,
    )
    try:
        return TokenSource(client)
    except ValueError as error:
        raise ValueError(f"MAIL_OAUTH_TOKEN_URL {error}") from None
