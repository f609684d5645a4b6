"""What a server's answer means for a message: the one place where answers are translated.

RFC 5321, section 4.2.1: 4yz asks to try again later, 5yz refuses for good. It leaves open what the
refusal is about: before MAIL FROM, that is the server or our account with it, and not the message
that happened to be next.
"""

from __future__ import annotations

import re
from enum import StrEnum

from flask_outbox.smtp.account_refusals import account_refusal
from flask_outbox.translation import gettext, gettext_noop


class Step(StrEnum):
    """The step of the conversation with a server at which something happened."""

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
    """The connection was lost after the final dot: the server may have accepted the message."""
    SERVER = "server"
    """Something is wrong with the server or our account there, not with the message."""
    NOTHING = "nothing"
    """It happened between messages: the connection is replaced, and no message is affected."""


BETWEEN_MESSAGES = frozenset({Step.RESET, Step.CHECK, Step.QUIT})
MESSAGE_STEPS = frozenset({Step.MAIL, Step.RCPT, Step.DATA, Step.CONTENT, Step.ACCEPTANCE})

# RFC 3463: X.5.3, too many recipients. RFC 5321, section 4.5.3.1.10: the code for that is 452, and
# was 552; both codes are also used for a lack of space, which concerns that one recipient.
_TOO_MANY = re.compile(r"(?i)^[45]\.5\.3\b|too many (?:recipients|rcpts?)\b")
_ANOTHER_REASON = re.compile(r"(?i)^[45]\.\d+\.\d+\b|mailbox|storage|space|quota|full\b|size|large")


class SmtpError(Exception):
    """A server refused something, or the connection failed, at `step`.

    `code` is the server's three digits, or None if the connection failed; `answer` is its text, or
    the system's. `meaning` is what that means for the message. `is_too_many` tells that a recipient
    was refused only because there were too many.
    """

    def __init__(self, step: Step, code: int | None, answer: str) -> None:
        self.step = step
        self.code = code
        self.answer = one_line(answer)
        self.meaning = meaning_of(step, code, self.answer)
        self.is_too_many = step is Step.RCPT and _is_too_many(code, self.answer)
        super().__init__(f"{step}: {code or ''} {self.answer}".replace("  ", " "))


def meaning_of(step: Step, code: int | None, answer: str = "") -> Meaning:
    """What an answer (or, with None, a lost or silent connection) at a step means for a message.

    A few answers tell only by their text that they are about our account.
    """
    if step in BETWEEN_MESSAGES:
        return Meaning.NOTHING
    if step is Step.ACCEPTANCE and code is None:
        return Meaning.UNKNOWN
    if step not in MESSAGE_STEPS or code == 530 or account_refusal(code, answer):
        # 530: TLS or a log-in is required first (RFC 3207, RFC 4954), which is our configuration.
        return Meaning.SERVER
    if code is None or code == 421:
        # Once the server knows the recipient, this very message may be what makes it hang up.
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
    """A server's text as one line of at most 500 printable characters."""
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    words = " ".join(text.split())
    return "".join(letter for letter in words if letter.isprintable())[:500]
