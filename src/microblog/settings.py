"""Every setting of the site, typed, read once. Nothing else reads the environment.

A wrong value never stops at the first mistake: `load_settings` names all of them in one message.
"""

from __future__ import annotations

import os
import re
from gettext import gettext as _
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from microblog.mail.addresses import AddressError, is_loopback, parse_address, parse_domain
from microblog.mail.extras import needs_extra
from microblog.mail.oauth import check_token_url, missing_packages, needed
from microblog.mail.rate_limits import parse_rate_limits

MINIMUM_SECRET_BYTES = 32
"""HS256 wants a key at least as long as its output (RFC 7518, section 3.2)."""

NEW_SECRET = 'python3 -c "import secrets; print(secrets.token_urlsafe(48))"'  # noqa: S105 - a command


class SettingsError(Exception):
    """One or more settings are wrong; `problems` has a sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


def _list(value: object) -> object:
    if isinstance(value, str):
        return tuple(part for part in re.split(r"[,;\s]+", value) if part)
    return value


def _address(value: str) -> str:
    try:
        parse_address(value)
    except AddressError as error:
        words = _("holds {value!r}, which is no e-mail address: {reason}")
        raise ValueError(words.format(value=value, reason=error)) from None
    return value.strip()


def _addresses(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_address(one) for one in value)


def _database_url(value: str) -> str:
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
    if url.get_backend_name() not in {"sqlite", "postgresql"}:
        words = _("names {name!r}; SQLite and PostgreSQL are supported")
        raise ValueError(words.format(name=url.get_backend_name()))
    if url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}:
        raise ValueError(_("names no file; a database in memory would be lost at once"))
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername == "postgresql+psycopg" and find_spec("psycopg") is None:
        raise ValueError(needs_extra("psycopg", "distributed"))
    return url.render_as_string(hide_password=False)


def _public_url(value: str) -> str:
    words = _("must be a whole address, like https://microblog.example.com")
    try:
        parts = urlsplit(value)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError(words) from None
    if not valid or any(letter.isspace() for letter in value):
        raise ValueError(words)
    if parts.query or parts.fragment or parts.username:
        raise ValueError(_("must hold nothing but the scheme, the host, and perhaps a path"))
    return value.rstrip("/")


def _storage_uri(value: str) -> str:
    if not re.match(r"(memory|redis|rediss|redis\+unix)://", value):
        raise ValueError(_("is no place for counts: use memory:// or redis://host:port"))
    if value.startswith("redis") and find_spec("redis") is None:
        raise ValueError(needs_extra("redis", "distributed"))
    return value


def _broker_url(value: str) -> str:
    scheme, separator, rest = value.partition("://")
    if not separator or not rest or scheme not in {"amqp", "amqps", "redis", "rediss"}:
        raise ValueError(
            _(
                "is no address of a broker: like amqp://user:password@host// (RabbitMQ)"
                " or redis://host:6379/0; amqps:// and rediss:// are encrypted"
            )
        )
    needed = ["celery", "redis"] if scheme.startswith("redis") else ["celery"]
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise ValueError(needs_extra(missing[0], "distributed"))
    return value


def _token_url(value: str) -> str:
    check_token_url(value)
    if missing := missing_packages():
        raise ValueError(needed(missing))
    return value


def _selector(value: str) -> str:
    # Labels of the DNS (RFC 6376, section 3.1).
    label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    if not re.fullmatch(rf"{label}(?:\.{label})*", value):
        words = _("holds {value!r}, which cannot be a name in the DNS")
        raise ValueError(words.format(value=value))
    return value


def _domain(value: str) -> str:
    try:
        return parse_domain(value)
    except AddressError as error:
        raise ValueError(_("holds {reason}").format(reason=error)) from None


def _rate_limit(value: str) -> str:
    parse_rate_limits(value)
    return value


def _rate_limit_by_domain(value: str) -> str:
    parse_rate_limits(None, value)
    return value


Addresses = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_list), AfterValidator(_addresses)]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_list)]


class Settings(BaseSettings):
    """The settings of one site; the description of each is its documentation."""

    model_config = SettingsConfigDict(
        case_sensitive=True, env_ignore_empty=True, extra="ignore", frozen=True
    )

    SECRET_KEY: SecretStr | None = Field(
        None, description="Signs sessions and mailed links; at least 32 bytes, kept to yourself"
    )
    SECRET_KEY_FALLBACKS: Secrets = Field(
        (), description="Former keys, still accepted while you change SECRET_KEY; comma-separated"
    )
    DATABASE_URL: Annotated[str, AfterValidator(_database_url)] = Field(
        "sqlite:///microblog.db",
        description="Where the data is: PostgreSQL, or SQLite (relative paths: in INSTANCE_PATH)",
    )
    CELERY_BROKER_URL: Annotated[str, AfterValidator(_broker_url)] | None = Field(
        None,
        description="Mail is delivered by `microblog worker`, on any machine, over this RabbitMQ"
        " (amqp://) or Redis (redis://); default: by the dispatcher beside the web server",
    )
    CELERY_QUEUE_PREFIX: str = Field(
        "microblog",
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
        description="Names the queues, for several sites with one broker",
    )
    INSTANCE_PATH: Path = Field(
        Path("instance"), description="The folder for the SQLite file and the dispatcher's doorbell"
    )
    PUBLIC_URL: Annotated[str, AfterValidator(_public_url)] | None = Field(
        None, description="The address people reach the site at; links in mail are built from it"
    )
    ADMINS: Addresses = Field(
        (),
        description="Addresses that get mail when the site fails; the first one is the sender",
    )
    MAIL_SERVER: str = Field("localhost", min_length=1, description="The SMTP server's name")
    MAIL_PORT: int = Field(25, ge=1, le=65535, description="The SMTP server's port")
    MAIL_USE_TLS: bool = Field(False, description="STARTTLS (usually port 587), verified")
    MAIL_USE_SSL: bool = Field(False, description="TLS from the start (usually port 465), verified")
    MAIL_DEBUG: bool | None = Field(
        None, description="Print the SMTP conversation, log-in excepted; default: as DEBUG"
    )
    MAIL_USERNAME: str | None = Field(None, description="The user name for the SMTP server")
    MAIL_OAUTH_TOKEN_URL: Annotated[str, AfterValidator(_token_url)] | None = Field(
        None, description="Log in with OAuth, by tokens from this address, and not with a password"
    )
    MAIL_OAUTH_CLIENT_ID: str | None = Field(
        None, description="The application's identity at the token server"
    )
    MAIL_OAUTH_CLIENT_SECRET: SecretStr | None = Field(
        None, description="The application's secret at the token server"
    )
    MAIL_OAUTH_REFRESH_TOKEN: SecretStr | None = Field(
        None, description="Send as the account that gave it; default: as the application itself"
    )
    MAIL_OAUTH_SCOPE: str | None = Field(
        None, description="What the token is to allow, in the token server's words"
    )
    MAIL_PASSWORD: SecretStr | None = Field(None, description="The password for the SMTP server")
    MAIL_DEFAULT_SENDER: Annotated[str, AfterValidator(_address)] | None = Field(
        None, description="The sender where a message names none; default: the first of ADMINS"
    )
    MAIL_MAX_EMAILS: int | None = Field(
        None, ge=1, description="Messages to send over one connection before opening another"
    )
    MAIL_SUPPRESS_SEND: bool | None = Field(
        None, description="Do everything but send; default: as TESTING"
    )
    MAIL_ASCII_ATTACHMENTS: bool = Field(
        False, description="Reduce the file names of attachments to ASCII"
    )
    MAIL_TIMEOUT: float = Field(
        30.0, gt=0, le=600, description="Seconds to wait for each answer of the SMTP server"
    )
    MAIL_CA_FILE: Path | None = Field(
        None, description="A file of certificates to trust beside the system's, for the SMTP server"
    )
    MAIL_DKIM_KEY_FILE: Path | None = Field(
        None, description="Sign mail (DKIM) with the private key in this file, RSA or Ed25519"
    )
    MAIL_DKIM_SELECTOR: Annotated[str, AfterValidator(_selector)] | None = Field(
        None, description="The name under which the DNS holds the public key: NAME._domainkey"
    )
    MAIL_DKIM_DOMAIN: Annotated[str, AfterValidator(_domain)] | None = Field(
        None, description="The domain that signs; default: the sender's"
    )
    MAIL_CONNECTIONS: int = Field(
        4,
        ge=1,
        le=64,
        description="Connections to the SMTP server, beside one that is kept for urgent mail",
    )
    MAIL_MAX_BYTES: int = Field(
        25 * 1024 * 1024, ge=10_000, description="The largest message that is accepted for sending"
    )
    MAIL_GUARD_MESSAGES: int = Field(
        3, ge=1, description="How many messages that strangers can trigger one address gets…"
    )
    MAIL_GUARD_MINUTES: float = Field(15, gt=0, description="…within so many minutes")
    MAIL_RATE_LIMIT: Annotated[str, AfterValidator(_rate_limit)] | None = Field(
        None,
        description="At most so many messages leave, like `14/second` or `30/minute, 10000/day`",
    )
    MAIL_RATE_LIMIT_BY_DOMAIN: Annotated[str, AfterValidator(_rate_limit_by_domain)] | None = Field(
        None,
        description="…and to one domain, like `gmail.com=20/minute, *=5/second` (`*`: each other)",
    )
    MAIL_RETENTION_DAYS: float = Field(
        30, gt=0, description="Days until a finished message is reduced to what counts need"
    )
    RESET_LINK_SECONDS: int = Field(
        600, ge=60, le=86400, description="How long a mailed reset link works, from its sending on"
    )
    RATELIMIT_ENABLED: bool = Field(True, description="Limit how often one client may post a form")
    RATELIMIT_STORAGE_URI: Annotated[str, AfterValidator(_storage_uri)] = Field(
        "memory://",
        description="Where the counts are: memory:// (each process) or redis://host:port",
    )
    TRUSTED_PROXIES: int = Field(
        0,
        ge=0,
        le=10,
        description="Reverse proxies in front, whose X-Forwarded headers are believed",
    )
    GRAVATAR: bool = Field(
        False,
        description="Show the Gravatar of whoever brought no picture; it tells gravatar.com who is"
        " looked at, and readers a digest of each one's address",
    )
    METRICS_TOKEN: SecretStr | None = Field(
        None, description="The bearer token that opens /metrics; without it there is no such page"
    )
    LOG_FILE: Path | None = Field(
        None, description="Log to this file too; it is rotated, ten files of a megabyte each"
    )
    LOG_FORMAT: Literal["text", "json"] = Field(
        "text", description="Lines for people (text), or an object a line for programs (json)"
    )
    DEBUG: bool = Field(False, description="For development: shows /dev/inbox, reloads templates")
    TESTING: bool = Field(False, description="For tests: nothing is sent unless asked for")

    @field_validator("MAIL_USE_SSL")
    @classmethod
    def _one_kind_of_tls(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("MAIL_USE_TLS"):
            raise ValueError(
                _(
                    "and MAIL_USE_TLS exclude each other: keep MAIL_USE_TLS for port 587,"
                    " MAIL_USE_SSL for port 465"
                )
            )
        return value

    @field_validator("MAIL_CA_FILE")
    @classmethod
    def _readable(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(_("names {file!r}, which is not a file").format(file=str(value)))
        return value

    @property
    def sender(self) -> str:
        """The sender of mail that names none: never empty, so that no message fails for it."""
        if self.MAIL_DEFAULT_SENDER or self.ADMINS:
            return self.MAIL_DEFAULT_SENDER or self.ADMINS[0]
        return f"no-reply@{urlsplit(self.PUBLIC_URL or '').hostname or 'localhost'}"

    def as_flask_config(self) -> dict[str, Any]:
        """The same settings as Flask and its extensions read them: secrets as plain text."""
        config = {name: _plain(getattr(self, name)) for name in type(self).model_fields}
        config["MAIL_DEBUG"] = self.DEBUG if self.MAIL_DEBUG is None else self.MAIL_DEBUG
        if self.MAIL_SUPPRESS_SEND is None:
            config["MAIL_SUPPRESS_SEND"] = self.TESTING
        return config


def _secret_key(value: SecretStr) -> SecretStr:
    key = value.get_secret_value()
    if len(key.encode()) < MINIMUM_SECRET_BYTES:
        words = _("is shorter than {count} bytes. Make a good one with: {command}")
        raise ValueError(words.format(count=MINIMUM_SECRET_BYTES, command=NEW_SECRET))
    if len(set(key)) < 8:
        words = _("is easily guessed. Make a good one with: {command}")
        raise ValueError(words.format(command=NEW_SECRET))
    return value


class ServingSettings(Settings):
    """What a site needs before it may serve other people: stricter, nothing else."""

    SECRET_KEY: Annotated[SecretStr, AfterValidator(_secret_key)]
    PUBLIC_URL: Annotated[str, AfterValidator(_public_url)]

    @field_validator("CELERY_BROKER_URL")
    @classmethod
    def _shared_database(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value and info.data.get("DATABASE_URL", "").startswith("sqlite"):
            raise ValueError(
                _(
                    "is set, though DATABASE_URL names an SQLite file, which workers on other"
                    " machines cannot see: use PostgreSQL, or leave CELERY_BROKER_URL out"
                )
            )
        return value

    @field_validator("MAIL_OAUTH_TOKEN_URL")
    @classmethod
    def _token_for_somebody(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value and not info.data.get("MAIL_USERNAME"):
            raise ValueError(
                _("is set, though MAIL_USERNAME is missing: name the account that sends")
            )
        if value:
            _require_encryption(
                info,
                _(
                    "brings a token that would cross the network to {server} unencrypted: set"
                    " MAIL_USE_TLS (port 587) or MAIL_USE_SSL (port 465)"
                ),
            )
        return value

    @field_validator("MAIL_OAUTH_CLIENT_ID", "MAIL_OAUTH_CLIENT_SECRET", "MAIL_OAUTH_REFRESH_TOKEN")
    @classmethod
    def _whole_client(cls, value: Any, info: ValidationInfo) -> Any:
        url = info.data.get("MAIL_OAUTH_TOKEN_URL", "wrong")
        if value and url is None:
            raise ValueError(_though_missing("MAIL_OAUTH_TOKEN_URL"))
        if value or url is None:
            return value
        if info.field_name == "MAIL_OAUTH_CLIENT_ID":
            raise ValueError(though_set("MAIL_OAUTH_TOKEN_URL"))
        secret = info.data.get("MAIL_OAUTH_CLIENT_SECRET", "wrong")
        if info.field_name == "MAIL_OAUTH_REFRESH_TOKEN" and not secret:
            raise ValueError(
                _(
                    "and MAIL_OAUTH_CLIENT_SECRET are both missing, though MAIL_OAUTH_TOKEN_URL is"
                    " set: give at least one"
                )
            )
        return value

    @field_validator("MAIL_PASSWORD")
    @classmethod
    def _whole_login(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        username = info.data.get("MAIL_USERNAME")
        if info.data.get("MAIL_OAUTH_TOKEN_URL", "wrong") is not None:
            if value:
                raise ValueError(
                    _("is set beside MAIL_OAUTH_TOKEN_URL: log in with one or the other")
                )
            return value
        if username and not value:
            raise ValueError(though_set("MAIL_USERNAME"))
        if value and not username:
            raise ValueError(_though_missing("MAIL_USERNAME"))
        if value:
            _require_encryption(
                info,
                _(
                    "would cross the network to {server} unencrypted: set MAIL_USE_TLS (port 587)"
                    " or MAIL_USE_SSL (port 465)"
                ),
            )
        return value

    @field_validator("MAIL_DKIM_SELECTOR")
    @classmethod
    def _key_and_selector(cls, value: str | None, info: ValidationInfo) -> str | None:
        key = info.data.get("MAIL_DKIM_KEY_FILE")
        if value and not key:
            raise ValueError(_though_missing("MAIL_DKIM_KEY_FILE"))
        if key and not value:
            raise ValueError(though_set("MAIL_DKIM_KEY_FILE"))
        return value

    model_config = SettingsConfigDict(validate_default=True)


def _though_missing(other: str) -> str:
    return _("is set, though {other} is missing: give both or neither").format(other=other)


def though_set(other: str) -> str:
    """What to say of a setting that is missing beside this one."""
    return _("is missing, though {other} is set: give both or neither").format(other=other)


def _require_encryption(info: ValidationInfo, words: str) -> None:
    encrypted = info.data.get("MAIL_USE_TLS") or info.data.get("MAIL_USE_SSL")
    server = info.data.get("MAIL_SERVER", "")
    if not encrypted and not is_loopback(server):
        raise ValueError(words.format(server=server))


def load_settings(*, serving: bool = False) -> Settings:
    """Read the settings from the environment, then from the `.env` file of this folder.

    The variable MICROBLOG_ENV_FILE names another file than `.env`; empty, it means none.
    With `serving`, what a public site needs must be there.

    Raises SettingsError with a sentence for every wrong value.
    """
    model: type[Settings] = ServingSettings if serving else Settings
    file = env_file()
    if "MICROBLOG_ENV_FILE" in os.environ and file and not Path(file).is_file():
        words = _("names {file!r}, which is not a file").format(file=file)
        raise SettingsError([f"MICROBLOG_ENV_FILE {words}"])
    try:
        return model(_env_file=file)
    except ValidationError as error:
        raise SettingsError([_sentence(problem) for problem in error.errors()]) from None


def env_file() -> str | None:
    """The file that settings are read from beside the environment, if it is there; None: none."""
    return os.environ.get("MICROBLOG_ENV_FILE", ".env") or None


def unknown_names() -> list[str]:
    """Names in the file, and such in the environment as look like ours, that are no settings."""
    file = env_file()
    in_file = dotenv_values(file) if file and Path(file).is_file() else {}
    in_environment = [name for name in os.environ if name.startswith(_OUR_PREFIXES)]
    known = {*Settings.model_fields, "MICROBLOG_ENV_FILE"}
    return [name for name in dict.fromkeys([*in_file, *in_environment]) if name not in known]


_OUR_PREFIXES = ("MAIL_", "MICROBLOG_", "RATELIMIT_", "SECRET_KEY")


def as_environment(settings: Settings) -> dict[str, str]:
    """The environment in which `load_settings` gives the same settings again."""
    environment = {"MICROBLOG_ENV_FILE": ""}
    for name in type(settings).model_fields:
        value = _plain(getattr(settings, name))
        if isinstance(value, list):
            value = ",".join(value)
        environment[name] = "" if value is None else str(value)
    return environment


def _sentence(problem: Any) -> str:
    name = ".".join(str(part) for part in problem["loc"] if isinstance(part, str)) or "settings"
    if problem["type"] == "missing":
        return f"{name} {_why_needed(name)}"
    if problem["type"] == "value_error":
        return f"{name} {problem['ctx']['error']}"
    values = {"value": problem["input"], **problem.get("ctx", {})}
    for kinds, words in _wrong_values().items():
        if problem["type"].startswith(kinds):
            return f"{name} {words.format_map(values)}"
    return f"{name}: {problem['msg']}"


def _why_needed(name: str) -> str:
    if name == "SECRET_KEY":
        return _("is missing. Make one with: {command}").format(command=NEW_SECRET)
    if name == "PUBLIC_URL":
        return _(
            "is missing: the address people reach the site at, like https://microblog.example.com;"
            " links in mail are built from it"
        )
    return _("is missing.")


def _wrong_values() -> dict[str | tuple[str, ...], str]:
    """What pydantic finds, by the beginning of its name for it, in our words."""
    return {
        "bool": _("must be on or off (1, true, yes / 0, false, no), not {value!r}"),
        "int": _("must be a whole number, not {value!r}"),
        ("float", "finite_number"): _("must be a number, not {value!r}"),
        "greater_than_equal": _("must be at least {ge}, not {value!r}"),
        "greater_than": _("must be more than {gt}, not {value!r}"),
        "less_than_equal": _("must be at most {le}, not {value!r}"),
        "literal": _("must be one of these: {expected}; it is {value!r}"),
        "string_pattern": _("must match the pattern {pattern}; it is {value!r}"),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value
