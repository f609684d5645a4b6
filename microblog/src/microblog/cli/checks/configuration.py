"""The settings, where they come from, and the folders and files that they name."""

from __future__ import annotations

import stat
import tempfile
from collections.abc import Iterator
from difflib import get_close_matches
from gettext import gettext as _
from pathlib import Path
from urllib.parse import urlsplit

from flask_outbox import is_loopback
from microblog.cli.checks.findings import Finding, ok, warning, wrong
from microblog.settings import (
    Settings,
    SettingsError,
    env_file,
    load_settings,
    unknown_names,
)
from microblog.settings.values import MINIMUM_SECRET_BYTES
from microblog.web.supported_languages import gettext_noop

SETTINGS = gettext_noop("settings")
SETTINGS_FILE = gettext_noop("settings file")


def read_settings() -> tuple[Settings | None, list[Finding]]:
    """The settings, if they can be read at all, and what `run` and `worker` would say of them."""
    try:
        settings = load_settings(serving=True)
    except SettingsError as error:
        findings = [wrong(SETTINGS, problem) for problem in error.problems]
    else:
        source = env_file()
        words = _("read from the environment.")
        if source and Path(source).is_file():
            words = _("read from the environment and from {file}.").format(file=source)
        return settings, [ok(SETTINGS, words)]
    try:
        return load_settings(), findings
    except SettingsError:
        return None, findings


def check_names(_settings: Settings) -> Iterator[Finding]:
    """Names that look like settings and are none: a slip is silently ignored otherwise."""
    for name in unknown_names():
        close = get_close_matches(name, Settings.model_fields, n=1)
        hint = _("See docs/settings.md for those there are.")
        if close:
            hint = _("Did you mean {name}?").format(name=close[0])
        yield warning(
            SETTINGS,
            _("{name} is no setting, and is ignored.").format(name=name),
            hint,
        )


def check_env_file(_settings: Settings) -> Iterator[Finding]:
    """The file with the secrets is for the site's user alone."""
    source = env_file()
    if source and Path(source).is_file():
        yield _private(SETTINGS_FILE, Path(source))


def check_secret_key(settings: Settings) -> Iterator[Finding]:
    """What is wrong with SECRET_KEY itself was said with the settings."""
    weak = [
        number
        for number, key in enumerate(settings.SECRET_KEY_FALLBACKS, start=1)
        if len(key.get_secret_value().encode()) < MINIMUM_SECRET_BYTES
    ]
    if weak:
        yield warning(
            "SECRET_KEY_FALLBACKS",
            _(
                "number {number} is shorter than {count} bytes: whoever guesses it can make links"
                " that the site believes."
            ).format(number=weak[0], count=MINIMUM_SECRET_BYTES),
            _("Remove it; what was signed with it ends."),
        )


def check_public_url(settings: Settings) -> Iterator[Finding]:
    """Where links in mail lead, and whether the visitors' addresses are known."""
    if settings.PUBLIC_URL is None:
        return
    parts = urlsplit(settings.PUBLIC_URL)
    local = is_loopback(parts.hostname or "")
    if local:
        yield warning(
            "PUBLIC_URL",
            _("links in mail lead to {url}, which only this machine reaches.").format(
                url=settings.PUBLIC_URL
            ),
            _("Set the address that people reach the site at."),
        )
    elif parts.scheme == "http":
        yield warning(
            "PUBLIC_URL",
            _("{url} is not encrypted: passwords can be read on the way.").format(
                url=settings.PUBLIC_URL
            ),
            _("Put a reverse proxy with HTTPS in front, and set PUBLIC_URL=https://…"),
        )
    else:
        words = _("links in mail lead to {url}.")
        yield ok("PUBLIC_URL", words.format(url=settings.PUBLIC_URL))
    if parts.scheme == "https" and not settings.TRUSTED_PROXIES:
        yield warning(
            "TRUSTED_PROXIES",
            _(
                "is 0, though https needs a reverse proxy in front: all visitors share one rate"
                " limit."
            ),
            _("Set TRUSTED_PROXIES=1, or how many proxies there are."),
        )


def check_development(settings: Settings) -> Iterator[Finding]:
    """Switches that belong on a developer's machine."""
    for name in ("DEBUG", "TESTING"):
        if getattr(settings, name):
            yield warning(
                name,
                _("is on, which is for development only."),
                _("Remove {name}.").format(name=name),
            )


def check_instance_folder(settings: Settings) -> Iterator[Finding]:
    """The folder where an SQLite database and the dispatcher's socket are."""
    folder = settings.INSTANCE_PATH.resolve()
    yield _writable("INSTANCE_PATH", folder)


def check_log_file(settings: Settings) -> Iterator[Finding]:
    """The log, and the folder in which it is rotated."""
    file = settings.LOG_FILE
    if file is None:
        yield ok("LOG_FILE", _("not set: the log goes to standard error alone."))
        return
    try:
        if file.exists():
            file.open("a").close()
    except OSError as error:
        yield _not_writable("LOG_FILE", file, error)
        return
    yield _writable("LOG_FILE", file.resolve().parent)


def check_dkim_key_file(settings: Settings) -> Iterator[Finding]:
    """The key that signs mail is as secret as a password."""
    if settings.MAIL_DKIM_KEY_FILE is not None and settings.MAIL_DKIM_KEY_FILE.is_file():
        yield _private("MAIL_DKIM_KEY_FILE", settings.MAIL_DKIM_KEY_FILE)


def _private(subject: str, file: Path) -> Finding:
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & stat.S_IWOTH:
        words = _("everybody on this machine can change {file}.")
        return wrong(subject, words.format(file=file), _closed(file))
    if mode & stat.S_IROTH:
        words = _("everybody on this machine can read {file}.")
        return warning(subject, words.format(file=file), _closed(file))
    return ok(subject, _("{file} is closed to others.").format(file=file))


def _closed(file: Path) -> str:
    return _("Close it to others: {command}").format(command=f"chmod 600 {file}")


def _writable(subject: str, folder: Path) -> Finding:
    """Whether a file can be made there, or where the folder would be made; nothing stays of it."""
    existing = folder
    try:
        while not existing.exists() and existing != existing.parent:
            existing = existing.parent
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        return _not_writable(subject, existing, error)
    if existing != folder:
        return ok(subject, _("{folder} will be made.").format(folder=folder))
    return ok(subject, _("{folder} can be written.").format(folder=folder))


def _not_writable(subject: str, place: Path, error: OSError) -> Finding:
    return wrong(
        subject,
        _("{place} cannot be written: {reason}.").format(place=place, reason=error.strerror),
        _("Let the user that runs the site own it, or name another place."),
    )
