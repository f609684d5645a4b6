"""The pages of moderation, and what it adds to other parts of the site."""

from __future__ import annotations

from flask import Flask
from flask_babel import lazy_gettext as _l

from microblog.admin.lists import AdminList, add_admin_list
from microblog.blog.removals import set_removals
from microblog.moderation import invitation_views, queue_views, report_views
from microblog.moderation.removals import removed_among


def init_app(app: Flask) -> None:
    set_removals(app, removed_among)
    invitation_views.init_app(app)
    report_views.init_app(app)
    for entry in (
        AdminList(
            20,
            "admin.reports",
            _l("Reports"),
            ("admin.remove_reported",),
            count=queue_views.count_open,
        ),
        AdminList(40, "admin.invite", _l("Invitations"), ("admin.revoke_invitation",)),
    ):
        add_admin_list(app, entry)
