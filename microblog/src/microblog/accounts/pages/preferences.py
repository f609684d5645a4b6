"""The pages where people choose a language and a time zone. HTTP only."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Flask, abort, flash, redirect, render_template, request, url_for
from flask_babel import force_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from flask_login import current_user, login_required
from werkzeug.wrappers import Response
from wtforms import SelectField, SubmitField

from microblog.accounts.actions import preferences
from microblog.database import transaction
from microblog.web.cookies import set_cookie
from microblog.web.forms import Form
from microblog.web.languages import (
    LANGUAGE_COOKIE,
    browser_zone,
    current_language,
    reader_zone,
)
from microblog.web.links import safe_next
from microblog.web.settings_pages import add_settings_page
from microblog.web.supported_languages import LANGUAGES, NAMES
from microblog.web.time_zones import city, usual_zone, zone_groups

CHOSEN_FOR = timedelta(days=365)

blueprint = Blueprint("preferences", __name__)


class PreferencesForm(Form):
    language = SelectField(_l("Language"))
    time_zone = SelectField(_l("Time zone"), filters=[lambda zone: zone and usual_zone(zone)])
    submit = SubmitField(_l("Save"))


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
    add_settings_page(
        app,
        "preferences.choose",
        _l("Language and time"),
        LazyString(_language_and_zone),
        icon="globe",
        position=60,
    )


@blueprint.route("/settings/language", methods=["GET", "POST"])
@login_required
def choose() -> str | Response:
    user = current_user.user
    form = PreferencesForm(language=user.locale or "", time_zone=user.time_zone or "")
    as_browser = _("Same as my browser")
    form.language.choices = [("", as_browser), *NAMES.items()]
    language, zone = current_language(), browser_zone()
    if zone:
        as_browser = _("Same as my browser: %(city)s", city=city(usual_zone(zone), language))
    form.time_zone.choices = {_("Automatic"): [("", as_browser)], **zone_groups(language)}
    if form.validate_on_submit():
        with transaction() as writing:
            preferences.choose_language(writing, user.id, form.language.data or None)
            preferences.choose_time_zone(writing, user.id, form.time_zone.data or None)
        return _said(redirect(url_for("preferences.choose")), form.language.data)
    return render_template("accounts/preferences.html", form=form)


@blueprint.route("/language/<language>", methods=["GET", "POST"])
def speak(language: str) -> Response:
    """Choose a language for this browser only: at the end of strangers' pages.

    A form that comes with it is sent on to its page, which shows it again.
    """
    if language not in LANGUAGES:
        abort(404)
    code = 307 if request.method == "POST" else 302
    return _remembered(redirect(safe_next(request.args.get("next")), code), language)


def _language_and_zone() -> str:
    language, zone = current_language(), reader_zone()
    place = city(usual_zone(zone), language) if zone else "UTC"
    return _("%(language)s, %(zone)s", language=NAMES[language], zone=place)


def _said(answer: Response, language: str) -> Response:
    """Confirm the choice in the language that was just chosen."""
    with force_locale(language or LANGUAGES[0]):
        flash(_("Your changes have been saved."), "success")
    return _remembered(answer, language)


def _remembered(answer: Response, language: str) -> Response:
    """Remember the choice in a cookie, for pages without a visitor as well."""
    set_cookie(answer, LANGUAGE_COOKIE, language, CHOSEN_FOR if language else timedelta(0))
    return answer
