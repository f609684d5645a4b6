"""Values of an application's configuration, which may be texts, as environment variables are."""

from __future__ import annotations

import hmac
import math
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


def number(config: Config, key: str, kind: type[Number], *, least: float = 0) -> Number | None:
    """A number, or None if there is none.

    Raises ValueError if it is no finite number, less than `least`, or not whole where it must be.
    """
    value = config.get(key)
    if value is None or value == "":
        return None
    try:
        found = kind(value)
        is_number = math.isfinite(found) and not isinstance(value, bool)
        if isinstance(value, float) and value != found:
            is_number = False
    except (TypeError, ValueError, OverflowError):
        is_number = False
    if not is_number:
        words = "a whole number" if kind is int else "a number"
        raise ValueError(f"{key} is {value!r}; it must be {words}.") from None
    if found < least:
        raise ValueError(f"{key} is {value!r}; it must be at least {least:g}.")
    return found


def words(config: Config, key: str) -> str | None:
    """A text, which JSON may have turned into a number; None if it is empty or absent."""
    value = config.get(key)
    return None if value is None or value == "" else str(value)


def items(config: Config, key: str) -> list[Any]:
    """A list, which may be a text with commas or spaces between its items.

    Where an item has a name, as in `Ann Lee <ann@example.com>`, spaces are part of it.
    """
    value = config.get(key) or ()
    if isinstance(value, str):
        between = r"[,;]" if "<" in value else r"[,;\s]"
        return [one.strip() for one in re.split(between, value) if one.strip()]
    return list(value)


def joined(config: Config, key: str) -> str | None:
    """A text with commas, which may be a list, or a mapping for a text with `name=value`."""
    value = config.get(key)
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={one}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return words(config, key)


def default_sender(config: Config) -> Any:
    """MAIL_DEFAULT_SENDER, or else the first of ADMINS, or None."""
    return config.get("MAIL_DEFAULT_SENDER") or next(iter(items(config, "ADMINS")), None)


def derived_keys(config: Config, purpose: str) -> tuple[bytes, ...]:
    """Keys that are good for one purpose only: that of SECRET_KEY, and of SECRET_KEY_FALLBACKS.

    The first signs, and the others are only for what was signed before. None without SECRET_KEY.
    """
    current, fallbacks = config.get("SECRET_KEY"), config.get("SECRET_KEY_FALLBACKS")
    if not current:
        return ()
    is_one = isinstance(fallbacks, bytes)
    former = [fallbacks] if is_one else items(config, "SECRET_KEY_FALLBACKS")
    return tuple(_derived(one, purpose) for one in (current, *former) if one)


def _derived(secret: str | bytes, purpose: str) -> bytes:
    key = secret if isinstance(secret, bytes) else str(secret).encode()
    return hmac.digest(key, f"flask-outbox {purpose}".encode(), "sha256")
