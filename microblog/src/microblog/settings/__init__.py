"""All settings of the site, typed and read once. Nothing else reads the environment.

`load_settings` reports all wrong values in one message, not only the first.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from flask_outbox import AddressError, defaults, is_loopback, parse_address
from microblog.settings import values
from microblog.settings.env_file import EnvFileError, read_env_file
from microblog.settings.values import NEW_SECRET

MAX_INTEGER = 2**31 - 1
"""No setting needs a larger number, and an INTEGER column cannot hold one."""


SUBMISSION_PORT, IMPLICIT_TLS_PORT = 587, 465
"""RFC 6409 and RFC 8314."""


class SettingsError(Exception):
    """Settings are wrong; `problems` has a sentence for each of them."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


Addresses = Annotated[
    tuple[str, ...],
    NoDecode,
    BeforeValidator(values.split_addresses),
    AfterValidator(values.addresses),
]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(values.split_list)]
Topics = Annotated[
    tuple[str, ...],
    NoDecode,
    BeforeValidator(values.split_list),
    AfterValidator(values.ses_topics),
]
FolderOrFile = Annotated[Path, AfterValidator(values.folder_or_file)]

LISTS = {"ADMINS", "MAIL_REDIRECT_TO", "MAIL_WEBHOOK_SES_TOPICS", "SECRET_KEY_FALLBACKS"}
SECRETS = {
    "SECRET_KEY",
    "MAIL_PASSWORD",
    "MAIL_OAUTH_CLIENT_SECRET",
    "MAIL_OAUTH_REFRESH_TOKEN",
    "MAIL_IMAP_PASSWORD",
    "MAIL_WEBHOOK_POSTMARK_LOGIN",
    "MAIL_WEBHOOK_MAILGUN_KEY",
    "METRICS_TOKEN",
}
"""Taken literally, with blanks and quotation marks."""


