"""The emails that people choose: about replies, mentions and messages, at once or in bundles.

Each is composed when it leaves, of what is unread then; if nothing is, none leaves. It goes to the
account's confirmed address alone, and no more once its reader chose otherwise.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from flask_outbox import (
    Address,
    ComposeContext,
    Discard,
    Email,
    EmailType,
    Outbox,
    Priority,
    email_from_templates,
)
from microblog.accounts.emails.samples import SAMPLE_MOMENT, sample_context
from microblog.accounts.models import User
from microblog.accounts.visibility import is_visible
from microblog.blog.models import Post
from microblog.database import MAX_ID
from microblog.notifications.at_once import AT_ONCE_KIND
from microblog.notifications.bundles import (
    DIGEST_KIND,
    SILENCE,
    SILENCE_KIND,
    window_arguments,
    windows_of,
)
from microblog.notifications.email_preferences import (
    BUNDLED,
    LIST,
    EmailedKind,
    Frequency,
    kinds_with,
)
from microblog.notifications.models import EmailPreference, Notification
from microblog.notifications.notifications import Kind
from microblog.notifications.unread import Unread, find_unread
from microblog.web.links import public_link
from microblog.web.supported_languages import gettext_noop
from microblog.web.times import moment_in_words

DIGEST_WITHIN = timedelta(days=2)
"""Later, the next bundle of the same person is on its way."""

AT_ONCE_WITHIN = timedelta(days=1)

_SENT_AS = {AT_ONCE_KIND: {Frequency.AT_ONCE}, DIGEST_KIND: BUNDLED}


def register(outbox: Outbox, *, sender: Address) -> None:
    """Register these email types with this outbox; `sender` is their author."""
    for email_type in (
        EmailType(
            AT_ONCE_KIND,
            lambda session, context: _compose(session, context, AT_ONCE_KIND),
            expires_after=AT_ONCE_WITHIN,
            sample=lambda session, language: _sample(session, language, Frequency.AT_ONCE),
            label=_l("Reply, mention or message"),
        ),
        EmailType(
            DIGEST_KIND,
            lambda session, context: _compose(session, context, DIGEST_KIND),
            priority=Priority.LOW,
            expires_after=DIGEST_WITHIN,
            sample=lambda session, language: _sample(session, language, Frequency.DAILY),
            label=_l("Digest"),
        ),
        EmailType(
            SILENCE_KIND,
            _compose_last,
            priority=Priority.LOW,
            expires_after=timedelta(days=7),
            sample=_sample_last,
            label=_l("End of digests"),
        ),
    ):
        outbox.register(replace(email_type, sender=sender, list=LIST))


def _compose(session: Session, context: ComposeContext, kind: str) -> Email | Discard:
    found = _reader(session, context)
    if isinstance(found, Discard):
        return found
    user, preference = found
    wanted = kinds_with(preference, *_SENT_AS[kind])
    windows = {
        emailed: window
        for emailed, window in windows_of(context.arguments).items()
        if emailed in wanted
    }
    if not windows or preference.stopped_at is not None:
        return Discard(gettext_noop("It isn't wanted any more."))
    unread = find_unread(session, user.id, windows)
    if not unread.count:
        return Discard(gettext_noop("Nothing is unread."))
    return email_from_templates(
        "notifications/emails/digest",
        {
            "username": user.username,
            **_variables(unread, user.time_zone or preference.time_zone),
            "all_link": public_link("notifications.index"),
            "messages_link": public_link("messages.index"),
            "choose_link": public_link("notifications.choose_emails"),
            "unsubscribe_link": context.unsubscribe_url,
        },
        to=context.recipient,
    )


def _variables(unread: Unread, zone: str | None) -> dict[str, Any]:
    """What the templates say of what is unread."""
    return {
        "count": unread.count,
        "only": _only(unread),
        "posts": [
            {
                "kind": post.kind.value,
                "name": _name(post.username, post.display_name),
                "body": post.body,
                "when": moment_in_words(post.at, zone),
                "link": public_link("posts.show", post_id=post.post_id),
            }
            for post in unread.posts
        ],
        "earlier": unread.total - len(unread.posts),
        "writers": [
            {
                "name": _name(writer.username, writer.display_name),
                "count": writer.count,
                "link": public_link("messages.conversation", username=writer.username),
            }
            for writer in unread.writers.newest
        ],
        "more_writers": unread.writers.total > len(unread.writers.newest),
    }


def _compose_last(session: Session, context: ComposeContext) -> Email | Discard:
    """Compose the last mail after a long silence, unless its reader chose anew."""
    found = _reader(session, context)
    if isinstance(found, Discard):
        return found
    user, preference = found
    if preference.stopped_at is None or not kinds_with(preference, Frequency.AT_ONCE, *BUNDLED):
        return Discard(gettext_noop("It isn't wanted any more."))
    return email_from_templates(
        "notifications/emails/silence",
        {
            "username": user.username,
            "days": SILENCE.days,
            "link": public_link("notifications.choose_emails"),
        },
        to=context.recipient,
    )


def _reader(session: Session, context: ComposeContext) -> tuple[User, EmailPreference] | Discard:
    own = select(User, EmailPreference).join(EmailPreference, EmailPreference.user_id == User.id)
    row = session.execute(own.where(User.id == context.arguments["user_id"])).one_or_none()
    if row is None or not is_visible(row[0]):
        return Discard(gettext_noop("The account was deleted."))
    user, preference = row
    if user.email_key != context.recipient.key or user.email_verified_at is None:
        return Discard(gettext_noop("The account has a different email now."))
    return user, preference


def _name(username: str, display_name: str | None) -> str:
    """Both names: what people call themselves could be anything."""
    return f"{display_name} (@{username})" if display_name else f"@{username}"


def _only(unread: Unread) -> dict[str, str] | None:
    """For the subject, if there is one thing alone. Nobody's choice of words is in it."""
    if unread.total + unread.writers.total != 1:
        return None
    if unread.posts:
        return {"kind": unread.posts[0].kind.value, "name": f"@{unread.posts[0].username}"}
    return {"kind": EmailedKind.MESSAGE.value, "name": f"@{unread.writers.newest[0].username}"}


