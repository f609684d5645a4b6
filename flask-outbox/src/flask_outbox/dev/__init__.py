"""Tools for development: a mail catcher, its inbox, and previews of every email.

    app.register_blueprint(inbox_blueprint(CaughtMail(folder)))
    app.register_blueprint(previews_blueprint(outbox, ["en", "ru"]))

`run_catcher` is the mail server that fills the folder. It needs the extra `dev`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_outbox.lazy_names import lazy_names

if TYPE_CHECKING:
    from flask_outbox.dev.catcher import CaughtMail, run_catcher
    from flask_outbox.dev.inbox import inbox_blueprint
    from flask_outbox.dev.previews import previews_blueprint

__all__ = ["CaughtMail", "inbox_blueprint", "previews_blueprint", "run_catcher"]

_NAMES = {
    "catcher": ("CaughtMail", "run_catcher"),
    "inbox": ("inbox_blueprint",),
    "previews": ("previews_blueprint",),
}

__getattr__, __dir__ = lazy_names(__name__, _NAMES)
