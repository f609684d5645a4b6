"""What happens in conversations, for the packages above: notifications.

The signal is sent with the session of the transaction in which it happened, and a receiver writes
in that session alone.
"""

from __future__ import annotations

from blinker import Signal

message_written = Signal()
"""`message_written.send(session, message=PrivateMessage, receiver_id=id)`: a message is there."""
