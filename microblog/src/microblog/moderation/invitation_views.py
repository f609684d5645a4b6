"""The page behind an invitation, and the list of invitations for administrators. HTTP only."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, Flask, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from microblog.accounts.pages.blueprint import for_strangers
from microblog.accounts.pages.registration import answer_registration, say_closed
from microblog.admin.blueprint import blueprint as admin
from microblog.admin.blueprint import log_action
from microblog.database import MAX_ID, db, transaction
from microblog.moderation import invitations
from microblog.moderation.forms import InvitationForm
from microblog.moderation.invitations import State, state_of
from microblog.moderation.labels import STATES, WHY_USELESS
from microblog.moderation.models import Invitation
from microblog.web.links import parse_id, public_link
from microblog.web.ratelimits import limit_posts
from microblog.web.scope import current_scope
from microblog.web.secret_links import SecretLink, add_secret_links

JOIN_LINK = SecretLink("invitations.join", "/join/", bad_page="moderation/bad_invitation.html")

blueprint = Blueprint("invitations", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
    add_secret_links(app, JOIN_LINK)


@blueprint.route("/join/<token>", methods=["GET", "POST"])
@limit_posts
@for_strangers
def join(token: str) -> str | Response | tuple[str, int]:
    """The form for making an account, for whoever has the link of an invitation."""
    if current_app.config["REGISTRATION"] == "closed":
        return say_closed()
    return JOIN_LINK.open(token, _find, _answer)


def join_link(secret: str) -> str:
    """The address that people are invited with."""
    return public_link("invitations.join", token=secret)


@admin.route("/invitations", methods=["GET", "POST"])
@limit_posts
def invite() -> str:
    """List the invitations, and make one. Its link is shown by this answer alone."""
    form, link = InvitationForm(), None
    if form.validate_on_submit():
        with transaction() as writing:
            made, secret = invitations.make_invitation(
                writing,
                current_scope(),
                made_by_id=current_user.user.id,
                uses=int(form.uses.data),
                lasts=form.duration,
                note=form.note.data,
            )
        log_action(f"made the invitation {made.id}, for {made.uses_maximum} people")
        link = join_link(secret)
    before = parse_id(request.args.get("before"))
    found = invitations.list_invitations(
        db.session,
        before=MAX_ID if before is None else before,
        count=invitations.PAGE_SIZE + 1,
    )
    shown = found[: invitations.PAGE_SIZE]
    now = current_scope().now
    return render_template(
        "moderation/invitations.html",
        form=form,
        link=link,
        invitations=[(one, state_of(one, now=now)) for one in shown],
        states=STATES,
        is_open=State.OPEN,
        older=shown[-1].id if len(found) > len(shown) else None,
        registration=current_app.config["REGISTRATION"],
    )


@admin.post("/invitations/<int:invitation_id>/revoke")
@limit_posts
def revoke_invitation(invitation_id: int) -> Response:
    with transaction() as writing:
        revoked = invitations.revoke_invitation(
            writing, current_scope(), invitation_id, revoked_by_id=current_user.user.id
        )
    if revoked is None:
        flash(_("This invitation was already revoked."), "info")
    else:
        log_action(f"revoked the invitation {invitation_id}")
        flash(_("The link no longer works."), "success")
    return redirect(url_for("admin.invite"))


def _find(token: str) -> Invitation | None:
    return invitations.find_invitation(db.session, token)


def _answer(_token: str, invitation: Invitation) -> str | Response:
    now = current_scope().now
    if request.method == "GET" and (state := state_of(invitation, now=now)) is not State.OPEN:
        return JOIN_LINK.refuse(why=WHY_USELESS[state])
    admit = partial(invitations.use_invitation, invitation_id=invitation.id, now=now)
    # Whoever joins gets a new session, without the token.
    return answer_registration(admit)
