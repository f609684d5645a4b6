"""What the packages below tell, as notifications and emails, in the transaction of their cause."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy.orm import Session

from flask_outbox import (
    MessageEvent,
    SubscriptionEvent,
    address_key,
    current_outbox,
    message_complained,
    resubscribed,
    unsubscribed,
)
from microblog.accounts import signals as accounts
from microblog.blog import signals as blog
from microblog.blog.models import Post
from microblog.database import transaction, utc_now
from microblog.messages import signals as messages
from microblog.messages.models import PrivateMessage
from microblog.notifications import at_once, email_preferences, notifications
from microblog.people import signals as people


def connect() -> None:
    """Listen to the packages below; what is connected already stays so."""
    blog.post_written.connect(_post_written)
    blog.post_edited.connect(_post_edited)
    blog.post_liked.connect(_post_liked)
    blog.post_unliked.connect(_post_unliked)
    people.followed.connect(_followed)
    people.unfollowed.connect(_unfollowed)
    messages.message_written.connect(_message_written)
    accounts.time_zone_chosen.connect(_time_zone_chosen)
    unsubscribed.connect(_unsubscribed)
    resubscribed.connect(_resubscribed)
    message_complained.connect(_complained)


def _post_written(
    session: Session, *, post: Post, mentioned: Collection[int], **_more: Any
) -> None:
    notifications.notify_of_post(session, post, mentioned, now=post.created_at)
    if mentioned or post.reply_to_user_id is not None:
        at_once.email_about_post(session, current_outbox(), post.id, now=post.created_at)


def _post_edited(session: Session, *, post: Post, mentioned: Collection[int], **_more: Any) -> None:
    now = post.edited_at or utc_now()
    notifications.notify_of_edit(session, post, mentioned, now=now)
    if mentioned:
        at_once.email_about_post(session, current_outbox(), post.id, now=now)


def _post_liked(session: Session, *, post: Post, user_id: int, **_more: Any) -> None:
    notifications.notify_of_like(session, post, user_id, now=utc_now())


def _post_unliked(session: Session, *, post: Post, user_id: int, **_more: Any) -> None:
    notifications.withdraw_like(session, post, user_id, now=utc_now())


def _followed(session: Session, *, follower_id: int, followed_id: int, **_more: Any) -> None:
    notifications.notify_of_follow(session, follower_id, followed_id, now=utc_now())


def _unfollowed(session: Session, *, follower_id: int, followed_id: int, **_more: Any) -> None:
    notifications.withdraw_follow(session, follower_id, followed_id, now=utc_now())


def _message_written(
    session: Session, *, message: PrivateMessage, receiver_id: int, **_more: Any
) -> None:
    at_once.email_about_message(session, current_outbox(), message, receiver_id)


def _time_zone_chosen(session: Session, *, user_id: int, zone: str | None, **_more: Any) -> None:
    email_preferences.follow_zone(session, user_id, zone, now=utc_now())


def _unsubscribed(_app: object, event: SubscriptionEvent) -> None:
    if event.list in {"", email_preferences.LIST}:
        _stop(event.address_key)


def _complained(_app: object, event: MessageEvent) -> None:
    # Who calls an email spam gets none of any list.
    _stop(address_key(event.recipient))


def _stop(key: str) -> None:
    """Stop looking for what may not be sent: the outbox asks for opt-outs before each email."""
    with transaction() as writing:
        found = email_preferences.of_address(writing, key)
        if found is not None:
            email_preferences.stop(found[0], now=utc_now())


def _resubscribed(_app: object, event: SubscriptionEvent) -> None:
    if event.list not in {"", email_preferences.LIST}:
        return
    with transaction() as writing:
        found = email_preferences.of_address(writing, event.address_key)
        if found is not None:
            email_preferences.resume(*found, now=utc_now())