class Settings(BaseSettings):
    """The settings of one site; the description of each is its documentation."""

    model_config = SettingsConfigDict(
        case_sensitive=True, env_ignore_empty=True, extra="ignore", frozen=True
    )

    SECRET_KEY: SecretStr | None = Field(
        None, description="Signs sessions and mailed links; at least 32 bytes; keep it secret"
    )
    SECRET_KEY_FALLBACKS: Secrets = Field(
        (), description="Former keys, still accepted while you change SECRET_KEY; comma-separated"
    )
    INSTANCE_PATH: FolderOrFile = Field(
        Path("instance"), description="The folder for the SQLite file and the dispatcher's socket"
    )
    DATABASE_URL: Annotated[str, AfterValidator(values.database_url)] = Field(
        "sqlite:///microblog.db",
        description="Where the data is: PostgreSQL, or SQLite (relative paths: in INSTANCE_PATH)",
    )
    CELERY_BROKER_URL: Annotated[str, AfterValidator(values.broker_url)] | None = Field(
        None,
        description="Mail is delivered by `microblog worker`, on any machine, over this RabbitMQ"
        " (amqp://) or Redis (redis://); default: by the dispatcher beside the web server",
    )
    CELERY_QUEUE_PREFIX: Annotated[str, AfterValidator(values.queue_prefix)] = Field(
        "microblog", description="Names the queues, for several sites with one broker"
    )
    PUBLIC_URL: Annotated[str, AfterValidator(values.public_url)] | None = Field(
        None,
        description="The address people reach the site at, and the only host that is served;"
        " links in mail are built from it",
    )
    ADMINS: Addresses = Field(
        (),
        description="Addresses that get mail when the site fails, mail waits or a disk is nearly"
        " full; the first one is the sender",
    )
    MAIL_SERVER: Annotated[str, AfterValidator(values.host)] = Field(
        "localhost", description="The SMTP server's name"
    )
    MAIL_PORT: int = Field(25, ge=1, le=65535, description="The SMTP server's port")
    MAIL_USE_TLS: bool = Field(False, description="STARTTLS (usually port 587), verified")
    MAIL_USE_SSL: bool = Field(False, description="TLS from the start (usually port 465), verified")
    MAIL_DEBUG: bool | None = Field(
        None, description="Print the SMTP conversation, log-in excepted; default: as DEBUG"
    )
    MAIL_USERNAME: str | None = Field(None, description="The user name for the SMTP server")
    MAIL_OAUTH_TOKEN_URL: Annotated[str, AfterValidator(values.token_url)] | None = Field(
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
        None, description="The scope of the token, in the token server's terms"
    )
    MAIL_PASSWORD: SecretStr | None = Field(None, description="The password for the SMTP server")
    MAIL_DEFAULT_SENDER: Annotated[str, AfterValidator(values.address)] | None = Field(
        None, description="The sender where a message names none; default: the first of ADMINS"
    )
    MAIL_MAX_EMAILS: int | None = Field(
        None,
        ge=1,
        le=MAX_INTEGER,
        description="Messages to send over one connection before opening another",
    )
    MAIL_SUPPRESS_SEND: bool | None = Field(
        None, description="Do everything but send; default: as TESTING"
    )
    MAIL_REDIRECT_TO: Addresses = Field(
        (),
        description="For a staging site: all mail goes to these addresses, not to its recipients",
    )
    MAIL_ASCII_ATTACHMENTS: bool = Field(
        False, description="Reduce the file names of attachments to ASCII"
    )
    MAIL_TIMEOUT: float = Field(
        defaults.TIMEOUT_SECONDS,
        gt=0,
        le=600,
        description="Seconds to wait for each answer of the SMTP server",
    )
    MAIL_CA_FILE: Annotated[Path, AfterValidator(values.existing_file)] | None = Field(
        None, description="A file of certificates to trust beside the system's, for the SMTP server"
    )
    MAIL_EHLO_NAME: Annotated[str, AfterValidator(values.domain)] | None = Field(
        None,
        description="The name by which this machine introduces itself to the SMTP server; default:"
        " its full name, or else the sender's domain",
    )
    MAIL_DKIM_KEY_FILE: FolderOrFile | None = Field(
        None, description="Sign mail (DKIM) with the private key in this file, RSA or Ed25519"
    )
    MAIL_DKIM_SELECTOR: Annotated[str, AfterValidator(values.selector)] | None = Field(
        None, description="The name under which the DNS holds the public key: NAME._domainkey"
    )
    MAIL_DKIM_DOMAIN: Annotated[str, AfterValidator(values.domain)] | None = Field(
        None, description="The domain that signs; default: the sender's"
    )
    MAIL_RETURN_PATH: Annotated[str, AfterValidator(values.return_path)] | None = Field(
        None,
        description="The address that bounces come back to, with a token for each mail; default:"
        " the sender, without one",
    )
    MAIL_RETURN_PATH_DELIMITER: Annotated[str, AfterValidator(values.delimiter)] = Field(
        "+",
        description="What stands before the token in that address; `none`: it is in a header only",
    )
    MAIL_IMAP_SERVER: str | None = Field(
        None, description="The IMAP server of the mailbox in which bounces arrive"
    )
    MAIL_IMAP_PORT: int = Field(
        993, ge=1, le=65535, description="Its port: 993 is TLS from the start, 143 STARTTLS"
    )
    MAIL_IMAP_USERNAME: str | None = Field(None, description="The user name for that mailbox")
    MAIL_IMAP_PASSWORD: SecretStr | None = Field(None, description="The password for that mailbox")
    MAIL_IMAP_FOLDER: str = Field("INBOX", description="The folder that is read, all of it")
    MAIL_IMAP_DONE_FOLDER: str = Field(
        "Done", description="The folder for messages that were read; made if it is missing"
    )
    MAIL_WEBHOOK_SES_TOPICS: Topics = Field(
        (),
        description="Topics of Amazon SNS that tell at /mail-events/ses what became of mail (SES);"
        " comma-separated ARNs",
    )
    MAIL_WEBHOOK_POSTMARK_LOGIN: (
        Annotated[SecretStr, AfterValidator(values.postmark_login)] | None
    ) = Field(
        None, description="What Postmark logs in with at /mail-events/postmark: `user:password`"
    )
    MAIL_WEBHOOK_MAILGUN_KEY: Annotated[SecretStr, AfterValidator(values.mailgun_key)] | None = (
        Field(
            None,
            description="The key that Mailgun signs with what it tells at /mail-events/mailgun",
        )
    )
    MAIL_CONNECTIONS: int = Field(
        defaults.CONNECTIONS,
        ge=1,
        le=64,
        description="Connections to the SMTP server, beside one that is kept for urgent mail",
    )
    MAIL_MAX_BYTES: int = Field(
        defaults.MAXIMUM_BYTES,
        ge=10_000,
        le=MAX_INTEGER,
        description="The largest message that is accepted for sending",
    )
    MAIL_GUARD_MESSAGES: int = Field(
        defaults.RECIPIENT_MESSAGES,
        ge=1,
        le=MAX_INTEGER,
        description="How many messages that strangers can trigger one address gets…",
    )
    MAIL_GUARD_MINUTES: float = Field(
        defaults.RECIPIENT_MINUTES, gt=0, allow_inf_nan=False, description="…within so many minutes"
    )
    MAIL_GUARD_DAILY: int = Field(
        defaults.RECIPIENT_DAILY,
        ge=1,
        le=MAX_INTEGER,
        description="…and within a day; links for a forgotten password are counted separately",
    )
    MAIL_RATE_LIMIT: Annotated[str, AfterValidator(values.rate_limit)] | None = Field(
        None,
        description="At most so many messages leave, like `14/second` or `30/minute, 10000/day`",
    )
    MAIL_RATE_LIMIT_BY_DOMAIN: (
        Annotated[str, AfterValidator(values.rate_limit_by_domain)] | None
    ) = Field(
        None,
        description="…and to one domain, like `gmail.com=20/minute, *=5/second` (`*`: each other)",
    )
    MAIL_RETENTION_DAYS: float = Field(
        defaults.RETENTION_DAYS,
        gt=0,
        allow_inf_nan=False,
        description="Days until a finished message is reduced to what counts need",
    )
    RESET_LINK_SECONDS: int = Field(
        600, ge=60, le=86400, description="Seconds that a reset link works after it is sent"
    )
    RATELIMIT_ENABLED: bool = Field(True, description="Limit how often one client may post a form")
    RATELIMIT_STORAGE_URI: Annotated[str, AfterValidator(values.storage_uri)] = Field(
        "memory://",
        description="Where the counts are: memory:// (each process) or redis://host:port",
    )
    WEB_CONCURRENCY: int = Field(
        1, ge=1, le=64, description="Web processes, if `--workers` is not given"
    )
    TRUSTED_PROXIES: int = Field(
        0,
        ge=0,
        le=10,
        description="Reverse proxies in front of the site, whose X-Forwarded headers are trusted",
    )
    REGISTRATION: Literal["open", "invitation", "closed"] = Field(
        "open",
        description="Who can make an account: everybody (open), people with an invitation link"
        " (invitation), or nobody (closed); `microblog user create` always can",
    )
    GRAVATAR: bool = Field(
        False,
        description="Show the Gravatars of people without a picture; gravatar.com learns who is"
        " looked at, and readers learn a digest of each address",
    )
    METRICS_TOKEN: SecretStr | None = Field(
        None, description="The bearer token for /metrics; without it the page does not exist"
    )
    LOG_FILE: FolderOrFile | None = Field(
        None, description="Log to this file, too; it is rotated when it is large"
    )
    LOG_MAX_BYTES: int = Field(
        1_000_000,
        ge=0,
        le=MAX_INTEGER,
        description="Bytes at which LOG_FILE is rotated; 0: never, if another program does it",
    )
    LOG_BACKUP_COUNT: int = Field(
        9, ge=1, le=1000, description="How many rotated log files are kept beside the current one"
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

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, given: Any) -> Any:
        """Drop values that are blank, and blanks around others."""
        return {
            name: value.strip() if isinstance(value, str) and name not in SECRETS else value
            for name, value in given.items()
            if not isinstance(value, str) or value.strip()
        }

    @field_validator("*", mode="before")
    @classmethod
    def _text(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, str):
            return value
        value = values.clean(value, is_list=info.field_name in LISTS)
        return value if info.field_name in SECRETS else values.unquoted(value)

    @property
    def sender(self) -> str:
        """The sender of mail that names none; never empty, so that no message fails for it."""
        if self.MAIL_DEFAULT_SENDER or self.ADMINS:
            return self.MAIL_DEFAULT_SENDER or self.ADMINS[0]
        host = (urlsplit(self.PUBLIC_URL or "").hostname or "").rstrip(".")
        try:
            return parse_address(f"no-reply@{host}").mailbox
        except AddressError:
            # Hosts on a private network may have names that are not valid in an address.
            return "no-reply@localhost"

    @property
    def caught_mail_folder(self) -> Path:
        """Where the mail catcher of this site keeps what it caught."""
        return self.INSTANCE_PATH.resolve() / "caught-mail"

    def as_flask_config(self) -> dict[str, Any]:
        """The same settings as Flask and its extensions read them, with secrets in plain text."""
        config = {name: _plain(getattr(self, name)) for name in type(self).model_fields}
        config["MAIL_DEBUG"] = self.DEBUG if self.MAIL_DEBUG is None else self.MAIL_DEBUG
        if self.MAIL_SUPPRESS_SEND is None:
            config["MAIL_SUPPRESS_SEND"] = self.TESTING
        return config


