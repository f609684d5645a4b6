"""What happens between people, for the packages above: notifications, messages, search.

Each signal is sent with the session of the transaction in which it happened, and a receiver writes
in that session alone.
"""

from __future__ import annotations

from blinker import Signal

followed = Signal()
"""`followed.send(session, follower_id=id, followed_id=id)`: one follows the other, and did not
before."""

unfollowed = Signal()
"""`unfollowed.send(session, follower_id=id, followed_id=id)`: one follows the other no more."""

profile_changed = Signal()
"""`profile_changed.send(session, user_id=id)`: a name or what a person says about themselves
changed."""
