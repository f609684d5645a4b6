"""The pages of one's own profile: its text and its picture. HTTP only."""

from __future__ import annotations

from typing import Any

from flask import (
    Blueprint,
    Flask,
    abort,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask import Response as FlaskResponse
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user, login_required
from werkzeug.wrappers import Response

from microblog.accounts.actions.registration import TakenError
from microblog.accounts.display_names import (
    DISPLAY_NAME_MAXIMUM,
    DisplayNameError,
    DisplayNameProblem,
)
from microblog.accounts.models import User
from microblog.accounts.pages.forms import EmptyForm, why_taken
from microblog.accounts.pages.reader import reader_id
from microblog.database import db, transaction
from microblog.people import profiles
from microblog.people.forms import PictureForm, ProfileForm
from microblog.people.models import Profile
from microblog.people.pictures import MIMETYPE, PictureError, read_picture
from microblog.web.ratelimits import limit_posts
from microblog.web.settings_pages import add_settings_page

blueprint = Blueprint("profiles", __name__)

UPLOAD_MAXIMUM_BYTES = 32 * 1024 * 1024
"""A picture over its own limit and under this one is still read, so that the form can show why it
is refused."""

UPLOAD_PARTS_MAXIMUM = 5
UPLOAD_HEAD_MAXIMUM_BYTES = 128 * 1024
"""Of the parts' headers and fields, which are costly to parse; the file itself is not."""


def init_app(app: Flask) -> None:
    app.url_value_preprocessor(_allow_upload)
    add_settings_page(
        app,
        "profiles.edit",
        _l("Profile"),
        _l("Name, picture, about you"),
        icon="you",
        position=10,
    )


def _allow_upload(endpoint: str | None, _values: Any) -> None:
    """Raise the limits of a signed-in person's upload, before the form is read."""
    if endpoint == "profiles.edit_picture" and current_user.is_authenticated:
        request.max_content_length = UPLOAD_MAXIMUM_BYTES
        request.max_form_parts = UPLOAD_PARTS_MAXIMUM
        request.max_form_memory_size = UPLOAD_HEAD_MAXIMUM_BYTES


@blueprint.route("/edit_profile", methods=["GET", "POST"])
@limit_posts
@login_required
def edit() -> str | Response:
    user = current_user.user
    profile = profiles.find_profile(db.session, user.id)
    form = _profile_form(profile)
    if form.validate_on_submit():
        try:
            with transaction() as writing:
                own = writing.get_one(User, user.id)
                profiles.change_profile(
                    writing,
                    own,
                    display_name=form.display_name.data or "",
                    username=form.username.data,
                    about_me=form.about_me.data or "",
                )
        except TakenError as error:
            form.username.errors = [why_taken(error)]
        except DisplayNameError as error:
            form.display_name.errors = [_display_name_problems()[error.problem]]
        else:
            flash(_("Your changes have been saved."), "success")
            return redirect(url_for("people.profile", username=form.username.data))
    return _page(form, PictureForm(formdata=None))


@blueprint.route("/edit_profile/picture", methods=["GET", "POST"])
@limit_posts
@login_required
def edit_picture() -> str | Response:
    if request.method == "GET":
        # The address of a page that shows an error, when it is opened again.
        return redirect(url_for("profiles.edit"))
    file = request.files.get("picture")
    form = PictureForm()
    if form.validate_on_submit():
        try:
            picture = read_picture(file.stream) if file else None
        except PictureError as error:
            form.picture.errors = [_reasons()[error.reason]]
        else:
            if picture is None:
                form.picture.errors = [_("Choose a file first.")]
            else:
                with transaction() as writing:
                    profiles.set_picture(writing, current_user.user.id, picture)
                flash(_("Your picture was changed."), "success")
                return redirect(url_for("profiles.edit"))
    return _page(None, form)


@blueprint.post("/edit_profile/picture/remove")
@limit_posts
@login_required
def remove_picture() -> Response:
    if EmptyForm().validate_on_submit():
        with transaction() as writing:
            profiles.remove_picture(writing, current_user.user.id)
        flash(_("Your picture was removed."), "success")
    return redirect(url_for("profiles.edit"))


@blueprint.get("/picture/<int:user_id>/<digest>")
def picture(user_id: int, digest: str) -> FlaskResponse:
    content = profiles.find_picture(db.session, user_id, digest, reader_id()) or abort(404)
    response = FlaskResponse(content, mimetype=MIMETYPE)
    # The digest names the content, so it never changes; but the account may be hidden or deleted.
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response


def _page(form: ProfileForm | None, picture_form: PictureForm) -> str:
    user = current_user.user
    profile = profiles.find_profile(db.session, user.id)
    if form is None:
        form = _profile_form(profile, formdata=None)
    return render_template(
        "people/edit_profile.html", form=form, picture_form=picture_form, profile=profile
    )


def _profile_form(profile: Profile, **options: Any) -> ProfileForm:
    user = current_user.user
    return ProfileForm(
        username=user.username,
        display_name=user.display_name,
        about_me=profile.about_me,
        **options,
    )


def _display_name_problems() -> dict[DisplayNameProblem, str]:
    return {
        DisplayNameProblem.LENGTH: _("Use at most %(num)d characters.", num=DISPLAY_NAME_MAXIMUM),
        DisplayNameProblem.HIDDEN: _("Remove the characters that can't be shown."),
        DisplayNameProblem.AT_SIGN: _("A display name can't contain @."),
        DisplayNameProblem.USERNAME: _("This is someone else's username."),
    }


def _reasons() -> dict[str, str]:
    return {
        "large": _("The picture is too large. Use at most 4 MB and 20 megapixels (JPEG: 40)."),
        "unknown": _("Use a picture in JPEG, PNG, GIF or WebP."),
        "broken": _("This picture can't be read. It may be damaged."),
        "costly": _(
            "This picture takes too long to read. Save it again with another program, and upload"
            " that."
        ),
        "busy": _("Too many pictures are being uploaded right now. Try again in a minute."),
    }
