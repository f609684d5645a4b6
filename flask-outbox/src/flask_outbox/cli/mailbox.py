"""`flask outbox check`: whether the mailbox in which bounces arrive can be read."""

from __future__ import annotations

import time
from collections.abc import Iterator

from flask import current_app

from flask_outbox.cli.verdicts import Level, Verdict
from flask_outbox.config_values import Config
from flask_outbox.configuration import imap_mailbox
from flask_outbox.feedback.imap import MailboxError, opened
from flask_outbox.translation import gettext as _
from flask_outbox.translation import ngettext


def check_mailbox() -> Iterator[Verdict]:
    """Whether the current application's mailbox can be read."""
    return mailbox_verdicts(current_app.config)


def mailbox_verdicts(config: Config) -> Iterator[Verdict]:
    """Log in to the mailbox of these settings, if they name one, and look how much waits there."""
    mailbox = imap_mailbox(config)
    if mailbox is None:
        return
    try:
        with opened(mailbox) as folder:
            count = len(folder.uids(now=time.time()))
    except MailboxError as error:
        hint = _("Correct MAIL_IMAP_….")
        yield Verdict(Level.WRONG, f"{mailbox.name}: {error}", hint)
        return
    words = ngettext(
        "{name} can be read. {count} message waits in it.",
        "{name} can be read. {count} messages wait in it.",
        count,
    )
    yield Verdict(Level.OK, words.format(name=mailbox.name, count=count))
