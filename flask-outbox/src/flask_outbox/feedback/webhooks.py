"""What the webhooks of all providers share: what is stored of one, and why one is refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook whose sender proved who it is, as it is stored.

    `event_id` is the same however often the provider sends it. It is worked off from `due_at` on
    (Unix time); None is at once.
    """

    event_id: str
    content: bytes
    due_at: float | None = None


class NotAuthenticError(Exception):
    """Nobody knows who sent it. Its text is for the operator's log, and quotes nothing of it."""


class UnavailableError(Exception):
    """What is needed to know who sent it cannot be had now: the provider is to send it again."""


def json_object(content: bytes) -> dict[str, Any] | None:
    """The object of a JSON text; None if it is something else."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def text_of(found: Any, name: str) -> str:
    """A text in an object; empty if there is none."""
    value = found.get(name) if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""


def objects_of(found: Any, name: str) -> list[dict[str, Any]]:
    """The objects of a list in an object."""
    value = found.get(name) if isinstance(found, dict) else None
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def texts_of(found: Any, name: str) -> list[str]:
    """The texts of a list in an object."""
    value = found.get(name) if isinstance(found, dict) else None
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
