"""The services that the site needs beside its mail server: each is asked, none is changed."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from gettext import gettext as _
from gettext import ngettext
from pathlib import Path

from alembic.util import CommandError
from sqlalchemy import insert
from sqlalchemy.exc import SQLAlchemyError

from flask_outbox.cli import overdue
from flask_outbox.operations import Suppression
from microblog.accounts.keys import token_keys
from microblog.accounts.second_factors.authenticator import count_by_key
from microblog.app import create_app
from microblog.cli.checks.findings import Finding, ok, warning, wrong
from microblog.cli.failures import database_reason
from microblog.cli.site import (
    WAIT_SECONDS,
    counted_apart,
    database_file,
    database_place,
    impatient,
    newer_schema,
)
from microblog.database import WRITING, db, is_sqlite
from microblog.schema import needs_upgrade
from microblog.search import index
from microblog.settings import Settings, SettingsError
from microblog.web.supported_languages import gettext_noop

DATABASE = gettext_noop("database")
BROKER = gettext_noop("broker")
OUTBOX = gettext_noop("outbox")
RATE_LIMITS = gettext_noop("rate limits")
SECOND_FACTORS = gettext_noop("second factors")
SEARCH = gettext_noop("search")


def check_database(settings: Settings) -> Iterator[Finding]:
    """Whether it answers, has today's schema, and can be written."""
    folder = settings.INSTANCE_PATH.resolve()
    made = not folder.exists()
    try:
        app = create_app(impatient(settings))
    except (SettingsError, OSError) as error:
        yield wrong(
            DATABASE,
            _("not tried, since the site cannot be built: {reason}").format(reason=error),
        )
        return
    with app.app_context():
        try:
            yield from _database(settings)
        except SQLAlchemyError as error:
            reason = database_reason(error)
            words = _("{place} cannot be used: {reason}.").format(
                place=database_place(), reason=reason
            )
            yield wrong(DATABASE, words, _database_mend(reason))
        except CommandError:
            yield wrong(DATABASE, newer_schema())
        finally:
            db.engine.dispose()
    if made:
        with suppress(OSError):
            folder.rmdir()


def _database(settings: Settings) -> Iterator[Finding]:
    file = database_file(settings)
    if file is not None and not file.exists():
        yield _not_made_yet(file.resolve())
        return
    if is_sqlite():
        # A file that takes no changes cannot be brought up to date either.
        with db.engine.connect().execution_options(**WRITING) as connection:
            connection.begin().rollback()
    if needs_upgrade():
        if is_sqlite():
            yield ok(
                DATABASE,
                _("{place} answers; its schema is brought up to date at the start.").format(
                    place=database_place()
                ),
            )
        else:
            yield wrong(
                DATABASE,
                _("its schema is not up to date."),
                _("Run: microblog db upgrade"),
            )
        return
    with db.sessionmaker() as session:
        session.connection(execution_options=WRITING)
        session.execute(
            insert(Suppression).values(address_key="check", reason="rolled back", since=0.0)
        )
        session.rollback()
    yield ok(
        DATABASE,
        _("{place} answers, its schema is up to date, and it can be written.").format(
            place=database_place()
        ),
    )
    yield from _sealed_secrets()
    yield from _overdue()
    yield from _older_posts()


def _not_made_yet(file: Path) -> Finding:
    """Whether it will be: SQLite makes a file, and no folder."""
    try:
        with tempfile.TemporaryFile(dir=file.parent):
            pass
    except OSError as error:
        words = _("{file} cannot be made: {reason}.")
        return wrong(
            DATABASE,
            words.format(file=file, reason=error.strerror),
            _("Let the user that runs the site own its folder, or name another in DATABASE_URL."),
        )
    return ok(DATABASE, _("{place} will be made at the start.").format(place=file))


def _sealed_secrets() -> Iterator[Finding]:
    """Whether the keys open the secrets of authenticator apps, and which keys are needed for it."""
    with db.sessionmaker() as session:
        found = count_by_key(session, token_keys())
    if found.unreadable:
        words = ngettext(
            "{count} authenticator app can't be used: its secret was encrypted with another key.",
            "{count} authenticator apps can't be used: their secrets were encrypted with"
            " another key.",
            found.unreadable,
        )
        yield wrong(
            SECOND_FACTORS,
            words.format(count=found.unreadable),
            _("Put the former SECRET_KEY into SECRET_KEY_FALLBACKS."),
        )
    if found.former:
        words = ngettext(
            "{count} authenticator app still needs a key in SECRET_KEY_FALLBACKS.",
            "{count} authenticator apps still need a key in SECRET_KEY_FALLBACKS.",
            found.former,
        )
        yield warning(
            SECOND_FACTORS,
            words.format(count=found.former),
            _("Before you remove it, run: microblog user reencrypt"),
        )


