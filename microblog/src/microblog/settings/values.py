"""Validators of settings: each takes a value and returns it as the site uses it.

A wrong value raises ValueError with a message that continues the setting's name.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from gettext import gettext as _
from importlib.util import find_spec
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from typing import Any
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
    signer,
    webhook_secrets,
)
from flask_outbox import return_path as read_return_path

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

_TYPOGRAPHIC = "“”„‟‘’‚‛«»"

_UNEXPANDED = re.compile(r"~|\$\{?[A-Za-z_]|[A-Za-z]:[\\/]")
"""Beginnings of paths that a shell or another system would understand."""

_HOST = re.compile(r"(?!\.)[\w.-]+")

_USUAL_PORTS = {"http": 80, "https": 443}

_LEAST_TOKEN_CHARACTERS = 16
"""A stranger may try as many tokens as the network carries."""

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
    if len(value) > 1 and value[0] in _TYPOGRAPHIC and value[-1] in _TYPOGRAPHIC:
        raise ValueError(
            _("stands in typographic quotation marks: write straight ones, or leave them out")
        )
    return value


def folder_or_file(value: Path) -> Path:
    _check_whole(str(value))
    try:
        value.resolve()
    except (OSError, RuntimeError) as error:
        raise _no_path(value, error) from None
    return value


def _no_path(value: Path, error: Exception) -> ValueError:
    reason = getattr(error, "strerror", None) or error
    words = _("names {file!r}, which is no path: {reason}")
    return ValueError(words.format(file=str(value), reason=reason))


def _check_whole(path: str) -> None:
    if _UNEXPANDED.match(path):
        words = _("names {file!r}: write the whole path; ~, $HOME and C: mean nothing here")
        raise ValueError(words.format(file=path))


def folder(value: Path) -> Path:
    """Accept a folder, or a place where one can be made."""
    _check_folder(value, value)
    return value


def file_to_write(value: Path) -> Path:
    """Accept a file, or a place where one can be made, with its folders."""
    _check_no_folder(value)
    _check_folder(value.parent, value)
    return value


def _check_no_folder(file: Path) -> None:
    try:
        is_folder = file.is_dir()
    except OSError as error:
        raise _no_path(file, error) from None
    if is_folder:
        words = _("names {file!r}, which is a folder: name a file in it")
        raise ValueError(words.format(file=str(file)))


def _check_folder(place: Path, named: Path) -> None:
    try:
        existing = next(one for one in (place, *place.absolute().parents) if one.exists())
        is_folder = existing.is_dir()
    except OSError as error:
        raise _no_path(named, error) from None
    if not is_folder:
        words = _("names {file!r}, though {existing!r} is not a folder: correct the path")
        raise ValueError(words.format(file=str(named), existing=str(existing)))


def existing_file(value: Path) -> Path:
    try:
        is_file = value.is_file()
    except OSError:
        is_file = False
    if not is_file:
        words = _("names {file!r}, which is not a file")
        raise ValueError(words.format(file=str(value)))
    return value


def certificates(value: Path) -> Path:
    """Accept a file in which OpenSSL finds certificates."""
    try:
        SSLContext(PROTOCOL_TLS_CLIENT).load_verify_locations(existing_file(value))
    except OSError:
        words = _("names {file!r}, which holds no certificate in PEM")
        raise ValueError(words.format(file=str(value))) from None
    return value


def dkim_key(value: Path) -> Path:
    """Accept a file with a key that can sign."""
    anybody = {"MAIL_DKIM_SELECTOR": "any", "MAIL_DKIM_DOMAIN": "example.com"}
    try:
        signer({"MAIL_DKIM_KEY_FILE": str(value), **anybody})
    except ValueError as error:
        raise ValueError(str(error).removeprefix("MAIL_DKIM_KEY_FILE ")) from None
    return value


def return_path(value: str) -> str:
    """Accept an address whose local part has room for a token."""
    _read_return_path({"MAIL_RETURN_PATH": value})
    return value


def delimiter(value: str) -> str:
    """Accept what can stand before a token."""
    anybody = {"MAIL_RETURN_PATH": "bounces@example.com"}
    _read_return_path({**anybody, "MAIL_RETURN_PATH_DELIMITER": value})
    return value


def _read_return_path(config: dict[str, str]) -> None:
    _read(read_return_path, {**config, "SECRET_KEY": "any"})


def ses_topics(value: tuple[str, ...]) -> tuple[str, ...]:
    _read(webhook_secrets, {"MAIL_WEBHOOK_SES_TOPICS": value})
    return value


def postmark_login(value: SecretStr) -> SecretStr:
    _read(webhook_secrets, {"MAIL_WEBHOOK_POSTMARK_LOGIN": value.get_secret_value()})
    return value


def mailgun_key(value: SecretStr) -> SecretStr:
    _read(webhook_secrets, {"MAIL_WEBHOOK_MAILGUN_KEY": value.get_secret_value()})
    return value


def _read(read: Callable[[dict[str, Any]], object], config: dict[str, Any]) -> None:
    """Let the library read settings as it does later; it says which one is wrong, and why."""
    try:
        read(config)
    except ValueError as error:
        # Which setting it is about is said with it.
        raise ValueError(str(error).partition(" ")[2].rstrip(".")) from None


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


def former_keys(value: tuple[SecretStr, ...], present: SecretStr | None) -> None:
    """Refuse the present key among the former ones: then it was copied, and not changed."""
    if present in value:
        raise ValueError(_("holds SECRET_KEY itself: put the former key there, or leave it out"))


def metrics_token(value: SecretStr) -> SecretStr:
    token = value.get_secret_value()
    if token.lower().startswith("bearer "):
        raise ValueError(_("begins with the word Bearer: write the token alone"))
    if len(token) < _LEAST_TOKEN_CHARACTERS:
        words = _("is shorter than {count} characters. Make a good one with: {command}")
        raise ValueError(words.format(count=_LEAST_TOKEN_CHARACTERS, command=NEW_SECRET))
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
    if url.host:
        words = _(
            "names {name!r} as a machine: write three slashes before a relative path, four before"
            " an absolute one"
        )
        raise ValueError(words.format(name=url.host))
    _check_whole(name)
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


def database_file(url: str, instance: Path) -> None:
    """Refuse an SQLite file that is a folder or whose folder is missing; `instance` is made."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or "uri" in parsed.query:
        return
    file = instance.resolve() / (parsed.database or "")
    _check_no_folder(file)
    if file.parent != instance.resolve() and not file.parent.is_dir():
        words = _(
            "names a file in {folder!r}, which is not a folder: make it, or correct the path (four"
            " slashes before an absolute one)"
        )
        raise ValueError(words.format(folder=str(file.parent)))


