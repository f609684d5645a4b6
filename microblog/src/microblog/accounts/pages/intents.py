"""What a person wanted to do before their address was verified, kept in the browser until it is.

The session is signed, but whoever can plant cookies could plant one of another account: what was
kept counts only for the account that kept it.
"""

from __future__ import annotations

from typing import Any

from flask import session
from flask_login import current_user

PAGE = "page"
"""The path of the page that the person came from."""

PAGE_MAXIMUM = 200
"""Letters of a path that fit the cookie beside all else."""

_KEY = "intents"
_OWNER = "user"


def keep_intent(name: str, value: Any) -> None:
    """Keep what the visitor wants to do, in place of what was kept by this name."""
    session[_KEY] = {**_kept(), _OWNER: current_user.user.id, name: value}


def kept_intent(name: str) -> Any | None:
    """Return what was kept by this name, if anything."""
    return _kept().get(name)


def forget_intent(name: str) -> None:
    """Forget what was kept by this name, once it is done or no longer wanted."""
    kept = _kept()
    if name in kept:
        del kept[name]
        session[_KEY] = kept


def has_intents() -> bool:
    """Whether the visitor wanted to do something on the first page, which sees to it."""
    return bool(_kept().keys() - {_OWNER})


def forget_intents() -> None:
    """Forget all of it: the next person in this browser may be somebody else."""
    session.pop(_KEY, None)


def _kept() -> dict[str, Any]:
    kept = session.get(_KEY, {})
    owner = current_user.user.id if current_user.is_authenticated else None
    return dict(kept) if kept.get(_OWNER) == owner else {}
