"""What administrators read about messages and accounts, beside the words of servers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask_babel import format_timedelta
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from flask_outbox import Priority
from flask_outbox.operations.messages import NotPossibleError, RejectionReason
from flask_outbox.outbox.models import Status
from flask_outbox.outbox.prerendered import PRERENDERED
from microblog.accounts.emails import EMAILS
from microblog.admin.accounts import Refusal, RefusedError, State
from microblog.web.error_reports import FAILURE_KIND, FAILURE_LABEL

STATUS_LABELS = {
    Status.QUEUED: _l("queued"),
    Status.DEFERRED: _l("deferred"),
    Status.SENT: _l("sent"),
    Status.DISCARDED: _l("discarded"),
    Status.CANCELLED: _l("cancelled"),
    Status.EXPIRED: _l("expired"),
    Status.UNKNOWN: _l("unknown"),
    Status.DEAD: _l("dead"),
}

STATUS_MEANINGS = {
    Status.QUEUED: _l("It waits to be sent."),
    Status.DEFERRED: _l("It was tried, and will be tried again."),
    Status.SENT: _l(
        "The mail server took it. If it does not arrive, ask at the receiver's side: in the spam"
        " folder first."
    ),
    Status.DISCARDED: _l(
        "It was not sent, on purpose: nobody was to get it any more, its address does not exist, or"
        " the address had enough of such mail."
    ),
    Status.CANCELLED: _l("It was cancelled here or at the command line."),
    Status.EXPIRED: _l("It was worthless before it could leave."),
    Status.UNKNOWN: _l("The connection broke after the whole message was sent: it may arrive."),
    Status.DEAD: _l("It was refused for good, could not be written, or all attempts are spent."),
}

KIND_LABELS = {
    **{email.kind: email.label for email in EMAILS},
    FAILURE_KIND: FAILURE_LABEL,
    PRERENDERED: _l("sent by the application"),
}

LANE_LABELS = {
    Priority.HIGH: _l("mail that somebody waits for"),
    Priority.NORMAL: _l("other mail"),
    Priority.LOW: _l("mail to many"),
}


STATE_LABELS = {
    State.ADMIN: _l("administrators"),
    State.DISABLED: _l("disabled accounts"),
    State.UNVERIFIED: _l("accounts without a confirmed address"),
    State.DELETING: _l("accounts about to be deleted"),
}


STATE_NAMES = {
    State.ADMIN: _l("administrator"),
    State.DISABLED: _l("disabled"),
    State.UNVERIFIED: _l("address not confirmed"),
    State.DELETING: _l("about to be deleted"),
}


def why_refused(error: RefusedError) -> str:
    """Why something is not done to an account, in the reader's language."""
    words = {
        Refusal.ONESELF: _("You cannot disable your own account."),
        Refusal.LAST_ADMIN: _("This is the last administrator: make somebody else one first."),
        Refusal.DISABLED: _("This account is disabled: enable it first."),
        Refusal.DELETING: _("This account is about to be deleted. Its owner can undo that."),
    }
    return words[error.refusal]


def why_not(error: NotPossibleError) -> str:
    """Why something cannot be done with a message, in the reader's language."""
    words = {
        RejectionReason.ABSENT: _("There is no such message any more."),
        RejectionReason.NOTHING_TO_RETRY: _("This message waits already, or was sent."),
        RejectionReason.NOTHING_TO_CANCEL: _("This message does not wait any more."),
        RejectionReason.BEING_SENT: _("This message is being sent at this moment."),
        RejectionReason.TOO_OLD: _("This message is too old: its address was removed."),
        RejectionReason.SUPPRESSED: _(
            "Nothing is sent to this address, since a server said that it does not exist. If that"
            " was wrong, allow it again first."
        ),
        RejectionReason.CHANGED: _(
            "This message changed at this moment. Look at it and try again."
        ),
    }
    return words[error.reason]


def kind_label(kind: str) -> Any:
    """What a kind of message is about; its name, where an application has more of them."""
    return KIND_LABELS.get(kind, kind)


def duration(seconds: float) -> str:
    """Roughly how long, like "3 minutes"."""
    return format_timedelta(timedelta(seconds=seconds), threshold=1.5)
