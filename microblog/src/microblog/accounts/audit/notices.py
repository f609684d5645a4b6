"""Notices: what happened to an account, mailed to its owner, who can say "this wasn't me".

Sources: NIST SP 800-63B-4, 4.6 (notify of events); OWASP ASVS 5.0, 6.3.5 and 6.3.7.

A notice is posted where the thing happens, with its place and time, to the address that the account
has at that moment. The link in it is made when the mail leaves, and is good for that address alone.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask_babel import force_locale
from flask_babel import gettext as _
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
from microblog.web.links import public_link
from microblog.web.scope import Scope
from microblog.web.times import from_unix, moment_in_words

NEW_BROWSER_KIND = "accounts.new_browser"

LINK_LIFETIME = timedelta(days=7)
"""Long enough for a holiday. The link gives nobody access: all that it does is to close doors."""


def new_browser(
    session: Session,
    outbox: Outbox,
    user: User,
    scope: Scope,
) -> None:
    """Tell the owner that somebody logged in from a browser that was not seen before."""
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
    """Post a notice of this kind, to `to` if it is not for the account's own address.

    `arguments` are further texts for its composer; no secret may be among them. Nothing is posted
    for an account that never proved that it reads the address: the person there has no part in it.
    """
    if user.email_verified_at is None:
        return
    about = {
        "user_id": user.id,
        "at": scope.now.timestamp(),
        "browser": scope.origin.browser,
        "address": scope.origin.address,
    }
    outbox.enqueue(
        session, kind, to or user.email, locale=scope.locale, arguments={**arguments, **about}
    )


def compose_notice(
    session: Session, context: ComposeContext, template: str, **texts: Any
) -> Email | Discard:
    """The mail of a notice. Its templates get `username`, `when`, `place` and `not_me`, the link.

    `texts` are what else they need.
    """
    user = session.get(User, context.arguments["user_id"])
    if user is None:
        return Discard("The account was deleted.")
    happened = from_unix(context.arguments["at"])
    with force_locale(context.locale):
        return email_from_templates(
            template,
            to=context.recipient,
            username=user.username,
            when=moment_in_words(happened, user.time_zone),
            place=_place_in_words(context),
            not_me=not_me_link(user, context.recipient, now=from_unix(context.now)),
            **texts,
        )


def not_me_link(user: User, address: AddressLike, *, now: datetime) -> str:
    """Where whoever reads the mail of this address says that what happened was not their doing.

    It survives a change of the password: whoever took the account over may have made one.
    """
    token = make_token(
        token_keys(), NOT_ME, user, now=now, lifetime=LINK_LIFETIME, state=(address_key(address),)
    )
    return public_link("accounts.not_me", token=token)


def _place_in_words(context: ComposeContext) -> str:
    parts = (context.arguments["browser"], context.arguments["address"])
    return ", ".join(part for part in parts if part) or _("unknown")
