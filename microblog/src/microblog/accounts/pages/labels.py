"""The security log in words: a sentence for each type of event and for each outcome of mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from flask_outbox import Status
from flask_outbox.operations import MessageOutcome
from microblog.accounts.actions.second_step import Method
from microblog.accounts.audit.security_log import ACCESS, Entry, Group, SecurityEventType
from microblog.accounts.emails import EMAILS
from microblog.web.clients import browser_in_words

GROUPS = {
    Group.ALL: _l("All"),
    Group.ACCESS: _l("Sign-ins"),
    Group.CHANGES: _l("Changes"),
    Group.MAIL: _l("Emails"),
}

EVENTS = {
    SecurityEventType.REGISTERED: _l("The account was created."),
    SecurityEventType.VERIFICATION_ASKED: _l(
        "Another link to confirm the email address was requested."
    ),
    SecurityEventType.EMAIL_VERIFIED: _l("The email address was confirmed."),
    SecurityEventType.LOGGED_IN: _l("Signed in from a known browser."),
    SecurityEventType.LOGGED_IN_NEW_BROWSER: _l("Signed in from a new browser."),
    SecurityEventType.LOGGED_OUT: _l("Signed out."),
    SecurityEventType.SESSION_ENDED: _l("A device was signed out."),
    SecurityEventType.SESSIONS_ENDED: _l("All other devices were signed out."),
    SecurityEventType.PASSWORD_CHANGED: _l("The password was changed."),
    SecurityEventType.PASSWORD_RESET: _l("The password was reset by email."),
    SecurityEventType.EMAIL_CHANGE_ASKED: _l("A change of the email address was requested."),
    SecurityEventType.EMAIL_CHANGE_CANCELLED: _l("The change of the email address was cancelled."),
    SecurityEventType.EMAIL_CHANGED: _l("The email address was changed."),
    SecurityEventType.EMAIL_CHANGE_UNDONE: _l("The change of the email address was undone."),
    SecurityEventType.DELETION_ASKED: _l("Deleting the account was requested."),
    SecurityEventType.DELETION_UNDONE: _l("Deleting the account was cancelled."),
    SecurityEventType.REPORTED: _l("“This wasn't me” was used: all devices were signed out."),
    SecurityEventType.EXPORTED: _l("The account's data was downloaded."),
    SecurityEventType.DISABLED: _l("The site's admins disabled the account."),
    SecurityEventType.ENABLED: _l("The site's admins enabled the account again."),
    SecurityEventType.RESET_STARTED: _l("The site's admins sent a link to reset the password."),
    SecurityEventType.ADMIN_MADE: _l("The account became an administrator."),
    SecurityEventType.ADMIN_UNMADE: _l("The account is no longer an administrator."),
    SecurityEventType.MAIL_RESUMED: _l("Emails to the address were allowed again."),
    SecurityEventType.AUTHENTICATOR_ADDED: _l("An authenticator app was added."),
    SecurityEventType.AUTHENTICATOR_REMOVED: _l("The authenticator app was removed."),
    SecurityEventType.PASSKEY_ADDED: _l("A passkey was added."),
    SecurityEventType.PASSKEY_REMOVED: _l("A passkey was removed."),
    SecurityEventType.PASSKEY_COPIED: _l("A passkey that may have been copied was refused."),
    SecurityEventType.RECOVERY_CODES_RENEWED: _l("New recovery codes were made."),
    SecurityEventType.RECOVERY_CODE_USED: _l("A recovery code was used."),
    SecurityEventType.SECOND_STEP_FAILED: _l("The password was right, but not the second step."),
    SecurityEventType.SECOND_FACTOR_REMOVAL_ASKED: _l(
        "Turning off two-step sign-in was requested."
    ),
    SecurityEventType.SECOND_FACTOR_REMOVAL_STOPPED: _l(
        "Turning off two-step sign-in was stopped."
    ),
    SecurityEventType.SECOND_FACTOR_REMOVED: _l("Two-step sign-in was turned off."),
    SecurityEventType.POST_REMOVED: _l("The site's admins removed a post."),
    SecurityEventType.MESSAGE_REMOVED: _l("The site's admins removed a private message."),
    SecurityEventType.INVITATION_MADE: _l("An invitation link was made."),
    SecurityEventType.INVITATION_REVOKED: _l("An invitation link was revoked."),
}

_METHODS = {
    Method.PASSWORD: _l("password"),
    Method.CODE: _l("code"),
    Method.RECOVERY_CODE: _l("recovery code"),
    Method.DEVICE_PASSKEY: _l("passkey"),
    Method.SYNCED_PASSKEY: _l("passkey"),
}


def methods_in_words(methods: str) -> str:
    """How a session was opened, such as “Password + code”."""
    known = [Method(one) for one in methods.split() if one in set(Method)]
    words = " + ".join(str(_METHODS[one]) for one in known if one in _METHODS)
    return words[:1].upper() + words[1:]


MAILS = {email.kind: email.log_sentence for email in EMAILS if email.log_sentence is not None}

OUTCOMES = {
    Status.QUEUED: _l("The email is waiting to be sent."),
    Status.DEFERRED: _l("The email is delayed and will be tried again."),
    Status.SENT: _l("Email sent."),
    # What came after it has a line of its own.
    Status.DELIVERED: _l("Email sent."),
    Status.BOUNCED: _l("Email sent."),
    Status.COMPLAINED: _l("Email sent."),
    Status.DEAD: _l("The email was refused."),
    Status.DISCARDED: _l(
        "The email wasn't sent: it was no longer needed, the address got too many like it, or its"
        " server had said that it doesn't exist."
    ),
    Status.EXPIRED: _l("The email expired before it could be sent."),
    Status.CANCELLED: _l("The site's admins cancelled the email."),
    Status.UNKNOWN: _l("The connection broke off while the email was sent. It may have arrived."),
}


REPORTS = {
    Status.DELIVERED: _l("It was delivered."),
    Status.BOUNCED: _l("It came back."),
    Status.COMPLAINED: _l("It was reported as spam."),
}
"""What became of an email after it was sent."""

ADVICE = {
    Status.SENT: _l("Your mail server took it. If you can't find it, look in the spam folder."),
    Status.DELIVERED: _l("If you can't find it, look in the spam folder."),
    Status.BOUNCED: _l(
        "If your address is right, ask your email provider why. Otherwise change it."
    ),
    Status.COMPLAINED: _l("Mark it as no spam, so that our next emails reach you."),
    Status.DEAD: _l("If your address is right, ask your email provider why. Otherwise change it."),
    Status.EXPIRED: _l("If you still need it, ask for it again."),
    Status.CANCELLED: _l("If you still need it, ask for it again."),
    Status.UNKNOWN: _l("If it isn't there, ask for it again."),
}
"""What somebody can do who misses an email."""


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as it is shown. `outcome_at` is when a mail ended, or is tried again.

    `report` is what became of it after it was sent, and when that is known; `advice` is what to do.
    """

    at: datetime
    what: Any
    where: str
    detail: str = ""
    outcome: Any = None
    outcome_at: datetime | None = None
    words: str | None = None
    icon: str = "shield"
    report: Any = None
    report_at: datetime | None = None
    advice: Any = None


