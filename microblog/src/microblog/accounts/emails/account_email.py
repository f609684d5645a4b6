"""What every email about accounts declares of itself."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel.speaklater import LazyString

from flask_outbox import EmailType


@dataclass(frozen=True)
class AccountEmail:
    """An email about accounts: how it is composed and sent, and what people call it.

    `label` is what administrators' pages call it. `log_sentence` is what its recipient reads about
    it in the security log; None for an email that is never enqueued, only composed in place of
    another.
    """

    email_type: EmailType
    label: LazyString
    log_sentence: LazyString | None

    @property
    def kind(self) -> str:
        """Its name in the rows of the outbox."""
        return self.email_type.name
