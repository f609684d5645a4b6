"""The defaults of what an application may set, each in one place."""

from __future__ import annotations

TIMEOUT_SECONDS = 30.0
"""How long to wait for each answer of a mail server or a token server."""

CONNECTIONS = 4
"""Connections that serve all mail, beside the one that is kept free for urgent mail."""

MAXIMUM_BYTES = 25 * 1024 * 1024
"""The largest message: what the large providers accept, encoding included."""

RETENTION_DAYS = 30
"""How long a finished message is kept before it is reduced to what counts need."""

RECIPIENT_MESSAGES = 3
"""How many messages that strangers can trigger one address gets within RECIPIENT_MINUTES."""

RECIPIENT_MINUTES = 15

RECIPIENT_DAILY = 10
"""How many of them it gets within a day."""
