"""All pages for administrators, in one blueprint."""

from __future__ import annotations

from flask import Flask
from flask_babel import format_decimal

from microblog.admin import account_views, mail_views  # noqa: F401 - they add their views
from microblog.admin.accounts import states
from microblog.admin.blueprint import blueprint
from microblog.admin.labels import (
    LANE_LABELS,
    STATE_NAMES,
    STATUS_LABELS,
    STATUS_MEANINGS,
    duration,
    kind_label,
)


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
    app.jinja_env.filters.update(
        duration=duration, numberformat=format_decimal, kind_label=kind_label
    )
    app.jinja_env.globals.update(
        status_labels=STATUS_LABELS,
        status_meanings=STATUS_MEANINGS,
        lane_labels=LANE_LABELS,
        states_of=states,
        state_names=STATE_NAMES,
    )