def _overdue() -> Iterator[Finding]:
    with db.sessionmaker() as session:
        late = overdue(session, now=time.time())
    if late is not None:
        yield warning(
            OUTBOX,
            late,
            _("Is `microblog run`, or with CELERY_BROKER_URL `microblog worker`, running?"),
        )


def _older_posts() -> Iterator[Finding]:
    """Whether search finds what is older than its index."""
    with db.sessionmaker() as session:
        is_complete = index.is_complete(session)
    if not is_complete:
        yield warning(SEARCH, _("doesn't find older posts."), _("Run: microblog search rebuild"))


_DATABASE_MENDS = {
    "refused": gettext_noop(
        "Is the database server running? Look at host and port in DATABASE_URL."
    ),
    "timeout": gettext_noop(
        "Nothing answers there. Look at host and port in DATABASE_URL, and at the firewall."
    ),
    "translate host name": gettext_noop("Look for a slip in the host's name in DATABASE_URL."),
    "name or service": gettext_noop("Look for a slip in the host's name in DATABASE_URL."),
    "password": gettext_noop("Look at user and password in DATABASE_URL."),
    "role": gettext_noop("Look at the user in DATABASE_URL."),
    "does not exist": gettext_noop(
        "Make the database, or look for a slip in its name: createdb NAME."
    ),
    "permission denied": gettext_noop(
        "The user in DATABASE_URL needs the right to write to the tables."
    ),
    "read-only": gettext_noop(
        "This database takes no changes: name the one that does, not its replica."
    ),
    "readonly": gettext_noop("Let the user that runs the site own the file and its folder."),
    "unable to open": gettext_noop("Let the user that runs the site own the file and its folder."),
    "not a database": gettext_noop("The file is something else. Name another in DATABASE_URL."),
    "locked": gettext_noop("Another program holds it. Look for a second copy of the site."),
}
"""What the reason holds, and the mend for it; the first that fits."""


def _database_mend(reason: str) -> str:
    mends = (_(hint) for words, hint in _DATABASE_MENDS.items() if words in reason.lower())
    return next(mends, _("Look at DATABASE_URL."))


def check_broker(settings: Settings) -> Iterator[Finding]:
    """Whether RabbitMQ or Redis lets the site in, and whether a worker listens."""
    if settings.CELERY_BROKER_URL is None:
        yield ok(
            BROKER,
            _("not needed: the dispatcher beside the web server delivers mail."),
        )
        return
    # Celery is an extra, which a site on one machine does without.
    from celery import Celery  # noqa: PLC0415

    celery = Celery(broker=settings.CELERY_BROKER_URL, set_as_current=False)
    connection = celery.connection_for_write(connect_timeout=WAIT_SECONDS, heartbeat=0)
    errors = (OSError, *connection.connection_errors, *connection.channel_errors)
    place = connection.as_uri()
    try:
        connection.connect()
        connection.channel().close()
    except errors as error:
        yield wrong(
            BROKER,
            _("{place} cannot be used: {reason}.").format(place=place, reason=_words(error)),
            _broker_mend(error),
        )
    else:
        yield ok(BROKER, _("{place} answers.").format(place=place))
    finally:
        connection.release()


def _broker_mend(error: Exception) -> str:
    words = str(error).lower()
    if "access_refused" in words or "authentication" in words or "password" in words:
        return _("Look at user and password in CELERY_BROKER_URL.")
    if "vhost" in words:
        return _("Look at the virtual host behind the last slash of CELERY_BROKER_URL.")
    return _("Is the broker running? Look at host and port in CELERY_BROKER_URL.")


def check_rate_limits(settings: Settings) -> Iterator[Finding]:
    """Whether there are any, and whether the place of the counts answers."""
    address = settings.RATELIMIT_STORAGE_URI
    if not settings.RATELIMIT_ENABLED:
        yield warning(
            RATE_LIMITS,
            _("are off: whoever wants can guess passwords as fast as the site answers."),
            _("Remove {name}.").format(name="RATELIMIT_ENABLED"),
        )
    elif words := counted_apart(settings, settings.WEB_CONCURRENCY):
        yield warning(RATE_LIMITS, words)
    elif address.startswith("memory"):
        yield ok(RATE_LIMITS, _("counted in each process for itself."))
    else:
        # Redis is an extra, which a site on one machine does without.
        import redis  # noqa: PLC0415

        shown = address.rpartition("@")[2] or address
        made = redis.Redis.from_url(
            address.replace("redis+unix:", "unix:"),
            socket_connect_timeout=WAIT_SECONDS,
            socket_timeout=WAIT_SECONDS,
        )
        try:
            made.ping()
        except redis.RedisError as error:
            yield wrong(
                RATE_LIMITS,
                _("Redis at {place} cannot be used: {reason}.").format(
                    place=shown, reason=_words(error)
                ),
                _("Is it running? Look at RATELIMIT_STORAGE_URI."),
            )
        else:
            yield ok(RATE_LIMITS, _("counted in Redis at {place}.").format(place=shown))
        finally:
            made.close()


def _words(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
