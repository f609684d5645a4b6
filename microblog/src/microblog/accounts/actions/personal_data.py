"""Where the other parts of the site register what they store about people, to export and erase it.

Accounts do not know what is built on them. Rows that refer to `users` with ON DELETE CASCADE are
deleted with the account; a part erases only what may be too much for one transaction, or is stored
elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app
from sqlalchemy.orm import Session

EXTENSION = "microblog.personal_data"


def _nothing_more(_session: Session, _user_id: int) -> bool:
    return False


@dataclass(frozen=True)
class PersonalData:
    """What one part of the site stores about people.

    `collect` returns it for the account with this id, ready for JSON, as a part of the export.
    `erase` deletes one batch, and returns whether there may be more.
    """

    collect: Callable[[Session, int], dict[str, Any]]
    erase: Callable[[Session, int], bool] = _nothing_more


def add_personal_data(app: Flask, part: PersonalData) -> None:
    app.extensions.setdefault(EXTENSION, []).append(part)


def personal_data() -> list[PersonalData]:
    """Return what the parts of the current application registered."""
    parts: list[PersonalData] = current_app.extensions.get(EXTENSION, [])
    return parts
