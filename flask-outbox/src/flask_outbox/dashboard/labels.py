"""What operators read about messages, beside the words of servers."""

from __future__ import annotations

from flask_outbox.application import current_outbox
from flask_outbox.operations.messages import NotPossibleError, RejectionReason
from flask_outbox.outbox.email_types import Priority
from flask_outbox.outbox.models import Status
from flask_outbox.outbox.prerendered import PRERENDERED
from flask_outbox.page_texts import gettext as _
from flask_outbox.translation import gettext_noop

STATUS_LABELS = {
    Status.QUEUED: gettext_noop("queued"),
    Status.DEFERRED: gettext_noop("deferred"),
    Status.SENT: gettext_noop("sent"),
    Status.DISCARDED: gettext_noop("discarded"),
    Status.CANCELLED: gettext_noop("cancelled"),
    Status.EXPIRED: gettext_noop("expired"),
    Status.UNKNOWN: gettext_noop("unknown"),
    Status.DEAD: gettext_noop("dead"),
}

_STATUS_MEANINGS = {
    Status.QUEUED: gettext_noop("It waits to be sent."),
    Status.DEFERRED: gettext_noop("It was tried, and will be tried again."),
    Status.SENT: gettext_noop(
        "The mail server took it. If it does not arrive, ask at the receiver's side: in the spam"
        " folder first."
    ),
    Status.DISCARDED: gettext_noop(
        "It was not sent, on purpose: nobody was to get it any more, its address does not exist, or"
        " the address had enough of such mail."
    ),
    Status.CANCELLED: gettext_noop("It was cancelled here or at the command line."),
    Status.EXPIRED: gettext_noop("It was worthless before it could leave."),
    Status.UNKNOWN: gettext_noop(
        "The connection broke after the whole message was sent: it may arrive."
    ),
    Status.DEAD: gettext_noop(
        "It was refused for good, could not be written, or all attempts are spent."
    ),
}

_PRIORITY_LABELS = {
    Priority.HIGH: gettext_noop("mail that somebody waits for"),
    Priority.NORMAL: gettext_noop("other mail"),
    Priority.LOW: gettext_noop("mail to many"),
}

_REFUSALS = {
    RejectionReason.ABSENT: gettext_noop("There is no such message any more."),
    RejectionReason.NOTHING_TO_RETRY: gettext_noop("This message waits already, or was sent."),
    RejectionReason.NOTHING_TO_CANCEL: gettext_noop("This message does not wait any more."),
    RejectionReason.BEING_SENT: gettext_noop("This message is being sent at this moment."),
    RejectionReason.TOO_OLD: gettext_noop("This message is too old: its address was removed."),
    RejectionReason.SUPPRESSED: gettext_noop(
        "Nothing is sent to this address, since a server said that it does not exist. If that"
        " was wrong, allow it again first."
    ),
    RejectionReason.CHANGED: gettext_noop(
        "This message changed at this moment. Look at it and try again."
    ),
}


def status_label(status: str) -> str:
    """A message's status, such as "sent", in the reader's language."""
    return _(STATUS_LABELS[Status(status)])


def status_meaning(status: str) -> str:
    """What a message's status means, in a sentence."""
    return _(_STATUS_MEANINGS[Status(status)])


def priority_label(priority: int) -> str:
    """What mail of this priority is."""
    return _(_PRIORITY_LABELS[Priority(priority)])


def kind_label(kind: str) -> str:
    """What operators call an email type; its name, where the application has no label for it."""
    if kind == PRERENDERED:
        return _("sent by the application")
    email_type = current_outbox().email_types.get(kind)
    return str(email_type.label or kind) if email_type else kind


def why_not(error: NotPossibleError) -> str:
    """Why something cannot be done with a message."""
    return _(_REFUSALS[error.reason])
