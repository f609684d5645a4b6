"""What the readers of all providers share: the server's words count more than a provider's class.

Providers call most permanent refusals a hard bounce, those for policy and full mailboxes as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask_outbox.feedback.classification import classify
from flask_outbox.feedback.intake import fitting_event_id
from flask_outbox.feedback.meanings import Meaning
from flask_outbox.feedback.provider_events import ProviderEvent
from flask_outbox.feedback.reports import RecipientReport
from flask_outbox.message.addresses import ADDRESS_MAXIMUM
from flask_outbox.smtp.errors import one_line

WORDS_MAXIMUM = 1000
_TOKEN_MAXIMUM = 200

_UNCLEAR = {Meaning.AMBIGUOUS, Meaning.UNKNOWN, Meaning.DELIVERED, Meaning.DELAYED}
"""What a refusal's words may be taken for where they say nothing about it."""

_TYPE = re.compile(r"\s*[A-Za-z0-9-]{1,40}\s*;\s*")
"""Of a Diagnostic-Code (RFC 3464, section 2.3.6), before the server's words."""

_CODE = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


@dataclass(frozen=True, slots=True)
class Judged:
    """A meaning, with the code and the words that it was found from."""

    meaning: Meaning
    code: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which message an event is about: texts of the provider, each may be empty."""

    event_id: str
    token: str = ""
    message_id: str = ""

    def event(self, recipient: str, judged: Judged) -> ProviderEvent:
        """What it says of one recipient."""
        address = recipient.strip()
        fits = len(address) <= ADDRESS_MAXIMUM and address.isprintable()
        return ProviderEvent(
            event_id=fitting_event_id(self.event_id),
            recipient=address if fits else "",
            meaning=judged.meaning,
            code=judged.code if _CODE.fullmatch(judged.code) else "",
            words=one_line(judged.words)[:WORDS_MAXIMUM],
            token=_one_word(self.token, _TOKEN_MAXIMUM),
            message_id=_bracketed(_one_word(self.message_id, ADDRESS_MAXIMUM - 2)),
        )


def judge(
    recipient: str, words: str, *, status: str = "", said: Meaning, is_permanent: bool
) -> Judged:
    """What a refusal means: by the server's words, or `said` by the provider if they are unclear.

    Only a permanent one can say that an address is dead.
    """
    bare = _TYPE.sub("", words, count=1) if _TYPE.match(words) else words
    report = RecipientReport(recipient, "", "failed", status, bare)
    found = classify(report, "")
    meaning = said if found.meaning in _UNCLEAR else found.meaning
    if meaning is Meaning.DEAD and not is_permanent:
        meaning = Meaning.AMBIGUOUS
    return Judged(meaning, found.code, found.words or words)


def _one_word(written: str, maximum: int) -> str:
    word = written.strip()
    fits = len(word) <= maximum and word.isascii() and word.isprintable() and " " not in word
    return word if fits else ""


def _bracketed(message_id: str) -> str:
    bare = message_id.removeprefix("<").removesuffix(">")
    return f"<{bare}>" if bare else ""
