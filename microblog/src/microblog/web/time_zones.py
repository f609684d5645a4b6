"""The time zones that people choose from: by continent, with the names of their own language."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from functools import cache

from babel import Locale
from babel.core import get_global
from flask_babel import gettext as _

from microblog.web.languages import time_zones

_TERRITORIES = {
    "Africa": "002",
    "America": "019",
    "Antarctica": "AQ",
    "Arctic": "150",
    "Asia": "142",
    "Australia": "009",
    "Europe": "150",
    "Pacific": "009",
}
"""The continents that the first parts of zones' names stand for, as numbers of UN M49."""


def zone_groups(language: str) -> dict[str, list[tuple[str, str]]]:
    """Each zone with its city by continent, in alphabetical order; what is nowhere comes last."""
    groups: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for part, zones in _zones(language).items():
        groups[_place(part, language)] += zones
    nowhere = {_("Other"): groups.pop(_("Other"))}
    ordered = {**dict(sorted(groups.items())), **nowhere}
    return {place: sorted(zones, key=_by_city) for place, zones in ordered.items()}


def city(zone: str, language: str) -> str:
    """The city that a zone is named after."""
    if zone.startswith(("Etc/GMT+", "Etc/GMT-")):
        # The signs of these names are those of POSIX: west is positive.
        return zone.removeprefix("Etc/").translate(str.maketrans("+-", "−+")).replace("GMT", "UTC")
    known = Locale.parse(language).time_zones
    names = (known[name].get("city") for name in (zone, *_aliases()[zone]) if name in known)
    return next(filter(None, names), zone.rpartition("/")[2].replace("_", " "))


def usual_zone(zone: str) -> str:
    """The name of a zone that is offered, for any of its names."""
    usual = get_global("zone_aliases").get(zone, zone)
    return usual if usual in time_zones() else zone


@cache
def _zones(language: str) -> dict[str, list[tuple[str, str]]]:
    found = defaultdict(list)
    for zone in {usual_zone(name) for name in time_zones() if "/" in name}:
        found[zone.partition("/")[0]].append((zone, city(zone, language)))
    return found


def _place(part: str, language: str) -> str:
    if part in _TERRITORIES:
        return str(Locale.parse(language).territories[_TERRITORIES[part]])
    return {"Atlantic": _("Atlantic Ocean"), "Indian": _("Indian Ocean")}.get(part, _("Other"))


def _by_city(choice: tuple[str, str]) -> str:
    letters = unicodedata.normalize("NFD", choice[1]).casefold()
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


@cache
def _aliases() -> dict[str, list[str]]:
    names = defaultdict(list)
    for alias, zone in get_global("zone_aliases").items():
        names[zone].append(alias)
    return names