def _sample(session: Session, language: str, frequency: Frequency) -> ComposeContext:
    context = sample_context(session, language)
    reader_id = context.arguments["user_id"]
    author = sample_context(session, language).arguments["user_id"]
    _add_preference(session, reader_id, frequency)
    said = {Kind.REPLY: "Put your ear close to it. Ten minutes of music."}
    if frequency is not Frequency.AT_ONCE:
        said[Kind.MENTION] = "Who knows when the market opens on Sunday?\nAsk the baker, as always."
    for number, (kind, body) in enumerate(said.items()):
        # Links of previews are the same each time.
        post = Post(id=MAX_ID - number, user_id=author, body=body, created_at=SAMPLE_MOMENT)
        session.add(post)
        session.flush()
        session.add(
            Notification(
                user_id=reader_id,
                kind=kind.value,
                actor_id=author,
                post_id=post.id,
                created_at=SAMPLE_MOMENT,
            )
        )
    session.flush()
    window = (SAMPLE_MOMENT - timedelta(days=1), SAMPLE_MOMENT)
    arguments = window_arguments(reader_id, dict.fromkeys(EmailedKind, window))
    return replace(context, arguments=arguments)


def _sample_last(session: Session, language: str) -> ComposeContext:
    context = sample_context(session, language)
    _add_preference(session, context.arguments["user_id"], Frequency.DAILY, SAMPLE_MOMENT)
    return context


def _add_preference(
    session: Session, user_id: int, frequency: Frequency, stopped_at: datetime | None = None
) -> None:
    values: dict[str, Any] = {}
    for kind in EmailedKind:
        values |= {kind.value: frequency.value, f"{kind.value}_since": SAMPLE_MOMENT}
    session.add(
        EmailPreference(
            user_id=user_id,
            **values,
            hour=8,
            weekday=0,
            locale="en",
            chosen_at=SAMPLE_MOMENT,
            stopped_at=stopped_at,
        )
    )
    session.flush()
