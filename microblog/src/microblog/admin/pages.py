"""All pages for administrators, in one blueprint."""

from __future__ import annotations

from flask import Flask
from flask_babel import lazy_gettext as _l

from flask_outbox.dashboard import status_label
from microblog.admin import account_views, lists, mail  # noqa: F401 - they add their views
from microblog.admin.accounts import states
from microblog.admin.blueprint import blueprint
from microblog.admin.labels import STATE_NAMES
from microblog.admin.lists import AdminList, add_admin_list


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
    lists.init_app(app)
    for entry in (
        AdminList(10, "admin.outbox.messages", _l("Mail"), ("admin.outbox.",)),
        AdminList(30, "admin.users", _l("Accounts"), ("admin.",)),
        AdminList(
            50, "admin.outbox.suppressed", _l("Suppressed addresses"), ("admin.outbox.lift",)
        ),
        AdminList(60, "admin.outbox.feedback", _l("What came back"), ("admin.outbox.report",)),
    ):
        add_admin_list(app, entry)
    app.jinja_env.filters["status_label"] = status_label
    app.jinja_env.globals.update(states_of=states, state_names=STATE_NAMES)