class ServingSettings(Settings):
    """The settings of a site that serves other people: the same, more strictly checked."""

    SECRET_KEY: Annotated[SecretStr, AfterValidator(values.secret_key)]
    INSTANCE_PATH: Annotated[FolderOrFile, AfterValidator(values.folder)] = Path("instance")
    PUBLIC_URL: Annotated[str, AfterValidator(values.public_url)]
    MAIL_CA_FILE: Annotated[Path, AfterValidator(values.certificates)] | None = None
    MAIL_DKIM_KEY_FILE: Annotated[FolderOrFile, AfterValidator(values.dkim_key)] | None = None
    METRICS_TOKEN: Annotated[SecretStr, AfterValidator(values.metrics_token)] | None = None
    LOG_FILE: Annotated[FolderOrFile, AfterValidator(values.file_to_write)] | None = None

    @field_validator("SECRET_KEY_FALLBACKS")
    @classmethod
    def _other_keys(
        cls, value: tuple[SecretStr, ...], info: ValidationInfo
    ) -> tuple[SecretStr, ...]:
        values.former_keys(value, info.data.get("SECRET_KEY"))
        return value

    @field_validator("DATABASE_URL")
    @classmethod
    def _file_can_be_made(cls, value: str, info: ValidationInfo) -> str:
        if instance := info.data.get("INSTANCE_PATH"):
            values.database_file(value, instance)
        return value

    @field_validator("MAIL_USE_SSL")
    @classmethod
    def _port_of_this_kind(cls, value: bool, info: ValidationInfo) -> bool:
        port, server = info.data.get("MAIL_PORT"), info.data.get("MAIL_SERVER", "")
        if port == IMPLICIT_TLS_PORT and not value and not is_loopback(server):
            raise ValueError(
                _("must be on for MAIL_PORT=465, which begins with TLS; leave MAIL_USE_TLS out")
            )
        if port == SUBMISSION_PORT and value and not is_loopback(server):
            raise ValueError(
                _(
                    "must be off for MAIL_PORT=587, which begins without TLS: set MAIL_USE_TLS=1"
                    " instead"
                )
            )
        return value

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

    @field_validator(
        "MAIL_OAUTH_CLIENT_ID",
        "MAIL_OAUTH_CLIENT_SECRET",
        "MAIL_OAUTH_REFRESH_TOKEN",
        "MAIL_OAUTH_SCOPE",
    )
    @classmethod
    def _whole_client(cls, value: Any, info: ValidationInfo) -> Any:
        url = info.data.get("MAIL_OAUTH_TOKEN_URL", "wrong")
        if value and url is None:
            raise ValueError(_though_missing("MAIL_OAUTH_TOKEN_URL"))
        if value or url is None:
            return value
        if info.field_name == "MAIL_OAUTH_CLIENT_ID":
            raise ValueError(missing_companion("MAIL_OAUTH_TOKEN_URL"))
        secret = info.data.get("MAIL_OAUTH_CLIENT_SECRET", "wrong")
        if info.field_name == "MAIL_OAUTH_REFRESH_TOKEN" and not secret:
            raise ValueError(
                _(
                    "and MAIL_OAUTH_CLIENT_SECRET are both missing, though MAIL_OAUTH_TOKEN_URL is"
                    " set: give at least one"
                )
            )
        return value

    @field_validator("MAIL_IMAP_USERNAME", "MAIL_IMAP_PASSWORD")
    @classmethod
    def _whole_mailbox(cls, value: Any, info: ValidationInfo) -> Any:
        if info.data.get("MAIL_IMAP_SERVER") and not value:
            raise ValueError(missing_companion("MAIL_IMAP_SERVER"))
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
            raise ValueError(missing_companion("MAIL_USERNAME"))
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
        key = info.data.get("MAIL_DKIM_KEY_FILE", "wrong")
        if value and not key:
            raise ValueError(_though_missing("MAIL_DKIM_KEY_FILE"))
        if key and not value:
            raise ValueError(missing_companion("MAIL_DKIM_KEY_FILE"))
        return value

    @field_validator("MAIL_DKIM_DOMAIN")
    @classmethod
    def _domain_that_signs(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value and info.data.get("MAIL_DKIM_KEY_FILE", "wrong") is None:
            raise ValueError(_though_missing("MAIL_DKIM_KEY_FILE"))
        return value

    model_config = SettingsConfigDict(validate_default=True)


def _though_missing(other: str) -> str:
    return _("is set, though {other} is missing: give both or neither").format(other=other)


def missing_companion(other: str) -> str:
    """The message about a setting that is missing while its companion is set."""
    return _("is missing, though {other} is set: give both or neither").format(other=other)


def _require_encryption(info: ValidationInfo, words: str) -> None:
    encrypted = info.data.get("MAIL_USE_TLS") or info.data.get("MAIL_USE_SSL")
    server = info.data.get("MAIL_SERVER", "")
    if not encrypted and not is_loopback(server):
        raise ValueError(words.format(server=server))


def load_settings(*, serving: bool = False) -> Settings:
    """Read the settings from the environment, and the others from the `.env` file of this folder.

    The variable MICROBLOG_ENV_FILE names another file than `.env`; empty, it means none.
    `serving` demands what a public site needs.

    Raises SettingsError with a sentence for every wrong value.
    """
    model: type[Settings] = ServingSettings if serving else Settings
    in_file = _file_values()
    given = {
        name: value
        for name, value in in_file.items()
        if name in model.model_fields and not os.environ.get(name, "").strip()
    }
    slips = misspelt_names(in_file) if serving else {}
    words = _("{name} is no setting. Did you mean {meant}?")
    sentences = [words.format(name=name, meant=meant) for name, meant in slips.items()]
    try:
        settings = model(_env_file=None, **given)
    except ValidationError as error:
        found = [values.shortened(_sentence(problem)) for problem in error.errors()]
        raise SettingsError(found + sentences) from None
    if sentences:
        raise SettingsError(sentences)
    return settings


def env_file() -> str | None:
    """The file that settings are read from if it exists; None if no file is to be read."""
    return os.environ.get("MICROBLOG_ENV_FILE", ".env") or None


def _file_values() -> Mapping[str, Any]:
    file = env_file()
    if "MICROBLOG_ENV_FILE" in os.environ and file:
        try:
            values.existing_file(Path(file))
        except ValueError as error:
            raise SettingsError([f"MICROBLOG_ENV_FILE {error}"]) from None
    if file is None or not Path(file).is_file():
        return {}
    try:
        return read_env_file(Path(file))
    except EnvFileError as error:
        raise SettingsError(error.problems) from None


def given_settings() -> dict[str, str]:
    """The settings that are set, in the environment or in the file, as they are written there."""
    in_environment = {name: value for name, value in os.environ.items() if value.strip()}
    given = {**_file_values(), **in_environment}
    return {name: given[name] for name in Settings.model_fields if given.get(name, "").strip()}


def unknown_names() -> list[str]:
    """Names in the file, and similar ones in the environment, that are ignored as no settings."""
    in_file = _file_values()
    in_environment = [name for name in os.environ if name.startswith(_OUR_PREFIXES)]
    known = {*Settings.model_fields, "MICROBLOG_ENV_FILE", *misspelt_names(in_file)}
    return [name for name in dict.fromkeys([*in_file, *in_environment]) if name not in known]


def misspelt_names(names: Iterable[str]) -> dict[str, str]:
    """Those names that are no settings, but nearly; with the settings that are probably meant."""
    found = {}
    for name in names:
        # Other programs may read the same file: what does not begin like ours must be nearer.
        cutoff = 0.82 if name.startswith(_OUR_PREFIXES) else 0.9
        meant = _OTHER_PROGRAMS.get(name) or next(
            iter(get_close_matches(name.upper(), Settings.model_fields, 1, cutoff)), name
        )
        if name not in {meant, *Settings.model_fields}:
            found[name] = meant
    return found


_OTHER_PROGRAMS = {
    "MAIL_FROM": "MAIL_DEFAULT_SENDER",
    "MAIL_HOST": "MAIL_SERVER",
    "MAIL_PASS": "MAIL_PASSWORD",
    "MAIL_TLS": "MAIL_USE_TLS",
    "MAIL_USER": "MAIL_USERNAME",
    "SQLALCHEMY_DATABASE_URI": "DATABASE_URL",
}
"""What others call the same."""

_OUR_PREFIXES = ("MAIL_", "MICROBLOG_", "RATELIMIT_", "SECRET_KEY")


def as_environment(settings: Settings) -> dict[str, str]:
    """The environment in which `load_settings` returns the same settings again."""
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
    parts = {"value": problem["input"], **problem.get("ctx", {})}
    for kinds, words in _wrong_values().items():
        if problem["type"].startswith(kinds):
            return f"{name} {words.format_map(parts)}"
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
    """Our messages for pydantic's errors, by the beginning of the error's type."""
    return {
        "bool": _("must be on or off (1, true, yes / 0, false, no), not {value!r}"),
        "int": _("must be a whole number, not {value!r}"),
        ("float", "finite_number"): _("must be a number, not {value!r}"),
        "greater_than_equal": _("must be at least {ge}, not {value!r}"),
        "greater_than": _("must be more than {gt}, not {value!r}"),
        "less_than_equal": _("must be at most {le}, not {value!r}"),
        "literal": _("must be one of these: {expected}; it is {value!r}"),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value
