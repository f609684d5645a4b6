"""Values of an application's configuration, which may be texts, as environment variables are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

Number = TypeVar("Number", int, float)

_FLAGS = dict.fromkeys(("1", "true", "t", "yes", "y", "on"), True) | dict.fromkeys(
    ("", "0", "false", "f", "no", "n", "off", "none", "null"), False
)

Config = Mapping[str, Any]


def flag(config: Config, key: str, *, default: bool = False) -> bool:
    """A boolean. Raises ValueError for a text that is none."""
    value = config.get(key)
    if value is None:
        return default
    if not isinstance(value, str):
        return bool(value)
    known = _FLAGS.get(value.strip().lower())
    if known is None:
        raise ValueError(f"{key} is {value!r}; it must be on or off.")
    return known


def number(
    config: Config, key: str, kind: type[Number], *, least: float | None = None
) -> Number | None:
    """A number, or None if there is none. Raises ValueError if it is none, or less than `least`."""
    value = config.get(key)
    if value is None or value == "":
        return None
    try:
        found = kind(value)
    except (TypeError, ValueError):
        raise ValueError(f"{key} is {value!r}; it must be a number.") from None
    if least is not None and not found >= least:
        raise ValueError(f"{key} is {value!r}; it must be at least {least:g}.")
    return found


def words(config: Config, key: str) -> str | None:
    """A text, which JSON may have turned into a number; None if it is empty or absent."""
    value = config.get(key)
    return None if value is None or value == "" else str(value)


def items(config: Config, key: str) -> list[Any]:
    """A list, which may be a text with commas between its items."""
    value = config.get(key) or ()
    if isinstance(value, str):
        return [one for one in re.split(r"[,;\s]+", value) if one]
    return list(value)


def default_sender(config: Config) -> Any:
    """MAIL_DEFAULT_SENDER, or else the first of ADMINS, or None."""
    return config.get("MAIL_DEFAULT_SENDER") or next(iter(items(config, "ADMINS")), None)
