"""Validators of settings: each takes a value and returns it as the site uses it.

A wrong value raises ValueError with a message that continues the setting's name.
"""

from __future__ import annotations

import ipaddress
import re
from gettext import gettext as _
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from flask_outbox import (
    AddressError,
    check_token_server,
    needs_extra,
    parse_address,
    parse_domain,
    parse_rate_limits,
)

MINIMUM_SECRET_BYTES = 32
"""HS256 wants a key at least as long as its output (RFC 7518, section 3.2)."""

NEW_SECRET = 'python3 -c "import secrets; print(secrets.token_urlsafe(48))"'  # noqa: S105 - a command

MESSAGE_MAXIMUM = 400
"""Characters of a message about a wrong value."""

_LEAST_UNGUESSED = 12
"""Characters of a key beside well-known words and repetitions."""

_WELL_KNOWN = re.compile(
    r"abcdefghijklmnopqrstuvwxyz|0123456789|123456789|qwertyuiop|asdfghjkl|zxcvbnm"
    r"|change|replace|secret|key|password|placeholder|insecure|example|default|please|your|this"
    r"|long|random|string|never|guess|django|flask|microblog|production|develop|admin"
)
"""Parts of keys that somebody copied from an example, or typed along the keyboard."""

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
_BLANKS = re.compile(r"[\t\n\v\f\r]")

_HOST = re.compile(r"(?!\.)[\w.-]+")

_SQLITE_OPTIONS = {"timeout", "isolation_level", "detect_types", "cached_statements", "uri"}


def clean(value: str, *, is_list: bool) -> str:
    """Refuse a text that no setting can hold. In lists, line breaks are separators."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(_("holds bytes that are no text in UTF-8")) from None
    if _UNPRINTABLE.search(_BLANKS.sub("", value) if is_list else value):
        raise ValueError(_("holds a line break, or another character that cannot be printed"))
    return value


def unquoted(value: str) -> str:
    """Refuse quotation marks round a value: only the .env file removes them."""
    if len(value) > 1 and value[0] in "'\"" and value[-1] == value[0]:
        raise ValueError(
            _("stands in quotation marks, which are a part of it here: leave them out")
        )
    return value


def folder_or_file(value: Path) -> Path:
    try:
        value.resolve()
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        words = _("names {file!r}, which is no path: {reason}")
        raise ValueError(words.format(file=str(value), reason=reason)) from None
    return value


def existing_file(value: Path) -> Path:
    try:
        is_file = value.is_file()
    except OSError:
        is_file = False
    if not is_file:
        words = _("names {file!r}, which is not a file")
        raise ValueError(words.format(file=str(value)))
    return value


def shortened(words: str) -> str:
    """Cut the middle out of a message that is too long; its end says what is wrong."""
    if len(words) <= MESSAGE_MAXIMUM:
        return words
    return f"{words[: MESSAGE_MAXIMUM // 2]}…{words[-MESSAGE_MAXIMUM // 2 :]}"


def secret_key(value: SecretStr) -> SecretStr:
    key = value.get_secret_value()
    if len(key.encode()) < MINIMUM_SECRET_BYTES:
        words = _("is shorter than {count} bytes. Make a good one with: {command}")
        raise ValueError(words.format(count=MINIMUM_SECRET_BYTES, command=NEW_SECRET))
    if is_guessed(key):
        words = _("is easily guessed. Make a good one with: {command}")
        raise ValueError(words.format(command=NEW_SECRET))
    return value


def is_guessed(key: str) -> bool:
    """Whether little of a key remains without repetitions and well-known words."""
    period = next(number for number in range(1, len(key) + 1) if key.startswith(key[number:]))
    words = re.split(r"[\s_.,:;-]+", _WELL_KNOWN.sub(" ", key[:period].lower()))
    left = "".join(dict.fromkeys(words))
    is_repeated = period <= len(key) / 2 and period < MINIMUM_SECRET_BYTES
    return is_repeated or len(set(key)) < 8 or len(left) < _LEAST_UNGUESSED


def host(value: str) -> str:
    """Accept the name or address of a machine, and nothing else beside it."""
    if "://" in value:
        name = urlsplit(value).hostname if is_url(value) else None
        words = _("holds an address with a scheme: write the name alone, like {name}")
        raise ValueError(words.format(name=name or "smtp.example.com"))
    name, colon, port = value.rpartition(":")
    if is_ip_address(value.strip("[]")):
        return value.strip("[]")
    if colon and port.isdecimal() and (is_host(name) or is_ip_address(name.strip("[]"))):
        words = _("holds a port: write {name}, and MAIL_PORT={port}")
        raise ValueError(words.format(name=name, port=port))
    if not is_host(value):
        words = _("holds {value!r}, which is neither a name nor an address of a machine")
        raise ValueError(words.format(value=value))
    return value


def is_host(value: str) -> bool:
    """Whether this can be a host's name; underscores are common inside containers."""
    try:
        value.encode("idna")
    except UnicodeError:
        return False
    return bool(_HOST.fullmatch(value))


def is_ip_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def is_url(value: str) -> bool:
    """Whether this is an address with a clear host and port; an unquoted password may hide them."""
    try:
        port = urlsplit(value).port
    except ValueError:
        return False
    return port != 0


def split_list(value: object) -> object:
    if isinstance(value, str):
        return tuple(part for part in re.split(r"[,;\s]+", value) if part)
    return value


