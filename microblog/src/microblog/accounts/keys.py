"""The keys that sign mailed links, from the application's configuration."""

from __future__ import annotations

from flask import current_app

from microblog.accounts.tokens import Keys


def token_keys() -> Keys:
    """Return the keys for tokens. Raises RuntimeError if SECRET_KEY is not set."""
    current = current_app.config["SECRET_KEY"]
    if not current:
        raise RuntimeError("SECRET_KEY is not set, so no link can be signed.")
    return Keys(current, current_app.config["SECRET_KEY_FALLBACKS"] or ())
