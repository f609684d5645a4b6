"""What `flask outbox check` says of what comes back: rates by domain, what is not understood."""

from __future__ import annotations

import time
from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError

from flask_outbox.cli.sessions import reading
from flask_outbox.cli.verdicts import Level, Verdict
from flask_outbox.operations.feedback import (
    WINDOW_SECONDS,
    DomainRates,
    count_not_understood,
    domain_rates,
)
from flask_outbox.outbox.email_types import DAY
from flask_outbox.outbox.validation import OutboxError
from flask_outbox.translation import gettext as _
from flask_outbox.translation import ngettext


def check_feedback() -> Iterator[Verdict]:
    """Whether receivers begin to mind, and what nobody understands."""
    for words in _warnings():
        yield Verdict(Level.WARNING, words)


def _warnings() -> Iterator[str]:
    try:
        with reading() as session:
            rates = domain_rates(session, now=time.time())
            left = count_not_understood(session)
    except (DBAPIError, OutboxError):
        # The check of the database says so.
        return
    yield from (_words(one) for one in rates if one.level)
    if left:
        words = ngettext(
            "There is {count} report about mail that nobody understands: flask outbox reports.",
            "There are {count} reports about mail that nobody understands: flask outbox reports.",
            left,
        )
        yield words.format(count=left)


def _words(one: DomainRates) -> str:
    words = _(
        "Of {accepted} messages to {domain} in {days} days, {bounced:.1%} bounced and"
        " {complained:.2%} were reported as spam. Receivers refuse senders above 5 %, or 0.3 %."
    )
    return words.format(
        accepted=one.accepted,
        domain=one.domain,
        days=round(WINDOW_SECONDS / DAY),
        bounced=one.bounce_rate,
        complained=one.complaint_rate,
    )