def split_addresses(value: object) -> object:
    if isinstance(value, str) and (named := re.search(r"<([^<>\s]+@[^<>\s]+)>", value)):
        words = _("holds a name beside an address: write the address alone, like {address}")
        raise ValueError(words.format(address=named[1]))
    return split_list(value)


def address(value: str) -> str:
    try:
        parse_address(value)
    except AddressError as error:
        words = _("holds {value!r}, which is no e-mail address: {reason}")
        raise ValueError(words.format(value=value, reason=error)) from None
    return value.strip()


def addresses(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(address(one) for one in value)


def database_url(value: str) -> str:
    if value.startswith("postgres://"):
        value = "postgresql" + value.removeprefix("postgres")
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        raise ValueError(
            _(
                "is not a database address; like sqlite:////srv/microblog/site.db"
                " or postgresql://user:password@host/name"
            )
        ) from None
    _check_driver(url)
    if "@" in f"{url.host}{url.database if url.host else ''}":
        raise ValueError(
            _("holds more than one @: in user and password, write %40 for @, %3A for :, %2F for /")
        )
    if url.get_backend_name() == "sqlite":
        _check_sqlite(url)
    elif find_spec("psycopg") is None:
        raise ValueError(needs_extra("psycopg", "distributed", distribution="microblog"))
    else:
        url = url.set(drivername="postgresql+psycopg")
    return url.render_as_string(hide_password=False)


def _check_driver(url: URL) -> None:
    backend = url.get_backend_name()
    if backend not in {"sqlite", "postgresql"}:
        words = _("names {name!r}; SQLite and PostgreSQL are supported")
        raise ValueError(words.format(name=backend))
    if url.drivername not in {backend, "sqlite+pysqlite", "postgresql+psycopg"}:
        words = _("names the driver {name!r}, which is not used here: begin with {backend}://")
        raise ValueError(words.format(name=url.drivername.partition("+")[2], backend=backend))


def _check_sqlite(url: URL) -> None:
    name = url.database or ""
    if not name or ":memory:" in name or url.query.get("mode") == "memory":
        raise ValueError(_("names no file; a database in memory would be lost at once"))
    known = url.query.keys() <= _SQLITE_OPTIONS or "uri" in url.query
    try:
        if known:
            url.get_dialect()().create_connect_args(url)
    except (ArgumentError, ValueError):
        known = False
    if not known:
        raise ValueError(_("has something behind the question mark that SQLite does not know"))


def public_url(value: str) -> str:
    words = _("must be a whole address, like https://microblog.example.com")
    try:
        parts = urlsplit(value)
        name = parts.hostname or ""
        valid = parts.scheme in {"http", "https"} and parts.port != 0
    except ValueError:
        raise ValueError(words) from None
    valid = valid and (is_host(name) or is_ip_address(name))
    if not valid or any(letter.isspace() for letter in value):
        raise ValueError(words)
    if parts.query or parts.fragment or parts.username:
        raise ValueError(_("must hold nothing but the scheme, the host, and perhaps a path"))
    return value.rstrip("/")


def storage_uri(value: str) -> str:
    if not re.match(r"(memory|redis|rediss|redis\+unix)://", value):
        raise ValueError(_("is no place for counts: use memory:// or redis://host:port"))
    if not value.startswith("redis"):
        return value
    if find_spec("redis") is None:
        raise ValueError(needs_extra("redis", "distributed", distribution="microblog"))
    _check_redis(value)
    return value


def _check_redis(value: str) -> None:
    # Redis is an extra, which a site on one machine does not need.
    from redis import ConnectionPool  # noqa: PLC0415

    try:
        known = is_url(value)
        ConnectionPool.from_url(value.replace("redis+unix:", "unix:"))  # connects later
    except (ValueError, TypeError):
        known = False
    if not known:
        raise ValueError(unclear_separators())


def unclear_separators() -> str:
    return _(
        "holds no host, port or number of a database that can be told: in user and password, write"
        " %40 for @, %3A for :, %2F for /"
    )


def broker_url(value: str) -> str:
    scheme, separator, rest = value.partition("://")
    if not separator or not rest or scheme not in {"amqp", "amqps", "redis", "rediss"}:
        raise ValueError(
            _(
                "is no address of a broker: like amqp://user:password@host// (RabbitMQ)"
                " or redis://host:6379/0; amqps:// and rediss:// are encrypted"
            )
        )
    packages = ["celery", "redis"] if scheme.startswith("redis") else ["celery"]
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise ValueError(needs_extra(missing[0], "distributed", distribution="microblog"))
    if not is_url(value) or (
        scheme.startswith("redis") and not re.fullmatch(r"/?\d*", urlsplit(value).path)
    ):
        raise ValueError(unclear_separators())
    return value


def token_url(value: str) -> str:
    check_token_server(value)
    return value


def selector(value: str) -> str:
    # Labels of the DNS (RFC 6376, section 3.1).
    label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    if not re.fullmatch(rf"{label}(?:\.{label})*", value):
        words = _("holds {value!r}, which cannot be a name in the DNS")
        raise ValueError(words.format(value=value))
    return value


def domain(value: str) -> str:
    try:
        return parse_domain(value)
    except AddressError as error:
        raise ValueError(_("holds {reason}").format(reason=error)) from None


def rate_limit(value: str) -> str:
    parse_rate_limits(value)
    return value


def rate_limit_by_domain(value: str) -> str:
    parse_rate_limits(None, value)
    return value
