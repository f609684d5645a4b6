"""What happens to accounts, for the packages above: notifications, search.

Each signal is sent with the session of the transaction in which it happened, and a receiver writes
in that session alone.
"""

from __future__ import annotations

from blinker import Signal

account_created = Signal()
"""`account_created.send(session, user=User)`: an account is there."""

time_zone_chosen = Signal()
"""`time_zone_chosen.send(session, user_id=id, zone=name)`: this is the zone of pages and mail; None
follows the browser."""
