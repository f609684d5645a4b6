"""What the packages below tell: posts, likes and follows, as their actions do it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from microblog.blog import signals as blog
from microblog.blog.models import Like, Mention, Post
from microblog.database import transaction, utc_now
from microblog.notifications.models import Notification
from microblog.people import signals as people
from microblog.people.models import Follow


def write(
    author: int,
    body: str = "Hello",
    *,
    to: int | None = None,
    mentions: Collection[int] = (),
    at: datetime | None = None,
) -> int:
    """A post that was just written, in answer to the post `to`; return its id."""
    with transaction() as writing:
        post = Post(user_id=author, body=body, created_at=at or utc_now())
        if to is not None:
            answered = writing.get_one(Post, to)
            post.reply_to_id, post.reply_to_user_id = to, answered.user_id
            post.thread_id = answered.thread_id or to
        writing.add(post)
        writing.flush()
        writing.add_all(Mention(user_id=one, post_id=post.id) for one in mentions)
        writing.flush()
        blog.post_written.send(writing, post=post, mentioned=mentions)
        return post.id


def edit(post_id: int, mentions: Collection[int], *, at: datetime | None = None) -> None:
    with transaction() as writing:
        post = writing.get_one(Post, post_id)
        post.edited_at = at or utc_now()
        writing.execute(delete(Mention).where(Mention.post_id == post_id))
        writing.add_all(Mention(user_id=one, post_id=post_id) for one in mentions)
        writing.flush()
        blog.post_edited.send(writing, post=post, mentioned=mentions)


def like(user_id: int, post_id: int) -> None:
    with transaction() as writing:
        writing.add(Like(user_id=user_id, post_id=post_id))
        writing.flush()
        blog.post_liked.send(writing, post=writing.get_one(Post, post_id), user_id=user_id)


def unlike(user_id: int, post_id: int) -> None:
    with transaction() as writing:
        writing.execute(delete(Like).where(Like.user_id == user_id, Like.post_id == post_id))
        blog.post_unliked.send(writing, post=writing.get_one(Post, post_id), user_id=user_id)


def follow(follower: int, followed: int) -> None:
    with transaction() as writing:
        writing.add(Follow(follower_id=follower, followed_id=followed))
        writing.flush()
        people.followed.send(writing, follower_id=follower, followed_id=followed)


def unfollow(follower: int, followed: int) -> None:
    with transaction() as writing:
        writing.execute(
            delete(Follow).where(Follow.follower_id == follower, Follow.followed_id == followed)
        )
        people.unfollowed.send(writing, follower_id=follower, followed_id=followed)


def rows(session: Session, user_id: int) -> list[tuple[str, int, int | None]]:
    """The kind, actor and post of each row that a person has, whether it is shown or not."""
    found = session.execute(
        select(Notification.kind, Notification.actor_id, Notification.post_id)
        .where(Notification.user_id == user_id)
        .order_by(Notification.id)
    )
    return [(kind, actor, post) for kind, actor, post in found]
