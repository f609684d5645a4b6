"""Mistakes that no further attempt can heal: those of the program and of its configuration.

A message that met one ends at once, with the reason. Errors that may come from data, from another
server or from a deploy that is under way are tried again.
"""

from __future__ import annotations

import traceback

from jinja2 import TemplateNotFound, TemplateSyntaxError

from flask_outbox.message.addresses import AddressError
from flask_outbox.message.email import BadHeaderError, Email, EmailError
from flask_outbox.message.templates import MissingExtraError
from flask_outbox.outbox.email_types import Discard
from flask_outbox.outbox.validation import OutboxError
from flask_outbox.smtp.errors import one_line

_SAYING = (AddressError, BadHeaderError, EmailError, MissingExtraError, OutboxError)
"""Errors whose words say enough."""

_OF_LISTS = {"list-id", "list-unsubscribe", "list-unsubscribe-post"}

# Flask and Werkzeug raise a plain RuntimeError with these words.
_OUTSIDE = {
    "Unable to build URLs": (
        "Links cannot be built without a request: set SERVER_NAME, and PREFERRED_URL_SCHEME to"
        " https, in the application's configuration."
    ),
    "Working outside of request context": (
        "The composer uses the request, which is over when a message is composed: enqueue the"
        " message with what it needs as arguments."
    ),
    "Working outside of application context": (
        "The composer uses the application, and is run outside of its context: deliver with"
        " `flask outbox deliver` or run_dispatcher(app)."
    ),
}


class NothingComposedError(TypeError):
    """A composer returned neither an Email nor a Discard."""


def checked(composed: object, type_name: str) -> Email | Discard:
    """What a composer returned. Raises NothingComposedError."""
    if isinstance(composed, Email | Discard):
        return composed
    what = "None" if composed is None else f"a {type(composed).__name__}"
    raise NothingComposedError(
        f"The composer of {type_name!r} returned {what}; it must return an Email or a Discard."
    )


def check_list_mail(email: Email, recipient_key: str) -> None:
    """Raises EmailError for mail of a list that its links and headers would not fit."""
    if [one.key for one in email.recipients] != [recipient_key]:
        raise EmailError(
            "Mail of a list goes to the one recipient that it was enqueued for, since whoever has"
            " it can unsubscribe that address: leave to, cc and bcc out."
        )
    for name in email.headers:
        if name.lower() in _OF_LISTS:
            raise EmailError(f"{name} is written from the list of the email type: leave it out.")


def lasting_reason(error: BaseException) -> str | None:
    """Why composing fails until somebody mends it; None if it may work at the next attempt."""
    if isinstance(error, (*_SAYING, NothingComposedError)):
        return one_line(str(error))
    if isinstance(error, TemplateNotFound):
        return f"There is no template named {one_line(str(error))}."
    if isinstance(error, TemplateSyntaxError):
        place = f"{error.name or 'template'}, line {error.lineno}"
        return one_line(f"{place}: {error.message}")
    if isinstance(error, RuntimeError):
        said = str(error)
        return next((words for begin, words in _OUTSIDE.items() if said.startswith(begin)), None)
    if isinstance(error, (ImportError, NameError, SyntaxError)):
        return last_line(error)
    return None


def last_line(error: BaseException) -> str:
    """The last line of the traceback: what happened, without where."""
    return one_line(traceback.format_exception_only(error)[-1])
