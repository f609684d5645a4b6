"""Making Message-IDs."""

from __future__ import annotations

from email.utils import make_msgid

from flask_outbox.message.addresses import Address


def new_message_id(sender: Address) -> str:
    """A new Message-ID in the sender's domain, with angle brackets (RFC 5322, 3.6.4)."""
    return make_msgid(domain=sender.domain.strip("[]"))
