"""The page where people choose what they are emailed. HTTP only."""

from __future__ import annotations

from flask import Flask, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user, login_required
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from flask_outbox import current_outbox
from flask_outbox.operations import ALL_LISTS, opt_in, opt_outs_of
from microblog.accounts.models import User
from microblog.database import db, transaction, utc_now
from microblog.notifications import email_preferences
from microblog.notifications.bundles import SILENCE
from microblog.notifications.email_forms import EmailsForm
from microblog.notifications.models import EmailPreference
from microblog.notifications.views import blueprint
from microblog.web.languages import current_language, reader_zone
from microblog.web.ratelimits import limit_posts
from microblog.web.settings_pages import add_settings_page
from microblog.web.time_zones import city, usual_zone


def init_app(app: Flask) -> None:
    """Add the page to the list of settings."""
    add_settings_page(
        app,
        "notifications.choose_emails",
        _l("Updates by email"),
        _l("What we email you, and when"),
        icon="mail",
        position=59,
    )


@blueprint.route("/settings/emails", methods=["GET", "POST"])
@limit_posts
@login_required
def choose_emails() -> str | Response:
    user = current_user.user
    preference = db.session.get(EmailPreference, user.id)
    form = EmailsForm(email_preferences.choice_of(preference))
    zone = reader_zone()
    if form.validate_on_submit():
        with transaction() as writing:
            email_preferences.choose(
                writing,
                user.id,
                form.choice,
                zone=zone,
                locale=current_language(),
                now=utc_now(),
            )
            if form.choice.wants_any and _has_left(writing, user):
                lists = current_outbox().lists
                opt_in(writing, user.email_key, email_preferences.LIST, lists=lists)
        flash(_("Your changes have been saved."), "success")
        return redirect(url_for("notifications.choose_emails"))
    return render_template(
        "notifications/emails.html",
        form=form,
        has_left=_has_left(db.session, user),
        stopped_at=preference.stopped_at if preference else None,
        silent_days=SILENCE.days,
        place=city(usual_zone(zone), current_language()) if zone else "UTC",
    )


def _has_left(session: Session, user: User) -> bool:
    """Whether this reader ended the emails, and not only a pause after bounces did.

    Whoever only claims an address learns nothing of what its reader wanted, and takes nothing back.
    """
    if user.email_verified_at is None:
        return False
    ended = opt_outs_of(session, user.email_key, now=utc_now().timestamp())
    lists = {ALL_LISTS, email_preferences.LIST}
    return any(one.list in lists and one.until is None for one in ended)
