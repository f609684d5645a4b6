"""Accounts: who people are, how they sign in, and how a lost password comes back."""

from __future__ import annotations

from flask import Flask

from flask_outbox import Address, Outbox
from microblog.accounts import emails, pages
from microblog.accounts.actions import periodic_tasks


def init_app(app: Flask) -> None:
    """Add the pages of accounts to the application."""
    pages.init_app(app)


def register(outbox: Outbox, *, sender: Address) -> None:
    """Register the email types and the periodic tasks of accounts with this outbox."""
    emails.register(outbox, sender=sender)
    periodic_tasks.register_periodic_tasks(outbox)
