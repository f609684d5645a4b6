"""The settings page of two-step sign-in: the app, and recovery codes. HTTP only."""

from __future__ import annotations

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user, login_required
from markupsafe import Markup
from werkzeug.wrappers import Response
from wtforms import StringField, SubmitField
from wtforms.validators import DataRequired, ValidationError

from flask_outbox import current_outbox
from microblog.accounts.actions import second_factors
from microblog.accounts.actions.second_factors import TooManyPasskeysError
from microblog.accounts.keys import token_keys
from microblog.accounts.models import PASSKEY_NAME_CODE_POINTS, Authenticator, User
from microblog.accounts.pages.passkeys import this_site
from microblog.accounts.pages.step_up import needs_step_up
from microblog.accounts.second_factors.authenticator import (
    begin_authenticator,
    provisioning_uri,
    read_code,
)
from microblog.accounts.second_factors.factors import factors_of
from microblog.accounts.second_factors.passkeys import (
    KnownPasskeyError,
    passkeys_of,
    registration_options,
)
from microblog.accounts.second_factors.recovery_codes import COUNT, FEW, codes_left
from microblog.accounts.second_factors.relying_party import PasskeyError, RelyingParty
from microblog.database import MAX_ID, db, transaction
from microblog.web.forms import Form, MaxLength, NoControlCharacters, strip
from microblog.web.ratelimits import limit_posts
from microblog.web.scope import current_scope
from microblog.web.settings_pages import add_settings_page

blueprint = Blueprint("second_factors", __name__)

ISSUER = "Microblog"
"""What the app shows beside the codes."""


class AuthenticatorForm(Form):
    code = StringField(
        _l("Code from the app"),
        validators=[DataRequired(_l("This field is required."))],
        render_kw={
            "autocomplete": "one-time-code",
            "inputmode": "numeric",
            "spellcheck": "false",
            "maxlength": 32,
        },
    )
    submit = SubmitField(_l("Turn on"))

    def validate_code(self, field: StringField) -> None:
        if read_code(field.data) is None:
            raise ValidationError(_("Enter the 6 digits that the app shows."))


class PasskeyForm(Form):
    name = StringField(
        _l("Name"),
        description=_l("To recognise it in the list, such as “Phone” or “Blue key”."),
        filters=[strip],
        validators=[
            DataRequired(_l("This field is required.")),
            MaxLength(PASSKEY_NAME_CODE_POINTS),
            NoControlCharacters(),
        ],
    )
    submit = SubmitField(_l("Add passkey"))


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
    add_settings_page(
        app,
        "second_factors.overview",
        _l("Two-step sign-in"),
        _l("Passkeys, app and recovery codes"),
        icon="phone",
        position=35,
    )


@blueprint.get("/settings/two_step")
@login_required
def overview() -> str:
    return _page()


@blueprint.route("/settings/two_step/app", methods=["GET", "POST"])
@limit_posts
@login_required
@needs_step_up
def add_authenticator() -> str | Response:
    user = current_user.user
    if factors_of(db.session, user.id).has_authenticator:
        return redirect(url_for("second_factors.overview"))
    form = AuthenticatorForm()
    if form.validate_on_submit():
        with transaction() as writing:
            codes = second_factors.add_authenticator(
                writing,
                current_outbox(),
                token_keys(),
                current_scope(),
                user_id=user.id,
                code=read_code(form.code.data) or "",
                begun_in=current_user.session.digest,
            )
        if codes is not None:
            flash(_("Your authenticator app is set up."), "success")
            return _page(codes) if codes else redirect(url_for("second_factors.overview"))
        form.code.errors = [_("Wrong code. Check your phone's clock, and try the app's next code.")]
    return _scan(form)


@blueprint.post("/settings/two_step/app/remove")
@limit_posts
@login_required
@needs_step_up
def remove_authenticator() -> Response:
    with transaction() as writing:
        second_factors.remove_authenticator(
            writing, current_outbox(), current_user.user.id, current_scope()
        )
    flash(_("The authenticator app no longer works for your account."), "success")
    return redirect(url_for("second_factors.overview"))


