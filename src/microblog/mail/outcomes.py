"""What a server's answer means for a message: the one place where answers are translated.

RFC 5321, section 4.2.1: 4yz asks to try again later, 5yz refuses for good. What they leave open is
whose trouble it is: a refusal before MAIL FROM concerns the server or our account with it, and says
nothing about the message that happened to be next.
"""

from __future__ import annotations

from enum import StrEnum


class Step(StrEnum):
    """Where in the conversation with a server something happened."""

    LOOKUP = "name look-up"
    CONNECT = "connect"
    TLS = "TLS"
    GREETING = "greeting"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "log-in"
    MAIL = "sender"
    RCPT = "recipient"
    DATA = "DATA"
    CONTENT = "content"
    ACCEPTANCE = "acceptance"


class Meaning(StrEnum):
    """What to do with the message."""

    AGAIN = "again"
    """Try later: this message was refused for now."""
    NEVER = "never"
    """This message is refused for good."""
    UNKNOWN = "unknown"
    """The connection died after the final dot: the server may have taken it."""
    SERVER = "server"
    """Trouble with the server or our account there: no message is to blame for it."""


MESSAGE_STEPS = frozenset({Step.MAIL, Step.RCPT, Step.DATA, Step.CONTENT, Step.ACCEPTANCE})


class SmtpError(Exception):
    """A server said no, or nothing, at `step`.

    `code` is its three-digit answer, or None where the connection failed; `answer` its own words,
    or the system's. `meaning` is the verdict on the message.
    """

    def __init__(self, step: Step, code: int | None, answer: str) -> None:
        self.step = step
        self.code = code
        self.answer = one_line(answer)
        self.meaning = meaning_of(step, code)
        super().__init__(f"{step}: {code or ''} {self.answer}".replace("  ", " "))


def meaning_of(step: Step, code: int | None) -> Meaning:
    """Translate an answer (or, with None, a lost connection) at a step."""
    if step is Step.ACCEPTANCE and code is None:
        return Meaning.UNKNOWN
    if step not in MESSAGE_STEPS or code == 530:
        # 530: it wants TLS or a log-in first (RFC 3207, RFC 4954), which is a setting of ours.
        return Meaning.SERVER
    if code is None or code == 421:
        # Once it knows the recipient, it may be this very message that makes it hang up.
        return Meaning.SERVER if step is Step.MAIL else Meaning.AGAIN
    return Meaning.NEVER if 500 <= code < 600 else Meaning.AGAIN


def one_line(answer: str | bytes) -> str:
    """A server's words as one line of at most 500 printable characters."""
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    words = " ".join(text.split())
    return "".join(letter for letter in words if letter.isprintable())[:500]
