"""The security log in words: a sentence for each type of event and for each outcome of mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from flask_outbox import Status
from flask_outbox.operations import MessageOutcome
from microblog.accounts.audit.security_log import Entry, Group, SecurityEventType
from microblog.accounts.emails import EMAILS

GROUPS = {
    Group.ALL: _l("Everything"),
    Group.ACCESS: _l("Log-ins"),
    Group.CHANGES: _l("Changes"),
    Group.MAIL: _l("Mail"),
}

EVENTS = {
    SecurityEventType.REGISTERED: _l("The account was made."),
    SecurityEventType.VERIFICATION_ASKED: _l(
        "Another link to confirm the email address was asked for."
    ),
    SecurityEventType.EMAIL_VERIFIED: _l("The email address was confirmed."),
    SecurityEventType.LOGGED_IN: _l("Somebody logged in, from a browser seen before."),
    SecurityEventType.LOGGED_IN_NEW_BROWSER: _l("Somebody logged in from a new browser."),
    SecurityEventType.LOGGED_OUT: _l("Somebody logged out."),
    SecurityEventType.SESSION_ENDED: _l("One browser was logged out from the list of browsers."),
    SecurityEventType.SESSIONS_ENDED: _l("All other browsers were logged out."),
    SecurityEventType.PASSWORD_CHANGED: _l("The password was changed."),
    SecurityEventType.PASSWORD_RESET: _l("A new password was chosen with a mailed link."),
    SecurityEventType.EMAIL_CHANGE_ASKED: _l("A change of the email address was asked for."),
    SecurityEventType.EMAIL_CHANGE_CANCELLED: _l("The change of the email address was given up."),
    SecurityEventType.EMAIL_CHANGED: _l("The email address was changed."),
    SecurityEventType.EMAIL_CHANGE_UNDONE: _l("The change of the email address was taken back."),
    SecurityEventType.DELETION_ASKED: _l("The deletion of the account was asked for."),
    SecurityEventType.DELETION_UNDONE: _l("The deletion of the account was called off."),
    SecurityEventType.REPORTED: _l("“This wasn't me” was pressed: everybody was logged out."),
    SecurityEventType.EXPORTED: _l("A copy of the account's data was downloaded."),
    SecurityEventType.DISABLED: _l("The site's admins disabled the account."),
    SecurityEventType.ENABLED: _l("The site's admins enabled the account again."),
    SecurityEventType.RESET_STARTED: _l("The site's admins had a reset link emailed."),
    SecurityEventType.ADMIN_MADE: _l("The account became one of those who run the site."),
    SecurityEventType.ADMIN_UNMADE: _l("The account ceased to be one of those who run the site."),
    SecurityEventType.MAIL_RESUMED: _l("Mail to the email address was tried again."),
}

MAILS = {email.kind: email.log_sentence for email in EMAILS if email.log_sentence is not None}

OUTCOMES = {
    Status.QUEUED: _l("The mail waits to be sent."),
    Status.DEFERRED: _l("The mail was put off and is tried again."),
    Status.SENT: _l("Email sent."),
    Status.DEAD: _l("The mail was refused."),
    Status.DISCARDED: _l(
        "The mail was not sent: it was of no use any more, the address had several of these in a"
        " short time, or its server had said that it does not exist."
    ),
    Status.EXPIRED: _l("The mail could not be sent while it was of use."),
    Status.CANCELLED: _l("Those who run the site cancelled the mail."),
    Status.UNKNOWN: _l("The connection broke off while the mail was sent; it may have arrived."),
}


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as it is shown. `outcome_at` is when a mail ended, or is tried again."""

    at: datetime
    what: Any
    where: str
    detail: str = ""
    outcome: Any = None
    outcome_at: datetime | None = None
    words: str | None = None


def line(entry: Entry) -> Line:
    """What to show of an entry."""
    where = ", ".join(part for part in (entry.origin.browser, entry.origin.network) if part)
    if entry.outcome is not None:
        return _mail_line(entry, entry.outcome, where)
    what = (
        EVENTS.get(SecurityEventType(entry.kind)) if entry.kind in set(SecurityEventType) else None
    )
    return Line(entry.at, what or _("Something happened to the account."), where, _detail(entry))


def _mail_line(entry: Entry, outcome: MessageOutcome, where: str) -> Line:
    moment = outcome.ended_at if outcome.due_at is None else outcome.due_at
    waits = outcome.status is Status.QUEUED
    return Line(
        entry.at,
        MAILS.get(entry.kind) or _("A mail about the account."),
        where,
        outcome=OUTCOMES[outcome.status],
        outcome_at=None if moment is None or waits else datetime.fromtimestamp(moment, UTC),
        words=outcome.words,
    )


def _detail(entry: Entry) -> str:
    """The address or the browser that an event was about, where it was about one."""
    return str(entry.details.get("email") or entry.details.get("where") or "")
