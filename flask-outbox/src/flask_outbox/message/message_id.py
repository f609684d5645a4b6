"""Message-IDs."""

from __future__ import annotations

from email.utils import make_msgid

from flask_outbox.message.addresses import Address


def new_message_id(sender: Address) -> str:
    """A Message-ID on the sender's own domain, with its angle brackets (RFC 5322, 3.6.4)."""
    return make_msgid(domain=sender.domain.strip("[]"))