def line(entry: Entry) -> Line:
    """What to show of an entry."""
    browser, network = entry.origin.browser, entry.origin.network
    where = ", ".join(part for part in (browser and browser_in_words(browser), network) if part)
    if entry.outcome is not None:
        return _mail_line(entry, entry.outcome, where)
    event = SecurityEventType(entry.kind) if entry.kind in set(SecurityEventType) else None
    what = EVENTS[event] if event else _("Something happened to the account.")
    icon = "sign-in" if event in ACCESS else "shield"
    return Line(entry.at, what, where, _detail(entry), icon=icon)


def _mail_line(entry: Entry, outcome: MessageOutcome, where: str) -> Line:
    moment = outcome.ended_at if outcome.due_at is None else outcome.due_at
    reported = outcome.reported_at
    waits = outcome.status is Status.QUEUED
    return Line(
        entry.at,
        MAILS.get(entry.kind) or _("An email about the account."),
        where,
        outcome=OUTCOMES[outcome.status],
        outcome_at=None if moment is None or waits else datetime.fromtimestamp(moment, UTC),
        words=outcome.words,
        icon="mail",
        report=REPORTS.get(outcome.status),
        report_at=None if reported is None else datetime.fromtimestamp(reported, UTC),
        advice=ADVICE.get(outcome.status),
    )


def _detail(entry: Entry) -> str:
    """What an event was about: an address, a browser, a passkey, or how somebody signed in."""
    details = entry.details
    said = details.get("email") or details.get("where") or details.get("name")
    return str(said or methods_in_words(details.get("methods", "")))
