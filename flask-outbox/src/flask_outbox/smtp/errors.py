"""What a server's answer means for a message: the one place where answers are translated.

RFC 5321, section 4.2.1: 4yz asks to try again later, 5yz refuses for good. What they leave open is
whose trouble it is: a refusal before MAIL FROM concerns the server or our account with it, and says
nothing about the message that happened to be next.
"""

from __future__ import annotations

import re
from enum import StrEnum

from flask_outbox.smtp.account_refusals import account_refusal
from flask_outbox.translation import gettext, gettext_noop


class Step(StrEnum):
    """Where in the conversation with a server something happened."""

    LOOKUP = gettext_noop("name look-up")
    CONNECT = gettext_noop("connect")
    TLS = "TLS"
    GREETING = gettext_noop("greeting")
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = gettext_noop("log-in")
    MAIL = gettext_noop("sender")
    RCPT = gettext_noop("recipient")
    DATA = "DATA"
    CONTENT = gettext_noop("content")
    ACCEPTANCE = gettext_noop("acceptance")
    RESET = "RSET"
    CHECK = "NOOP"
    QUIT = "QUIT"

    @property
    def label(self) -> str:
        """The step's name in the language of the environment."""
        return gettext(self.value)


class Meaning(StrEnum):
    """What to do with the message."""

    RETRY = "again"
    """Try later: this message was refused for now."""
    REJECT = "never"
    """This message is refused for good."""
    UNKNOWN = "unknown"
    """The connection died after the final dot: the server may have taken it."""
    SERVER = "server"
    """Trouble with the server or our account there: no message is to blame for it."""
    NOTHING = "nothing"
    """Said between messages: the connection is replaced, and what was decided before stands."""


BETWEEN_MESSAGES = frozenset({Step.RESET, Step.CHECK, Step.QUIT})
MESSAGE_STEPS = frozenset({Step.MAIL, Step.RCPT, Step.DATA, Step.CONTENT, Step.ACCEPTANCE})

# RFC 3463: X.5.3, too many recipients. RFC 5321, section 4.5.3.1.10: the code for that is 452, and
# was 552; both also speak of space, which is this one recipient's trouble.
_TOO_MANY = re.compile(r"(?i)^[45]\.5\.3\b|too many (?:recipients|rcpts?)\b")
_ANOTHER_REASON = re.compile(r"(?i)^[45]\.\d+\.\d+\b|mailbox|storage|space|quota|full\b|size|large")


class SmtpError(Exception):
    """A server said no, or nothing, at `step`.

    `code` is its three-digit answer, or None where the connection failed; `answer` its own words,
    or the system's. `meaning` is the verdict on the message. `is_too_many` says of a recipient that
    only the number of them was wrong.
    """

    def __init__(self, step: Step, code: int | None, answer: str) -> None:
        self.step = step
        self.code = code
        self.answer = one_line(answer)
        self.meaning = meaning_of(step, code, self.answer)
        self.is_too_many = step is Step.RCPT and _is_too_many(code, self.answer)
        super().__init__(f"{step}: {code or ''} {self.answer}".replace("  ", " "))


def meaning_of(step: Step, code: int | None, answer: str = "") -> Meaning:
    """Translate an answer (or, with None, a lost or silent connection) at a step.

    A few answers say by their words that it is the account that has trouble, and not the message.
    """
    if step in BETWEEN_MESSAGES:
        return Meaning.NOTHING
    if step is Step.ACCEPTANCE and code is None:
        return Meaning.UNKNOWN
    if step not in MESSAGE_STEPS or code == 530 or account_refusal(code, answer):
        # 530: it wants TLS or a log-in first (RFC 3207, RFC 4954), which is a setting of ours.
        return Meaning.SERVER
    if code is None or code == 421:
        # Once it knows the recipient, it may be this very message that makes it hang up.
        return Meaning.SERVER if step is Step.MAIL else Meaning.RETRY
    if step is Step.RCPT and _is_too_many(code, answer):
        return Meaning.RETRY
    return Meaning.REJECT if 500 <= code < 600 else Meaning.RETRY


def _is_too_many(code: int | None, answer: str) -> bool:
    if code is None or code < 400:
        return False
    if _TOO_MANY.search(answer):
        return True
    return code in {452, 552} and not _ANOTHER_REASON.search(answer)


def one_line(answer: str | bytes) -> str:
    """A server's words as one line of at most 500 printable characters."""
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    words = " ".join(text.split())
    return "".join(letter for letter in words if letter.isprintable())[:500]
