"""What a command says while the schema is upgraded: how long it may take, and how far it is."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from gettext import gettext as _
from gettext import ngettext
from pathlib import Path

import click
from alembic.runtime.migration import RevisionStep
from sqlalchemy import text

from microblog import database
from microblog.schema import Progress, migrations

SECONDS_A_GIGABYTE = 60
"""Ten times what benchmarks/upgrade.py measured on SQLite: disks differ, and so do migrations."""

COPIES = 2
"""A table that is made anew is on the disk once more, and once more in the write-ahead log."""


@contextmanager
def told_progress(place: str, *, also_of_new: bool = True) -> Iterator[None]:
    """Tell of the migrations that run within; `also_of_new` where nothing was in the database, too.

    `place` is the database's file or address.
    """
    migrations().progress = told = _Told(place, also_of_new=also_of_new)
    try:
        yield
        told.end()
    finally:
        migrations().progress = Progress()


class _Told(Progress):
    def __init__(self, place: str, *, also_of_new: bool) -> None:
        self._place, self._also_of_new = place, also_of_new
        self._begun: float | None = None

    def wait(self) -> None:
        _say(_("Another process is writing to the database or upgrading it: waiting for it."))

    def steps(self, steps: Sequence[RevisionStep]) -> Iterable[RevisionStep]:
        is_new = migrations().migration_context.get_current_revision() is None
        if not steps or not steps[0].is_upgrade or (is_new and not self._also_of_new):
            yield from steps
            return
        if not is_new:
            self._say_how_long(steps)
        self._begun = time.monotonic()
        for number, step in enumerate(steps, start=1):
            words = _("{number} of {count}: version {version}")
            version = " ".join(step.to_revisions)
            _say(words.format(number=number, count=len(steps), version=version))
            yield step

    def end(self) -> None:
        """Say how long it took, if anything was done."""
        if self._begun is not None:
            words = _("Done after {seconds:.1f} s.")
            _say(words.format(seconds=time.monotonic() - self._begun))

    def _say_how_long(self, steps: Sequence[RevisionStep]) -> None:
        size = _size()
        minutes = math.ceil(size / 1e9 * SECONDS_A_GIGABYTE / 60)
        words = ngettext(
            "{place} ({size:,.1f} MB) is upgraded from version {old} to {new}, which may take up to"
            " {count} minute. If it is interrupted, nothing has changed.",
            "{place} ({size:,.1f} MB) is upgraded from version {old} to {new}, which may take up to"
            " {count} minutes. If it is interrupted, nothing has changed.",
            minutes,
        )
        words = words.format(
            place=self._place,
            size=size / 1e6,
            old=" ".join(steps[0].from_revisions),
            new=" ".join(steps[-1].to_revisions),
            count=minutes,
        )
        _say(words)
        if database.is_sqlite():
            _say(_("Until then the site can be read, and nobody can write."))
            free = shutil.disk_usage(Path(self._place).resolve().parent).free
            if free < size * COPIES:
                words = _("It may need {size:,.0f} MB, and {free:,.0f} MB are left there.")
                _say(words.format(size=size * COPIES / 1e6, free=free / 1e6))


def _size() -> int:
    """How many bytes the present database takes."""
    statement = "SELECT pg_database_size(current_database())"
    if database.is_sqlite():
        statement = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
    connection = migrations().migration_context.connection
    assert connection is not None  # noqa: S101 - it runs migrations
    return int(connection.scalar(text(statement)) or 0)


def _say(words: str) -> None:
    click.echo(words, err=True)
