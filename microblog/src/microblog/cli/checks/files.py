"""What the site writes: is it closed to the other users of this machine, and is there room?"""

from __future__ import annotations

import shlex
import shutil
import stat
from collections.abc import Iterator
from gettext import gettext as _
from itertools import chain
from pathlib import Path

from microblog.app import wakeup_path
from microblog.cli.checks.findings import Finding, ok, warning, wrong
from microblog.cli.site import database_file
from microblog.settings import Settings
from microblog.web.readiness import is_nearly_full
from microblog.web.supported_languages import gettext_noop

PRIVACY = gettext_noop("privacy")
DISK = gettext_noop("disk")


def check_privacy(settings: Settings) -> Iterator[Finding]:
    """Files that were made before the site closed them, or by other programs, may be open."""
    files = [file for file in _written(settings) if file.exists()]
    changeable = [file for file in files if _is_open(file, stat.S_IWOTH)]
    readable = [file for file in files if _is_open(file, stat.S_IROTH)]
    if changeable:
        words = _("everybody on this machine can change {file}.")
        yield wrong(PRIVACY, words.format(file=_listed(changeable)), _mend(changeable))
    elif readable:
        words = _("everybody on this machine can read {file}.")
        yield warning(PRIVACY, words.format(file=_listed(readable)), _mend(readable))
    else:
        yield ok(PRIVACY, _("database, log and caught mail are closed to others."))


def check_disk(settings: Settings) -> Iterator[Finding]:
    """A full disk stops registrations, posts and mail, and is not found by a small write."""
    files = [settings.INSTANCE_PATH, database_file(settings), settings.LOG_FILE]
    folders = [_existing(file.resolve()) for file in files if file is not None]
    disks = {folder.stat().st_dev: folder for folder in folders}
    full = [folder for folder in disks.values() if is_nearly_full(folder)]
    if not full:
        yield ok(DISK, _("there is room for the site's data and its log."))
    for folder in full:
        free = shutil.disk_usage(folder).free
        words = _("{free:.0f} MB are left where {folder} is.")
        say = warning if free else wrong
        yield say(
            DISK,
            words.format(free=free / 1e6, folder=folder),
            _("Make room, or move the site's data to a larger disk."),
        )


def _existing(place: Path) -> Path:
    """The folder that it is in, or would be made in."""
    return next(folder for folder in place.parents if folder.is_dir())


def _written(settings: Settings) -> Iterator[Path]:
    database, log = database_file(settings), settings.LOG_FILE
    if database is not None:
        yield from (database.with_name(database.name + end) for end in ("", "-wal", "-shm"))
    if log is not None:
        # Each kind of process has its own, and each has older ones.
        yield from sorted(log.resolve().parent.glob(f"{log.stem}*{log.suffix}*"))
    yield wakeup_path(settings)
    yield settings.caught_mail_folder


def _is_open(file: Path, right: int) -> bool:
    """Whether others have this right, and reach the file at all."""
    folders = chain(file.parents, [file] if file.is_dir() else [])
    reachable = all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)
    return reachable and bool(file.stat().st_mode & right)


def _listed(files: list[Path]) -> str:
    return ", ".join(map(str, files))


def _mend(files: list[Path]) -> str:
    command = shlex.join(["chmod", "o=", *map(str, files)])
    return _("Close it to others: {command}").format(command=command)