@blueprint.route("/settings/two_step/passkeys", methods=["GET", "POST"])
@limit_posts
@login_required
@needs_step_up
def add_passkey() -> str | Response:
    site, user = this_site(), current_user.user
    if site is None:
        return redirect(url_for("second_factors.overview"))
    form = PasskeyForm()
    if form.validate_on_submit():
        codes = _add_passkey(form, site, user.id)
        if codes is not None:
            flash(_("The passkey was added."), "success")
            return _page(codes) if codes else redirect(url_for("second_factors.overview"))
    with transaction() as writing:
        account = writing.get_one(User, user.id, with_for_update=True, populate_existing=True)
        now = current_scope().now
        options = registration_options(writing, token_keys(), site, account, now=now)
    return render_template("accounts/passkey.html", form=form, options=options)


@blueprint.post("/settings/two_step/passkeys/<int:passkey_id>/remove")
@limit_posts
@login_required
@needs_step_up
def remove_passkey(passkey_id: int) -> Response:
    with transaction() as writing:
        name = passkey_id <= MAX_ID and second_factors.remove_passkey(
            writing,
            current_outbox(),
            current_scope(),
            user_id=current_user.user.id,
            passkey_id=passkey_id,
        )
    if name:
        flash(_("The passkey “%(name)s” no longer works.", name=name), "success")
    else:
        flash(_("That passkey was already removed."), "info")
    return redirect(url_for("second_factors.overview"))


@blueprint.get("/settings/two_step/codes")
@login_required
def codes_shown_once() -> Response:
    """Where the address of a page with new codes leads when it is opened again."""
    return redirect(url_for("second_factors.overview"))


@blueprint.post("/settings/two_step/codes")
@limit_posts
@login_required
@needs_step_up
def renew_codes() -> str | Response:
    with transaction() as writing:
        codes = second_factors.renew_codes(
            writing, current_outbox(), current_user.user.id, current_scope()
        )
    return _page(codes) if codes else redirect(url_for("second_factors.overview"))


def _add_passkey(form: PasskeyForm, site: RelyingParty, user_id: int) -> list[str] | None:
    """Return new recovery codes, if any; None with the form's error if it could not be added."""
    try:
        with transaction() as writing:
            return second_factors.add_passkey(
                writing,
                current_outbox(),
                token_keys(),
                current_scope(),
                site=site,
                user_id=user_id,
                answer=request.form.get("passkey", ""),
                name=form.name.data,
            )
    except KnownPasskeyError:
        words = _("This passkey was already added.")
    except TooManyPasskeysError:
        words = _("Your account has as many passkeys as it can. Remove one first.")
    except PasskeyError:
        words = _("The passkey couldn't be added. Try again.")
    form.name.errors = [words]
    return None


def _page(codes: list[str] | None = None) -> str:
    """The page; with `codes`, new recovery codes, which are shown this once."""
    user_id = current_user.user.id
    factors = factors_of(db.session, user_id)
    return render_template(
        "accounts/second_factors.html",
        factors=factors,
        app=db.session.get(Authenticator, user_id) if factors.has_authenticator else None,
        left=codes_left(db.session, user_id),
        few=FEW,
        count=COUNT,
        codes=codes,
        passkeys=passkeys_of(db.session, user_id),
        allows_passkeys=this_site() is not None,
    )


def _scan(form: AuthenticatorForm) -> str | Response:
    import segno  # noqa: PLC0415 - for this page alone

    user, begun_in = current_user.user, current_user.session.digest
    with transaction() as writing:
        account = writing.get_one(User, user.id, with_for_update=True, populate_existing=True)
        secret = begin_authenticator(
            writing, token_keys(), account, begun_in=begun_in, now=current_scope().now
        )
    if secret is None:
        # Added meanwhile, in another tab.
        return redirect(url_for("second_factors.overview"))
    uri = provisioning_uri(secret, issuer=ISSUER, username=user.username)
    code = segno.make(uri, error="m")
    drawing = code.svg_inline(omitsize=True, border=4, light="#fff", dark="#000")
    groups = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
    return render_template(
        "accounts/authenticator.html",
        form=form,
        picture=Markup(drawing),  # noqa: S704 - drawn here, of squares alone
        secret=groups,
        uri=uri,
    )
