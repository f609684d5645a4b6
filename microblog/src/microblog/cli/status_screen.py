"""How `microblog status` looks in a terminal: aligned, in its language, and coloured."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from gettext import gettext as _
from typing import Any
from unicodedata import east_asian_width

import click
from babel.dates import format_datetime, format_timedelta
from babel.numbers import format_decimal
from babel.units import format_unit

from microblog.cli.language import terminals_language
from microblog.web.supported_languages import gettext_noop

_STATUSES = {
    "ok": (gettext_noop("ready"), "green"),
    "degraded": (gettext_noop("degraded"), "yellow"),
    "unavailable": (gettext_noop("unavailable"), "red"),
}

_LANES = {
    "high": gettext_noop("urgent"),
    "normal": gettext_noop("normal"),
    "low": gettext_noop("low priority"),
}

_KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}

Row = tuple[str, str]
"""A label and what there is to say; the label is empty where a row goes on."""


def screen(report: dict[str, Any]) -> Iterator[str]:
    """The lines of the screen, with colours."""
    words, color = _STATUSES[report["status"]]
    yield click.style(f"Microblog {report['version']}: {_(words)}", fg=color, bold=True)
    for says in report["says"]:
        yield click.style(f"  - {_(says)}", fg=color)
    rows = [*_rows(report)]
    width = max(_columns(label) for label, _says in rows)
    yield ""
    for label, says in rows:
        yield f"{label}{' ' * (width - _columns(label))}  {says}"


def _rows(report: dict[str, Any]) -> Iterator[Row]:
    yield _("Website"), _web(report["web"])
    if report["dispatcher"]:
        yield _("Dispatcher"), _dispatcher(report["dispatcher"]["listens"])
    yield from _database(report["database"])
    for disk in report["disks"]:
        free, total = _size(disk["free_bytes"]), _size(disk["total_bytes"])
        words = _("{free} of {total} free at {folder}")
        yield _("Disk"), words.format(free=free, total=total, folder=disk["folder"])
    if report["mail"]:
        yield from _mail(report["mail"])
    for label, key in ((_("Accounts"), "accounts"), (_("Posts"), "posts")):
        if report[key] is not None:
            yield label, _number(report[key])
    if report["all_posts_indexed"] is False:
        yield _("Search"), _("doesn't find older posts; run: microblog search rebuild")
    if report["reports"]:
        yield _("Reports"), _("{count} open").format(count=_number(report["reports"]["open"]))


def _web(web: dict[str, Any]) -> str:
    if web["url"] is None:
        return _("not asked: PUBLIC_URL is not set")
    if web["answers"]:
        return _("{url} answers").format(url=web["url"])
    reason = web["says"]
    return _("{url} does not answer: {reason}").format(url=web["url"], reason=_(reason))


def _dispatcher(listens: bool | None) -> str:
    if listens is None:
        return _("on any machine; whether one runs shows by the mail that leaves")
    return _("runs") if listens else _("does not run")


def _database(database: dict[str, Any]) -> Iterator[Row]:
    kind = _KINDS[database["kind"]]
    reason = database.get("says")
    if reason is not None:
        words = _("{kind}, cannot be used: {reason}")
        yield _("Database"), words.format(kind=kind, reason=_(reason))
    else:
        words = _("{kind}, {size}, version {version} of the schema")
        version = database["schema"] or "-"
        yield _("Database"), words.format(kind=kind, size=_size(database["bytes"]), version=version)
    yield "", database["place"]


def _mail(mail: dict[str, Any]) -> Iterator[Row]:
    waiting = [*_waiting(mail["waiting"])] or [_("nothing waits")]
    labels = iter([_("Mail")])
    for says in waiting:
        yield next(labels, ""), says
    if mail["server_trouble"]:
        trouble = mail["server_trouble"]
        words = _("the mail server has accepted nothing since {when}; it says: {answer}")
        yield "", words.format(when=_moment(trouble["since"]), answer=trouble["answer"])
    if mail["last_sent"]:
        words = _("last sent: {when}, {ago}")
        ago = _duration(_age(mail["last_sent"]), ago=True)
        yield "", words.format(when=_moment(mail["last_sent"]), ago=ago)
    words = _("last 24 hours: sent {sent}, failed {failed}, expired {expired}")
    ended = mail["last_24_hours"]
    sent, failed, expired = (_number(ended.get(one, 0)) for one in ("sent", "dead", "expired"))
    yield "", words.format(sent=sent, failed=failed, expired=expired)


def _waiting(lanes: dict[str, Any]) -> Iterator[str]:
    for lane, there in lanes.items():
        if there["messages"]:
            words = _("waiting, {lane}: {count}, the oldest for {duration}")
            yield words.format(
                lane=_(_LANES[lane]),
                count=_number(there["messages"]),
                duration=_duration(there["oldest_seconds"]),
            )


def _number(number: int) -> str:
    return str(format_decimal(number, locale=terminals_language()))


def _size(size: int) -> str:
    language = terminals_language()
    value, unit = (size / 1e9, "gigabyte") if size >= 1e9 else (size / 1e6, "megabyte")
    return str(format_unit(round(value, 1), f"digital-{unit}", "short", locale=language))


def _age(moment: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()


def _duration(seconds: float, *, ago: bool = False) -> str:
    passed = timedelta(seconds=-seconds if ago else seconds)
    language = terminals_language()
    return str(format_timedelta(passed, add_direction=ago, locale=language, threshold=2))


def _moment(moment: str) -> str:
    when = datetime.fromisoformat(moment)
    said = format_datetime(when, "yyyy-MM-dd HH:mm", tzinfo=UTC, locale=terminals_language())
    return f"{said} UTC"


def _columns(text: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
