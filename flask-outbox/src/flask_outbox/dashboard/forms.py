"""What an operator may search for, as arguments of a page's address, so that a result has one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from flask_outbox.operations.messages import WAITING_STATUS, Search
from flask_outbox.outbox.models import Status
from flask_outbox.page_texts import gettext as _
from flask_outbox.page_texts import ngettext

TEXT_MAXIMUM = 320

_FIELDS = ("address", "status", "kind", "since", "until")
_FORMATS = ("%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d")
_CURSOR = re.compile(r"(\d{1,11}(?:\.\d{1,9})?)-(\d{1,18})", re.ASCII)


@dataclass
class SearchForm:
    """What was typed or chosen, by field, and what is wrong with it, in the reader's language."""

    typed: dict[str, Any]
    errors: dict[str, str] = field(default_factory=dict)
    since: float | None = None
    until: float | None = None
    before: tuple[float, int] | None = None

    def has_times(self) -> bool:
        """Whether a moment was typed, right or wrong."""
        return bool(self.typed.keys() & {"since", "until"})

    def wanted(self) -> Search:
        """The search. Only for a form without errors."""
        return Search(
            text=self.typed.get("address"),
            status=self.typed.get("status"),
            kind=self.typed.get("kind"),
            since=self.since,
            until=self.until,
            before=self.before,
        )


def read_search(given: Mapping[str, str], kinds: Iterable[str], zone: tzinfo) -> SearchForm:
    """Read a search for messages; `zone` is the one in which the reader sees and types moments."""
    form = SearchForm(_typed(given, _FIELDS))
    typed = form.typed
    _check_text(form)
    choices = {"status": {WAITING_STATUS, *Status}, "kind": set(kinds)}
    for name, known in choices.items():
        if typed.get(name) and typed[name] not in known:
            form.errors[name] = _("Choose one from the list.")
    form.since, form.until = _moment(form, "since", zone), _moment(form, "until", zone)
    if form.since is not None and form.until is not None and form.until <= form.since:
        form.errors["until"] = _("Choose an end after the start.")
    cursor = _CURSOR.fullmatch(given.get("before", ""))
    form.before = (float(cursor[1]), int(cursor[2])) if cursor else None
    return form


def read_address(given: Mapping[str, str]) -> SearchForm:
    """Read a search for suppressed addresses."""
    form = SearchForm(_typed(given, ("address",)))
    _check_text(form)
    return form


def without_nul(text: str) -> str:
    """The text without NULs, which no database can hold."""
    return text.replace("\0", "")


def _typed(given: Mapping[str, str], names: Iterable[str]) -> dict[str, Any]:
    texts = {name: given.get(name, "").strip() for name in names}
    return {name: text for name, text in texts.items() if text}


def _check_text(form: SearchForm) -> None:
    text = form.typed.get("address", "")
    if len(text) > TEXT_MAXIMUM:
        form.errors["address"] = ngettext(
            "Use at most %(num)d character.", "Use at most %(num)d characters.", TEXT_MAXIMUM
        )
    elif not text.isprintable():
        form.errors["address"] = _("Remove the characters that can't be shown.")


def _moment(form: SearchForm, name: str, zone: tzinfo) -> float | None:
    """A moment to the minute as Unix time; a day alone means its beginning."""
    text = form.typed.get(name)
    if text is None:
        return None
    for pattern in _FORMATS:
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=zone).timestamp()
        except (ValueError, OverflowError):
            continue
    form.errors[name] = _("Enter a date and time like 2026-02-28 13:30.")
    return None
