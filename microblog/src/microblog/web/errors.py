"""Error pages: what happened, and what to do now."""

from __future__ import annotations

from flask import Flask, current_app, g, render_template, request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from flask_outbox.database_errors import is_outage
from microblog.web.hosts import ForeignHostError
from microblog.web.request_ids import request_id

Answer = tuple[str, int] | tuple[str, int, dict[str, str]]

OUTAGE_RETRY_SECONDS = 60
"""When to try again while the database cannot be used; the page says the same in words."""


def init_app(app: Flask) -> None:
    app.register_error_handler(HTTPException, _show)
    app.register_error_handler(CSRFError, _show_csrf)
    app.register_error_handler(ForeignHostError, _show_foreign_host)


def _show(error: HTTPException) -> Answer | BaseResponse:
    """Show any HTTP error, and any unhandled exception, which Flask wraps in a 500."""
    if is_outage(getattr(error, "original_exception", None)):
        return _show_outage()
    code = error.code or 500
    if code < 400:
        return error.get_response()
    title, advice = _words(code)
    # Only a failure of the site is worth reporting by its id.
    reference = request_id() if code >= 500 else None
    return _page(code, title, advice, reference), code


def _show_outage() -> Answer:
    """The database is away, locked, full or read-only, which is no fault of this request."""
    # The page would read the account for its language and its menu. This is Flask-Login's place.
    g._login_user = current_app.login_manager.anonymous_user()  # type: ignore[attr-defined]  # noqa: SLF001
    title = _("Out of service for a moment")
    if request.method == "POST":
        advice = _(
            "Nothing was saved. Wait a minute, then reload this page: your browser sends again"
            " what you typed."
        )
    else:
        advice = _("Wait a minute, then reload this page.")
    return _page(503, title, advice), 503, {"Retry-After": str(OUTAGE_RETRY_SECONDS)}


def _show_csrf(_error: CSRFError) -> tuple[str, int]:
    title = _("This form has expired")
    advice = _(
        "You may have signed in or out since you opened it, or your browser blocks"
        " cookies. Go back, reload the page and try again."
    )
    return _page(400, title, advice), 400


def _show_foreign_host(_error: ForeignHostError) -> tuple[str, int]:
    address = current_app.config["PUBLIC_URL"]
    if address:
        advice = _(
            "This site's address is %(address)s. If you run it: the proxy must pass"
            " on the Host header.",
            address=address,
        )
    else:
        advice = _("Until PUBLIC_URL is set, this site works only at localhost.")
    return _page(400, _("Wrong address"), advice), 400


def _page(code: int, title: str, advice: str, reference: str | None = None) -> str:
    return render_template(
        "web/error.html", code=code, title=title, advice=advice, reference=reference
    )


def _words(code: int) -> tuple[str, str]:
    known = {
        400: (_("Bad request"), _("Your browser sent something that can't be read.")),
        403: (_("Not allowed"), _("You can't see this page or do this.")),
        404: (
            _("Page not found"),
            _("It may have been removed, or the address has a typo."),
        ),
        405: (
            _("This action isn't supported here"),
            _("This address works only from a form."),
        ),
        413: (_("Too large"), _("What you sent is too large. Make it smaller and try again.")),
        429: (_("Too many requests"), _("Wait a minute, then try again.")),
    }
    fallback = _("Something went wrong"), _("Try again in a little while.")
    return known.get(code, fallback)
