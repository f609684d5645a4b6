"""What an application's configuration says about its outbox; values may be texts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path

from flask_outbox.config_values import (
    Config,
    default_sender,
    derived_keys,
    joined,
    number,
    words,
)
from flask_outbox.defaults import (
    CONNECTIONS,
    RECIPIENT_DAILY,
    RECIPIENT_MESSAGES,
    RECIPIENT_MINUTES,
    RETENTION_DAYS,
    TIMEOUT_SECONDS,
)
from flask_outbox.delivery.dispatcher import DispatcherOptions
from flask_outbox.delivery.server_settings import PORT_MAXIMUM
from flask_outbox.extras import needs_extra
from flask_outbox.feedback.imap import IMAPS_PORT, ImapMailbox
from flask_outbox.flask_mail import redirect_to
from flask_outbox.language import in_locale
from flask_outbox.message.addresses import Address, AddressError, parse_address
from flask_outbox.message.return_path import (
    DEFAULT_DELIMITER,
    POSTMARK_HEADER,
    PURPOSE,
    TOKEN_HEADER,
    ReturnPath,
    is_delimiter,
)
from flask_outbox.message.unsubscribe_links import UnsubscribeLinks
from flask_outbox.outbox.delivery_options import DeliveryOptions
from flask_outbox.outbox.email_types import DAY, MINUTE
from flask_outbox.outbox.limits import RecipientLimit
from flask_outbox.outbox.rate_limits import RateLimits, parse_rate_limits

logger = logging.getLogger(__name__)

KEYS = (
    "MAIL_SERVER", "MAIL_PORT", "MAIL_USE_TLS", "MAIL_USE_SSL", "MAIL_DEBUG", "MAIL_USERNAME",
    "MAIL_PASSWORD", "MAIL_DEFAULT_SENDER", "MAIL_MAX_EMAILS", "MAIL_SUPPRESS_SEND",
    "MAIL_ASCII_ATTACHMENTS", "MAIL_TIMEOUT", "MAIL_CA_FILE", "MAIL_EHLO_NAME",
    "MAIL_OAUTH_TOKEN_URL", "MAIL_OAUTH_CLIENT_ID", "MAIL_OAUTH_CLIENT_SECRET",
    "MAIL_OAUTH_REFRESH_TOKEN", "MAIL_OAUTH_SCOPE", "MAIL_CONNECTIONS", "MAIL_RETENTION_DAYS",
    "MAIL_MAX_BYTES", "MAIL_RATE_LIMIT", "MAIL_RATE_LIMIT_BY_DOMAIN", "MAIL_GUARD_MESSAGES",
    "MAIL_GUARD_MINUTES", "MAIL_GUARD_DAILY", "MAIL_DKIM_KEY_FILE", "MAIL_DKIM_SELECTOR",
    "MAIL_DKIM_DOMAIN", "MAIL_REDIRECT_TO", "MAIL_SERVERS", "MAIL_TYPES", "MAIL_UNSUBSCRIBE_URL",
    "MAIL_RETURN_PATH", "MAIL_RETURN_PATH_DELIMITER", "MAIL_IMAP_SERVER", "MAIL_IMAP_PORT",
    "MAIL_IMAP_USERNAME", "MAIL_IMAP_PASSWORD", "MAIL_IMAP_FOLDER", "MAIL_IMAP_DONE_FOLDER",
    "MAIL_WEBHOOK_SES_TOPICS", "MAIL_WEBHOOK_POSTMARK_LOGIN", "MAIL_WEBHOOK_MAILGUN_KEY",
)  # fmt: skip
"""The settings that the library reads; README.md has a table of them."""

_NO_DELIMITER = "none"


def warn_of_misspelt(config: Config) -> None:
    """Log a warning for each MAIL_ setting that is nearly one of ours."""
    for key in sorted(set(config) - set(KEYS)):
        near = get_close_matches(key, KEYS, 1, cutoff=0.92) if key.startswith("MAIL_") else ()
        if near and near[0] not in config:
            logger.warning("%s is not a setting: do you mean %s?", key, near[0])


def sender_address(config: Config) -> Address | None:
    """MAIL_DEFAULT_SENDER, or else the first of ADMINS. Raises ValueError if it is no address."""
    sender = default_sender(config)
    try:
        return parse_address(sender) if sender else None
    except AddressError as error:
        key = "MAIL_DEFAULT_SENDER" if config.get("MAIL_DEFAULT_SENDER") else "ADMINS"
        raise ValueError(f"{key} holds {sender!r}, which isn't an address: {error}") from None


def dispatcher_options(config: Config) -> DispatcherOptions:
    """MAIL_CONNECTIONS and MAIL_RETENTION_DAYS. Raises ValueError for a wrong one."""
    days = number(config, "MAIL_RETENTION_DAYS", float, least=0)
    return DispatcherOptions(
        connections=number(config, "MAIL_CONNECTIONS", int, least=1) or CONNECTIONS,
        retention=(RETENTION_DAYS if days is None else days) * DAY,
    )


def delivery_options(config: Config, resolve_locale: Callable[[str], str]) -> DeliveryOptions:
    """Limits, the signature, the redirection, the return path and links: MAIL_GUARD_…,
    MAIL_RATE_LIMIT…, MAIL_DKIM_…, MAIL_REDIRECT_TO, MAIL_RETURN_PATH…, MAIL_UNSUBSCRIBE_URL.

    Raises ValueError for a wrong one.
    """
    return DeliveryOptions(
        recipient_limit=RecipientLimit(
            number(config, "MAIL_GUARD_MESSAGES", int, least=1) or RECIPIENT_MESSAGES,
            (number(config, "MAIL_GUARD_MINUTES", float, least=0.01) or RECIPIENT_MINUTES) * MINUTE,
            number(config, "MAIL_GUARD_DAILY", int, least=1) or RECIPIENT_DAILY,
        ),
        rate_limits=_rate_limits(config),
        resolve_locale=resolve_locale,
        in_locale=in_locale,
        sign=signer(config),
        redirect_to=redirect_to(config),
        return_path=return_path(config),
        unsubscribe_links=_unsubscribe_links(config),
    )


def return_path(config: Config) -> ReturnPath | None:
    """Where reports about mail come back to: MAIL_RETURN_PATH…; None if that is not set.

    Raises ValueError for what cannot be one, and without a SECRET_KEY to sign with.
    """
    written = words(config, "MAIL_RETURN_PATH")
    delimiter = words(config, "MAIL_RETURN_PATH_DELIMITER") or DEFAULT_DELIMITER
    if written is None:
        return None
    keys = derived_keys(config, PURPOSE)
    if not keys:
        raise ValueError("SECRET_KEY is missing, though MAIL_RETURN_PATH is set: it signs tokens.")
    try:
        address = parse_address(written)
    except AddressError as error:
        raise ValueError(f"MAIL_RETURN_PATH is {written!r}: {error}") from None
    if delimiter != _NO_DELIMITER and not is_delimiter(delimiter):
        raise ValueError(
            f"MAIL_RETURN_PATH_DELIMITER is {delimiter!r}; it must be one character such as +, or"
            f" {_NO_DELIMITER}."
        )
    has_postmark = words(config, "MAIL_WEBHOOK_POSTMARK_LOGIN") is not None
    headers = (TOKEN_HEADER, POSTMARK_HEADER) if has_postmark else (TOKEN_HEADER,)
    try:
        return ReturnPath(address, keys, "" if delimiter == _NO_DELIMITER else delimiter, headers)
    except ValueError as error:
        raise ValueError(f"MAIL_RETURN_PATH {error}") from None


def _unsubscribe_links(config: Config) -> UnsubscribeLinks | None:
    url = words(config, "MAIL_UNSUBSCRIBE_URL")
    if url is None:
        return None
    keys = derived_keys(config, "unsubscribe")
    if not keys:
        raise ValueError("SECRET_KEY is missing, though MAIL_UNSUBSCRIBE_URL is set.")
    try:
        return UnsubscribeLinks(url, keys)
    except ValueError as error:
        raise ValueError(f"MAIL_UNSUBSCRIBE_URL: {error}") from None


def imap_mailbox(config: Config) -> ImapMailbox | None:
    """MAIL_IMAP_…: where bounces arrive; None without MAIL_IMAP_SERVER. It waits MAIL_TIMEOUT for
    answers, and trusts MAIL_CA_FILE.

    Raises ValueError for a wrong one, or if the extra is missing.
    """
    server = words(config, "MAIL_IMAP_SERVER")
    if server is None:
        return None
    if find_spec("imap_tools") is None:
        raise ValueError(f"MAIL_IMAP_SERVER {needs_extra('imap-tools', 'imap')}")
    username, password = words(config, "MAIL_IMAP_USERNAME"), words(config, "MAIL_IMAP_PASSWORD")
    if username is None or password is None:
        missing = "MAIL_IMAP_USERNAME" if username is None else "MAIL_IMAP_PASSWORD"
        raise ValueError(f"{missing} is missing, though MAIL_IMAP_SERVER is set.")
    port = number(config, "MAIL_IMAP_PORT", int, least=1) or IMAPS_PORT
    if port > PORT_MAXIMUM:
        raise ValueError(f"MAIL_IMAP_PORT is {port}; it must be at most {PORT_MAXIMUM}.")
    folder = words(config, "MAIL_IMAP_FOLDER") or "INBOX"
    done_folder = words(config, "MAIL_IMAP_DONE_FOLDER") or "Done"
    if folder == done_folder:
        raise ValueError(f"MAIL_IMAP_DONE_FOLDER is {folder!r}, as MAIL_IMAP_FOLDER is.")
    return ImapMailbox(
        server,
        username,
        password,
        port=port,
        folder=folder,
        done_folder=done_folder,
        ca_file=words(config, "MAIL_CA_FILE"),
        timeout=number(config, "MAIL_TIMEOUT", float, least=0.001) or TIMEOUT_SECONDS,
    )


def _rate_limits(config: Config) -> RateLimits:
    overall, by_domain = "MAIL_RATE_LIMIT", "MAIL_RATE_LIMIT_BY_DOMAIN"
    try:
        limits = parse_rate_limits(joined(config, overall))
    except ValueError as error:
        raise ValueError(f"{overall} {error}") from None
    try:
        domains = parse_rate_limits(None, joined(config, by_domain))
    except ValueError as error:
        raise ValueError(f"{by_domain} {error}") from None
    return RateLimits(limits.overall, domains.by_domain)


def signer(config: Config) -> Callable[[bytes], bytes]:
    """What signs each message as MAIL_DKIM_… say, or returns it as it is without a key.

    Raises ValueError for a wrong one.
    """
    file, selector = words(config, "MAIL_DKIM_KEY_FILE"), words(config, "MAIL_DKIM_SELECTOR")
    if file is None and selector is None:
        return lambda content: content
    if file is None or selector is None:
        names = ("MAIL_DKIM_KEY_FILE", "MAIL_DKIM_SELECTOR")
        there, missing = names if selector is None else reversed(names)
        raise ValueError(f"{missing} is missing, though {there} is set: give both or neither.")
    # An extra, which needs its packages only where mail is signed.
    from flask_outbox.message.dkim import DkimKeyError, load_signer  # noqa: PLC0415

    sender = sender_address(config)
    domain = words(config, "MAIL_DKIM_DOMAIN") or (sender and sender.domain)
    if not domain:
        raise ValueError("MAIL_DKIM_DOMAIN is missing, and there is no MAIL_DEFAULT_SENDER.")
    try:
        return load_signer(Path(file), selector, domain)
    except DkimKeyError as error:
        raise ValueError(f"MAIL_DKIM_KEY_FILE {error}") from None
