"""Where the pages of accounts are collected, and who is sent away from some of them."""

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
    """Someone who is logged in already is sent to the first page instead."""

    @wraps(view)
    def shown(*args: Any, **kwargs: Any) -> Any:
        if current_user.is_authenticated:
            return redirect(home())
        return view(*args, **kwargs)

    return shown
