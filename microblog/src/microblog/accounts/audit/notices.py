"""Notices: what happened to an account, mailed to its owner, who can say "this wasn't me".

Sources: NIST SP 800-63B-4, 4.6 (notify of events); OWASP ASVS 5.0, 6.3.5 and 6.3.7.

A notice is enqueued where its cause is, with time and browser, to the address that the account
has at that moment. The link in it is made when the mail leaves, and works for that address alone.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from flask_outbox import (
    AddressLike,
    ComposeContext,
    Discard,
    Email,
    Outbox,
    address_key,
    email_from_templates,
)
from microblog.accounts.keys import token_keys
from microblog.accounts.models import User
from microblog.accounts.tokens import NOT_ME, make_token
from microblog.web.clients import browser_in_words
from microblog.web.links import public_link
from microblog.web.scope import Scope
from microblog.web.supported_languages import gettext_noop
from microblog.web.times import from_unix, moment_in_words

NEW_BROWSER_KIND = "accounts.new_browser"

LINK_LIFETIME = timedelta(days=7)
"""Long enough for a holiday. The link gives nobody access; it only locks people out."""


def new_browser(
    session: Session,
    outbox: Outbox,
    user: User,
    scope: Scope,
) -> None:
    """Tell the owner that somebody logged in from a browser that was not known."""
    enqueue_notice(session, outbox, NEW_BROWSER_KIND, user, scope)


def enqueue_notice(
    session: Session,
    outbox: Outbox,
    kind: str,
    user: User,
    scope: Scope,
    *,
    to: str | None = None,
    **arguments: str | int,
) -> None:
    """Enqueue a notice of this kind, to `to` or else to the account's own address.

    `arguments` are further texts for its composer, and hold no secret. Nothing is enqueued for an
    account whose address was never verified: its reader may have nothing to do with the account.
    """
    if user.email_verified_at is None:
        return
    about = {"user_id": user.id, **request_arguments(scope)}
    outbox.enqueue(
        session, kind, to or user.email, locale=scope.locale, arguments={**arguments, **about}
    )


def compose_notice(
    session: Session, context: ComposeContext, template: str, **texts: Any
) -> Email | Discard:
    """Compose a notice. Its templates get `username`, `when`, `browser`, `not_me` and `texts`.

    `not_me` is the link for "this wasn't me".
    """
    user = session.get(User, context.arguments["user_id"])
    if user is None:
        return Discard(gettext_noop("The account was deleted."))
    return email_from_templates(
        template,
        {
            "username": user.username,
            **request_in_words(context, user),
            "not_me": not_me_link(user, context.recipient, now=from_unix(context.now)),
            **texts,
        },
        to=context.recipient,
    )


def request_arguments(scope: Scope) -> dict[str, str | int]:
    """Return the arguments of a message that say when something was done, and from where."""
    return {
        "at": int(scope.now.timestamp()),
        "browser": scope.origin.browser,
        "address": scope.origin.network,
    }


def request_in_words(context: ComposeContext, user: User) -> dict[str, str]:
    """Return these for templates, in the reader's time zone: `when`, and `browser` with its system.

    The network is for the security log alone: few readers know what it means.
    """
    # Messages that former versions enqueued may lack both.
    at = from_unix(context.arguments.get("at", context.now))
    return {
        "when": moment_in_words(at, user.time_zone),
        "browser": browser_in_words(context.arguments.get("browser", "")),
    }


def not_me_link(user: User, address: AddressLike, *, now: datetime) -> str:
    """Return the link with which the reader of this address says "this wasn't me".

    It survives a change of the password, since whoever took the account over may have made one.
    """
    token = make_token(
        token_keys(), NOT_ME, user, now=now, lifetime=LINK_LIFETIME, state=(address_key(address),)
    )
    return public_link("accounts.not_me", token=token)
