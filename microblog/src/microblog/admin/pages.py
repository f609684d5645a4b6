"""All pages for administrators, in one blueprint."""

from __future__ import annotations

from flask import Flask

from flask_outbox.dashboard import status_label
from microblog.admin import account_views, mail  # noqa: F401 - they add their views
from microblog.admin.accounts import states
from microblog.admin.blueprint import blueprint
from microblog.admin.labels import STATE_NAMES


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
    app.jinja_env.filters["status_label"] = status_label
    app.jinja_env.globals.update(states_of=states, state_names=STATE_NAMES)
