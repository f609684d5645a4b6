"""The email to somebody whose post was removed: what it said, and why. No preference stops it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from flask_outbox import (
    Address,
    ComposeContext,
    Discard,
    Email,
    EmailType,
    Outbox,
    email_from_templates,
)
from microblog.accounts.emails.samples import SAMPLE_MOMENT, sample_context
from microblog.accounts.models import User
from microblog.blog.models import Post
from microblog.moderation.decisions import REMOVED_KIND
from microblog.moderation.models import Removal
from microblog.web.supported_languages import gettext_noop
from microblog.web.times import moment_in_words

TOLD_WITHIN = timedelta(days=7)
"""Later, the site's mail failed for so long that the news is no longer any."""


def register(outbox: Outbox, *, sender: Address) -> None:
    """Register the email types of moderation with this outbox; `sender` is their author."""
    outbox.register(
        EmailType(
            REMOVED_KIND,
            compose,
            sender=sender,
            expires_after=TOLD_WITHIN,
            sample=_sample,
            label=_l("Post removed notice"),
        )
    )


def compose(session: Session, context: ComposeContext) -> Email | Discard:
    """Compose the notice, as long as the removal is there and its reader has the address."""
    user = session.get(User, context.arguments["user_id"])
    removal = session.get(Removal, context.arguments["post_id"])
    post = session.get(Post, removal.post_id) if removal else None
    if user is None or removal is None or post is None or post.user_id != user.id:
        return Discard(gettext_noop("The account or the post was deleted."))
    if user.email_key != context.recipient.key:
        return Discard(gettext_noop("The account has a different email now."))
    return email_from_templates(
        "moderation/emails/post_removed",
        {
            "username": user.username,
            "body": removal.body,
            "reason": removal.reason,
            "when": moment_in_words(post.created_at, user.time_zone),
        },
        to=context.recipient,
    )


def _sample(session: Session, language: str) -> ComposeContext:
    context = sample_context(session, language)
    post = Post(user_id=context.arguments["user_id"], body="", created_at=SAMPLE_MOMENT)
    session.add(post)
    session.flush()
    body = "Terracotta pots, 80% off this weekend only! Write to me for the link."
    session.add(
        Removal(
            post_id=post.id,
            body=body,
            reason="Advertising isn't allowed here.",
            removed_at=SAMPLE_MOMENT,
        )
    )
    session.flush()
    return replace(context, arguments={**context.arguments, "post_id": post.id})
