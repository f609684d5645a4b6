"""The emails about accounts."""

from __future__ import annotations

from flask_outbox import Address, Outbox
from microblog.accounts.emails import email_change, password, reserved_address, verification


def register(outbox: Outbox, *, sender: Address) -> None:
    """Let this outbox compose all of them, in the name of `sender`."""
    for emails in (password, email_change, verification, reserved_address):
        emails.register_email_types(outbox, sender=sender)