def public_url(value: str) -> str:
    words = _("must be a whole address, like https://microblog.example.com")
    try:
        parts = urlsplit(value)
        name = parts.hostname or ""
        valid = parts.scheme in {"http", "https"} and parts.port != 0
    except ValueError:
        raise ValueError(words) from None
    valid = valid and (is_host(name) or is_ip_address(name)) and "//" not in parts.path
    if not valid or any(letter.isspace() for letter in value):
        raise ValueError(words)
    if parts.query or parts.fragment or parts.username:
        raise ValueError(_("must hold nothing but the scheme, the host, and perhaps a path"))
    _check_reachable(name, parts.scheme, parts.port)
    return value.rstrip("/")


def _check_reachable(name: str, scheme: str, port: int | None) -> None:
    if is_ip_address(name) and ipaddress.ip_address(name).is_unspecified:
        words = _("names {name}, where servers listen and nobody can go: write the site's name")
        raise ValueError(words.format(name=name))
    other = {"http": "https", "https": "http"}[scheme]
    if port == _USUAL_PORTS[other]:
        words = _("has the port of {other}://: leave :{port} out, or begin with {other}://")
        raise ValueError(words.format(other=other, port=port))


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
        known = is_url(value) and ("unix" in value or _names_number(value))
        ConnectionPool.from_url(value.replace("redis+unix:", "unix:"))  # connects later
    except (ValueError, TypeError):
        known = False
    if not known:
        raise ValueError(unclear_separators())


def _names_number(redis_url: str) -> bool:
    """Whether the path is the number of a database, if anything."""
    return bool(re.fullmatch(r"/?\d*", urlsplit(redis_url).path))


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
    if not is_url(value) or (scheme.startswith("redis") and not _names_number(value)):
        raise ValueError(unclear_separators())
    return value


def queue_prefix(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", value):
        words = _(
            "may hold letters from A to Z, digits, and . _ - alone, at most 64; it is {value!r}"
        )
        raise ValueError(words.format(value=value))
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
