"""The emails about accounts, one module each."""

from __future__ import annotations

from dataclasses import replace

from flask_outbox import Address, Outbox
from microblog.accounts.emails import (
    address_works,
    already_registered,
    deletion,
    email_change_asked,
    email_change_confirmation,
    email_changed,
    new_browser,
    password_changed,
    password_reset,
    password_reset_started,
    reserved_address,
    second_factor_changed,
    second_factor_lost,
    second_factor_removal,
    verification,
)
from microblog.accounts.emails.account_email import AccountEmail

EMAILS: tuple[AccountEmail, ...] = tuple(
    module.definition()
    for module in (
        password_reset,
        password_reset_started,
        password_changed,
        new_browser,
        verification,
        already_registered,
        email_change_confirmation,
        email_change_asked,
        email_changed,
        reserved_address,
        deletion,
        address_works,
        second_factor_changed,
        second_factor_lost,
        second_factor_removal,
    )
)


def register(outbox: Outbox, *, sender: Address) -> None:
    """Register all of them with this outbox; `sender` is their author."""
    for email in EMAILS:
        outbox.register(replace(email.email_type, sender=sender, label=email.label))
