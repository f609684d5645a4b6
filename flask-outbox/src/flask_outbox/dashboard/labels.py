"""What operators read about messages, beside the words of servers."""

from __future__ import annotations

from flask_outbox.application import current_outbox
from flask_outbox.feedback.consequences import CONSEQUENCES
from flask_outbox.feedback.meanings import Meaning
from flask_outbox.operations.messages import NotPossibleError, RejectionReason
from flask_outbox.outbox.email_types import Priority
from flask_outbox.outbox.models import Status
from flask_outbox.outbox.prerendered import PRERENDERED
from flask_outbox.outbox.suppressions import SuppressionSource
from flask_outbox.page_texts import application_gettext
from flask_outbox.page_texts import gettext as _
from flask_outbox.translation import gettext_noop

STATUS_LABELS = {
    Status.QUEUED: gettext_noop("Queued"),
    Status.DEFERRED: gettext_noop("Deferred"),
    Status.SENT: gettext_noop("Sent"),
    Status.DELIVERED: gettext_noop("Delivered"),
    Status.BOUNCED: gettext_noop("Bounced"),
    Status.COMPLAINED: gettext_noop("Reported as spam"),
    Status.DISCARDED: gettext_noop("Discarded"),
    Status.CANCELLED: gettext_noop("Cancelled"),
    Status.EXPIRED: gettext_noop("Expired"),
    Status.UNKNOWN: gettext_noop("Unknown"),
    Status.DEAD: gettext_noop("Failed"),
}

CAME_BACK = (Status.DELIVERED, Status.BOUNCED, Status.COMPLAINED)

_MEANING_LABELS = {
    Meaning.DELIVERED: gettext_noop("It was delivered."),
    Meaning.DELAYED: gettext_noop("It's delayed, and still tried."),
    Meaning.DEAD: gettext_noop("It came back: the address doesn't exist."),
    Meaning.FULL: gettext_noop("It came back: the mailbox is full."),
    Meaning.AMBIGUOUS: gettext_noop("It came back: the address didn't take it."),
    Meaning.POLICY: gettext_noop("It came back: the server doesn't trust the sender."),
    Meaning.MESSAGE: gettext_noop("It came back: the server doesn't take such a message."),
    Meaning.PATH: gettext_noop("It came back: the server couldn't be reached."),
    Meaning.COMPLAINT: gettext_noop("Its recipient reported it as spam."),
    Meaning.UNSUBSCRIBED: gettext_noop("Its recipient unsubscribed."),
    Meaning.PROVIDER: gettext_noop("It wasn't sent: the provider suppresses the address."),
    Meaning.UNKNOWN: gettext_noop("Something came back that nobody understands."),
}

_SOURCE_LABELS = {
    SuppressionSource.ANSWER: gettext_noop("the mail server refused it"),
    SuppressionSource.REPORT: gettext_noop("a message came back"),
    SuppressionSource.PROVIDER: gettext_noop("the provider reported it"),
    SuppressionSource.OPERATOR: gettext_noop("added by an administrator"),
}

_STATUS_MEANINGS = {
    Status.QUEUED: gettext_noop("It's waiting to be sent."),
    Status.DEFERRED: gettext_noop("It couldn't be sent yet and will be tried again."),
    Status.SENT: gettext_noop(
        "The mail server accepted it. If it doesn't arrive, check the recipient's spam folder"
        " first."
    ),
    Status.DELIVERED: gettext_noop("The recipient's mail server said that it arrived."),
    Status.BOUNCED: gettext_noop("The mail server accepted it, and it came back later."),
    Status.COMPLAINED: gettext_noop("It arrived, and its recipient reported it as spam."),
    Status.DISCARDED: gettext_noop(
        "It wasn't sent, on purpose: it's no longer needed, its address doesn't exist, or the"
        " address already got too many such messages."
    ),
    Status.CANCELLED: gettext_noop("An administrator cancelled it."),
    Status.EXPIRED: gettext_noop("It expired before it could be sent."),
    Status.UNKNOWN: gettext_noop(
        "The connection broke after the whole message was sent. It may have arrived."
    ),
    Status.DEAD: gettext_noop(
        "It was refused for good, couldn't be composed, or all attempts failed."
    ),
}

_PRIORITY_LABELS = {
    Priority.HIGH: gettext_noop("waiting (urgent)"),
    Priority.NORMAL: gettext_noop("waiting (other)"),
    Priority.LOW: gettext_noop("waiting (bulk)"),
}

_REFUSALS = {
    RejectionReason.ABSENT: gettext_noop("This message no longer exists."),
    RejectionReason.NOTHING_TO_RETRY: gettext_noop("This message is already waiting or sent."),
    RejectionReason.NOTHING_TO_CANCEL: gettext_noop("This message is no longer waiting."),
    RejectionReason.BEING_SENT: gettext_noop("This message is being sent right now."),
    RejectionReason.TOO_OLD: gettext_noop("This message is too old: its address was deleted."),
    RejectionReason.SUPPRESSED: gettext_noop(
        "Nothing is sent to this address: it's suppressed. If that's wrong, allow the"
        " address first."
    ),
    RejectionReason.CHANGED: gettext_noop(
        "This message has just changed. Check its status and try again."
    ),
}

# Rows keep the words of the day on which they were written.
_REWORDED = {
    "An operator cancelled it.": gettext_noop("An administrator cancelled it."),
    "The process died during an attempt.": gettext_noop("The process stopped during an attempt."),
}


def status_label(status: str) -> str:
    """A message's status, such as "Sent", in the reader's language."""
    return _(STATUS_LABELS[Status(status)])


def status_meaning(status: str) -> str:
    """What a message's status means, in a sentence."""
    return _(_STATUS_MEANINGS[Status(status)])


def meaning_label(meaning: str) -> str:
    """What an event says about a message, in a sentence."""
    return _(_MEANING_LABELS[Meaning(meaning)])


def event_status(meaning: str) -> str:
    """The status that an event's colour is that of."""
    status = CONSEQUENCES[Meaning(meaning)].status
    return str(status or Status.SENT)


def source_label(source: str) -> str:
    """Who said that an address is to be suppressed."""
    return _(_SOURCE_LABELS[SuppressionSource(source)])


def answer_words(answer: str) -> str:
    """What was stored about an attempt: our own sentences, and those that the application has in
    its catalogue, in the reader's language; a server's words as they are.
    """
    if not answer:
        return ""
    ours = _(_REWORDED.get(answer, answer))
    return application_gettext(answer) if ours == answer else ours


def priority_label(priority: int) -> str:
    """What waits with this priority."""
    return _(_PRIORITY_LABELS[Priority(priority)])


def kind_label(kind: str) -> str:
    """What operators call an email type; its name, where the application has no label for it."""
    if kind == PRERENDERED:
        return _("Sent by the application")
    email_type = current_outbox().email_types.get(kind)
    if email_type is None or not email_type.label:
        return kind
    label = str(email_type.label)
    return label[:1].upper() + label[1:]


def why_not(error: NotPossibleError) -> str:
    """Why something cannot be done with a message."""
    return _(_REFUSALS[error.reason])
