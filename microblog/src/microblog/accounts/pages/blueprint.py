"""The blueprint of the pages of accounts, and pages that are for strangers alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, redirect
from flask_login import current_user

from microblog.web.links import home

View = Callable[..., Any]

blueprint = Blueprint("accounts", __name__)


def for_strangers(view: View) -> View:
    """Redirect visitors who are logged in to the first page."""

    @wraps(view)
    def shown(*args: Any, **kwargs: Any) -> Any:
        if current_user.is_authenticated:
            return redirect(home())
        return view(*args, **kwargs)

    return shown
