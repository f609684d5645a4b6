"""The pages of conversations. HTTP only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import (
    Blueprint,
    Flask,
    abort,
    flash,
    g,
    redirect,
    render_template,
    request,
    url_for,
)
from flask import Response as FlaskResponse
from flask_babel import get_timezone
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user, login_required
from werkzeug.wrappers import Response

from microblog.accounts.pages.forms import EmptyForm
from microblog.accounts.pages.verified import is_verified
from microblog.database import MAX_ID, db, transaction, utc_now
from microblog.messages import conversations
from microblog.messages.conversations import CannotWriteError, Other
from microblog.messages.forms import DeleteConversationForm, MessageForm, SendersForm
from microblog.messages.preferences import Senders, choose_senders, senders_of
from microblog.messages.rendering import bubbles
from microblog.people.relations import pictures
from microblog.web.links import parse_id
from microblog.web.ratelimits import limit_posts
from microblog.web.settings_pages import add_settings_page

blueprint = Blueprint("messages", __name__)

_COUNT = "microblog_unread_conversations"


def init_app(app: Flask) -> None:
    """Add the pages of conversations to the site."""
    app.register_blueprint(blueprint)
    add_settings_page(
        app,
        "messages.preferences",
        _l("Messages"),
        _l("Who can write to you"),
        icon="messages",
        position=58,
    )
    app.jinja_env.globals.update(can_message=can_message, unread_conversations=unread_conversations)


def unread_conversations() -> int:
    """In how many conversations the reader has something new; asked once for each page."""
    if not current_user.is_authenticated:
        return 0
    if _COUNT not in g:
        setattr(g, _COUNT, conversations.unread_count(db.session, current_user.user.id))
    return int(g.get(_COUNT))


def can_message(username: str) -> bool:
    """Whether the reader may write to the person with this user name."""
    if not is_verified():
        return False
    other = conversations.find_other(db.session, _reader(), username)
    return other is not None and conversations.may_write(db.session, other)


@blueprint.get("/messages")
@login_required
def index() -> str:
    found = conversations.list_conversations(db.session, _reader(), _before())
    digests = pictures(db.session, {entry.user.id for entry in found.entries})
    return render_template("messages/index.html", found=found, pictures=digests)


@blueprint.route("/messages/<username>", methods=["GET", "POST"])
@limit_posts
@login_required
def conversation(username: str) -> str | Response | tuple[str, int]:
    form = MessageForm()
    if form.validate_on_submit():
        try:
            with transaction() as writing:
                conversations.write(writing, _reader(), username, form.message.data, now=utc_now())
        except CannotWriteError:
            form.message.errors = [_("You can't write to this person.")]
        else:
            return redirect(url_for("messages.conversation", username=username, _anchor="latest"))
    other = _read(username)
    if other is not None:
        return _page(other, form)
    if not form.is_submitted():
        abort(404)
    # What was typed stays, and tells nothing of why.
    form.message.errors = [_("You can't write to this person.")]
    return render_template("messages/unsent.html", form=form), 404


@blueprint.get("/messages/<username>/newer")
@login_required
def newer(username: str) -> FlaskResponse:
    """A part of a page: the messages after the one with the id in `after`."""
    other = _find(username)
    own = None if other.is_blocked else other.own
    after = parse_id(request.args.get("after")) or 0
    found = conversations.list_newer(db.session, own, after) if own else []
    shown = found[0] if found and found[0].id == after else None
    fresh = found[1:] if shown else found
    seen_through = other.theirs.read_through_id if other.theirs else 0
    # Drawn first: what was read is read anew after a transaction.
    html = render_template(
        "messages/newer.html",
        other=other,
        form=EmptyForm(),
        bubbles=bubbles(fresh, _reader(), seen_through=seen_through, now=_now(), shown=shown),
    )
    if fresh and own and fresh[-1].id > own.read_through_id:
        conversation_id, through_id = own.conversation_id, fresh[-1].id
        with transaction() as writing:
            conversations.mark_read(writing, _reader(), conversation_id, through_id=through_id)
    answer = FlaskResponse(html)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.post("/messages/<username>/delete/<int:message_id>")
@limit_posts
@login_required
def delete_message(username: str, message_id: int) -> Response:
    if EmptyForm().validate_on_submit():
        with transaction() as writing:
            deleted = conversations.delete_message(writing, _reader(), message_id, now=utc_now())
        if not deleted:
            abort(404)
        flash(_("Your message was deleted."), "success")
    return redirect(url_for("messages.conversation", username=username))


@blueprint.route("/messages/<username>/delete", methods=["GET", "POST"])
@limit_posts
@login_required
def delete_conversation(username: str) -> str | Response:
    """Ask first, since deleted messages don't come back."""
    other = _find(username)
    own = other.own or abort(404)
    form = DeleteConversationForm(through=own.last_message_id)
    if form.validate_on_submit():
        through_id = parse_id(form.through.data) or 0
        with transaction() as writing:
            conversations.delete_conversation(
                writing, _reader(), other.user.id, through_id=through_id
            )
        flash(_("The conversation was deleted."), "success")
        return redirect(url_for("messages.index"))
    return render_template("messages/delete_conversation.html", other=other, form=form)


@blueprint.route("/settings/messages", methods=["GET", "POST"])
@limit_posts
@login_required
def preferences() -> str | Response:
    form = SendersForm(senders=senders_of(db.session, _reader()).value)
    if form.validate_on_submit():
        with transaction() as writing:
            choose_senders(writing, _reader(), Senders(form.senders.data))
        flash(_("Your changes have been saved."), "success")
        return redirect(url_for("messages.preferences"))
    return render_template("messages/preferences.html", form=form)


def _read(username: str) -> Other | None:
    """The other person, once the newest messages are marked as read, which the page will show."""
    other = conversations.find_other(db.session, _reader(), username)
    own = other.own if other and not other.is_blocked else None
    if own is None or "before" in request.args or own.last_message_id <= own.read_through_id:
        return other
    conversation_id, through_id = own.conversation_id, own.last_message_id
    with transaction() as writing:
        conversations.mark_read(writing, _reader(), conversation_id, through_id=through_id)
    return conversations.find_other(db.session, _reader(), username)


def _page(other: Other, form: MessageForm) -> str:
    page = conversations.list_messages(
        db.session, None if other.is_blocked else other.own, _before()
    )
    seen_through = other.theirs.read_through_id if other.theirs else 0
    values: dict[str, Any] = {
        "can_write": conversations.may_write(db.session, other),
        "gets_no_answer": senders_of(db.session, _reader()) is Senders.NOBODY,
    }
    return render_template(
        "messages/conversation.html",
        other=other,
        page=page,
        bubbles=bubbles(page.messages, _reader(), seen_through=seen_through, now=_now()),
        form=form,
        **values,
    )


def _find(username: str) -> Other:
    """The other person, or 404 if the reader sees no conversation with them."""
    return conversations.find_other(db.session, _reader(), username) or abort(404)


def _reader() -> int:
    return int(current_user.user.id)


def _now() -> datetime:
    return utc_now().astimezone(get_timezone())


def _before() -> int:
    return parse_id(request.args.get("before")) or MAX_ID
