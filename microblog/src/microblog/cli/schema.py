"""`microblog db`: the versions of the database's schema."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from functools import wraps
from gettext import gettext as _
from typing import Any

import click
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from flask_alembic.cli import cli as alembic_commands
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from microblog import schema
from microblog.app import create_app
from microblog.cli.site import database_place, newer_schema
from microblog.cli.upgrade_progress import told_progress
from microblog.schema import migrations


@click.command()
@click.argument("target", default="heads")
def upgrade(target: str) -> None:
    """Run migrations to upgrade the database."""
    _require_version("target", target)
    with _application():
        logging.getLogger("alembic").setLevel(logging.WARNING)
        before = migrations().current()
        try:
            with told_progress(database_place()):
                migrations().upgrade(target)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            words = _(
                "Another program, such as a backup, is reading a table that has to change: nothing"
                " was changed. Run this again when it has ended."
            )
            raise click.ClickException(words) from None
        if migrations().current() == before:
            words = _("{place} has this version already: nothing was changed.")
            click.echo(words.format(place=database_place()), err=True)


@click.command()
@click.argument("target", default="-1")
@click.option("--yes", is_flag=True, help="Do not ask.")
def downgrade(target: str, *, yes: bool) -> None:
    """Go one version back, so many versions, or to the one named, and delete what newer ones added.

    Asks before.
    """
    _require_version("target", target)
    with _application():
        applied = _behind_the_present_one("base")
        goal = _goal(target, applied)
        undone = _behind_the_present_one(goal)
        if not undone:
            click.echo(_("There is no such version behind the present one: nothing was changed."))
            return
        if not yes:
            words = _(
                "Data in {place} that came with version {versions} of its schema will be deleted."
                " A backup brings it back: {command}"
            )
            words = words.format(
                place=database_place(),
                versions=", ".join(undone),
                command="microblog backup FILE",
            )
            click.echo(words, err=True)
            click.confirm(_("Delete it?"), abort=True, err=True)
        migrations().downgrade(goal)


_LOCK_NOT_AVAILABLE = "55P03"
"""PostgreSQL's state of a statement that waited too long for a lock."""

_VERSION = re.compile(r"(\w+@)?\w+([+-]\d+)?")
"""A version as Alembic writes it: its name, perhaps with its branch and a distance from there."""

_DISTANCE = re.compile(r"[+-]\d+")


def _require_version(name: str, value: Any) -> None:
    """Refuse what Alembic would stumble over instead of looking for it."""
    for one in (value,) if isinstance(value, str) else value:
        is_distance = name == "target" and _DISTANCE.fullmatch(one)
        if not is_distance and not _VERSION.fullmatch(one):
            raise _no_version(_("{version!r} names no version").format(version=one))


def _no_version(reason: str) -> click.UsageError:
    words = _("{reason}. The versions: {command}")
    return click.UsageError(words.format(reason=reason.rstrip("."), command="microblog db log"))


def _behind_the_present_one(goal: str) -> list[str]:
    """The versions between the database's and `goal`, the newest first, without `goal`."""
    heads = tuple(one.revision for one in migrations().current())
    return [one.revision for one in migrations().script_directory.iterate_revisions(heads, goal)]


def _goal(target: str, applied: Sequence[str]) -> str:
    """The name of a version, or, for a number, of the one so many before the database's.

    Alembic counts from the newest version that it knows, and not from the database's.
    """
    is_number = target.lstrip("-").isascii() and target.lstrip("-").isdecimal()
    if not is_number or target in {one.revision for one in migrations().log()}:
        return target
    steps = abs(int(target))
    if steps > len(applied):
        raise _no_version(_("{version!r} names no version").format(version=target))
    return [*applied, "base"][steps]


@contextmanager
def _application() -> Iterator[None]:
    """The application's context, in which what goes wrong with a schema is told in words."""
    logging.getLogger("alembic").setLevel(logging.INFO)
    with create_app().app_context():
        try:
            yield
        except (CommandError, RevisionError) as error:
            if _is_newer():
                raise click.ClickException(newer_schema()) from None
            raise _no_version(str(error)) from None


def _is_newer() -> bool:
    """Whether the database has a version that this code does not know."""
    try:
        schema.needs_upgrade()
    except (CommandError, RevisionError):
        return True
    except SQLAlchemyError:
        pass
    return False


_NAMES_OF_VERSIONS = {"target", "revisions", "start", "end", "parent", "branch", "depend"}
"""What Alembic's commands call arguments that name versions."""


def _within_application(name: str) -> click.Command:
    """Alembic's command; the application is built when it runs: its help needs no settings."""
    command = alembic_commands.commands[name]
    original = command.callback
    assert original is not None  # noqa: S101 - none of them is a group

    @wraps(original)
    def run(*args: Any, **kwargs: Any) -> Any:
        for argument in _NAMES_OF_VERSIONS & kwargs.keys():
            _require_version(argument, kwargs[argument])
        with _application():
            click.get_current_context().obj = migrations()
            return original(*args, **kwargs)

    wrapped = copy(command)
    wrapped.callback = run
    return wrapped


branches = _within_application("branches")
check = _within_application("check")
current = _within_application("current")
heads = _within_application("heads")
log = _within_application("log")
merge = _within_application("merge")
revision = _within_application("revision")
show = _within_application("show")
stamp = _within_application("stamp")
