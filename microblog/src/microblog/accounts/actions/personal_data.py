"""Where the other parts of the site say what they hold about people: to export, and to erase.

Accounts know nothing of what is built on them. Whatever refers to `users` with ON DELETE CASCADE is
deleted with the account; a part need only erase what may be too much for one transaction, or lies
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
    """What one part of the site holds.

    `collect` returns it for the account with this number: names with values that JSON can hold,
    which become members of the export. `erase` removes one batch, and says whether there may be
    more.
    """

    collect: Callable[[Session, int], dict[str, Any]]
    erase: Callable[[Session, int], bool] = _nothing_more


def add_personal_data(app: Flask, part: PersonalData) -> None:
    app.extensions.setdefault(EXTENSION, []).append(part)


def personal_data() -> list[PersonalData]:
    """What the parts of the current application told."""
    parts: list[PersonalData] = current_app.extensions.get(EXTENSION, [])
    return parts
