"""Letting somebody in who proved who they are: the session, the known browser, log and notice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from flask_outbox import Outbox
from microblog.accounts.audit import notices
from microblog.accounts.audit.security_log import SecurityEventType, record
from microblog.accounts.models import User
from microblog.accounts.second_factors.factors import trust_browser
from microblog.accounts.sessions.known_browsers import remember_browser, renew_browser
from microblog.accounts.sessions.sessions import Visitor, start_session
from microblog.web.scope import Scope


@dataclass(frozen=True)
class Entry:
    """Somebody proved to be the owner of an account.

    `visitor` is None if no session was opened: the account is about to be deleted, or a second step
    is to follow. `browser_secrets` are those that the browser is to keep.
    """

    user: User
    visitor: Visitor | None
    browser_secrets: Sequence[str]


def open_session(
    session: Session,
    outbox: Outbox,
    user: User,
    browser_secrets: Sequence[str],
    scope: Scope,
    *,
    methods: str,
    remembered: bool,
    trusted: bool = False,
) -> Entry:
    """Start a session of this account, and tell the owner if the browser was not known.

    `methods` are what was proved (RFC 8176). A `trusted` browser is spared the second step.
    """
    visitor = start_session(session, user, scope, remembered=remembered, methods=methods)
    secrets, was_known = remember_browser(session, user.id, browser_secrets, now=scope.now)
    if was_known:
        record(session, user.id, SecurityEventType.LOGGED_IN, scope, methods=methods)
    else:
        record(session, user.id, SecurityEventType.LOGGED_IN_NEW_BROWSER, scope, methods=methods)
        notices.new_browser(session, outbox, user, scope)
    if trusted:
        secrets, digest = renew_browser(session, user.id, secrets, now=scope.now)
        trust_browser(session, user.id, digest, now=scope.now)
    return Entry(user, visitor, secrets)
