"""The pages about mail at /admin/mail: the library's dashboard under the site's look."""

from __future__ import annotations

from flask import redirect, url_for
from werkzeug.wrappers import Response

from flask_outbox import dashboard
from microblog.admin.blueprint import blueprint, is_administrator, log_action
from microblog.web.ratelimits import limit_posts_to

mail = dashboard.blueprint(
    authorize=is_administrator, layout="admin/mail.html", navigation=False, log=log_action
)
limit_posts_to(mail)
blueprint.register_blueprint(mail, url_prefix="/mail")


@blueprint.get("/")
def first() -> Response:
    return redirect(url_for("admin.outbox.messages"))
