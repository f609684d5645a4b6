"""What is said where something outside is wrong: the database, its tables, a file, a port."""

from __future__ import annotations

import click
from sqlalchemy.exc import DBAPIError

from flask_outbox.database_errors import reason
from flask_outbox.outbox.validation import OutboxError
from flask_outbox.translation import gettext as _


def in_words(error: Exception) -> click.ClickException | None:
    """An error of the user's surroundings in one sentence; None for one that is a mistake."""
    if isinstance(error, OutboxError):
        return click.ClickException(str(error))
    if isinstance(error, DBAPIError):
        words = _("The database can't be used: {reason}").format(reason=reason(error))
    elif isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
        words = _("{place} can't be used: {reason}.").format(
            place=error.filename or _("A file or a connection"),
            reason=error.strerror or error,
        )
    else:
        return None
    return click.ClickException(words)
