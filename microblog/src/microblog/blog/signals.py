"""What happens to posts, for the packages above: notifications, search, moderation.

Each signal is sent with the session of the transaction in which it happened, and a receiver writes
in that session alone.
"""

from __future__ import annotations

from blinker import Signal

post_written = Signal()
"""`post_written.send(session, post=Post, mentioned=ids)`: a post or a reply is there, and its
references; `mentioned` are the ids of the people whom it mentions."""

post_edited = Signal()
"""`post_edited.send(session, post=Post, mentioned=ids)`: its text changed; `mentioned` are all
whom it mentions now."""

post_deleted = Signal()
"""`post_deleted.send(session, post=Post)`: it is shown to nobody until it is restored."""

post_restored = Signal()
"""`post_restored.send(session, post=Post)`: its author took the deletion back."""

post_liked = Signal()
"""`post_liked.send(session, post=Post, user_id=id)`: this person likes it now, and did
not before."""

post_unliked = Signal()
"""`post_unliked.send(session, post=Post, user_id=id)`: this person likes it no more."""
