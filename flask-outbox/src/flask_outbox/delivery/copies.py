"""With a return path, each recipient gets a copy of their own: whatever comes back tells whose."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from flask_outbox.delivery.mistakes import last_line
from flask_outbox.message.return_path import ReturnPath
from flask_outbox.smtp.errors import Meaning, SmtpError, Step
from flask_outbox.smtp.submission import Accepted, Envelope, RecipientsRefusedError
from flask_outbox.smtp.transport import Transport

logger = logging.getLogger(__name__)

COPIES_AT_ONCE = 20
"""How many copies leave before the row is settled: if the process dies, so many go out twice."""


def copy_for(
    recipient: str,
    envelope: Envelope,
    return_path: ReturnPath,
    row_id: int,
    *,
    now: float,
    sign: Callable[[bytes], bytes],
) -> Envelope:
    """The copy for one of the recipients, with a token as its sender and in a header."""
    token = return_path.token(row_id, recipient, now)
    headers = "".join(f"{name}: {token}\r\n" for name in return_path.headers)
    return replace(
        envelope,
        sender=return_path.sender_with(token),
        recipients=[recipient],
        content=sign(headers.encode() + envelope.content),
        envelope_id=token,
    )


def send_copies(
    transport: Transport, copy: Callable[[str], Envelope], recipients: Sequence[str]
) -> Accepted:
    """Hand over the copies of these recipients, one after the other; each is made when it leaves.

    If the server accepts some of them, the refusals of the others are returned, also of those to
    whom none was offered: because the server failed, or COPIES_AT_ONCE were accepted.

    Raises SmtpError if the server accepts none.
    """
    answers: list[str] = []
    refused: list[tuple[str, SmtpError]] = []
    waiting = list(recipients)
    # As from a server that takes only so many: the rest follow at once.
    words = f"4.5.3 not offered yet: {COPIES_AT_ONCE} copies leave at once"
    left = SmtpError(Step.RCPT, 452, words)
    while waiting and len(answers) < COPIES_AT_ONCE:
        recipient = waiting.pop(0)
        try:
            answers.append(transport.send(copy(recipient)).answer)
        except RecipientsRefusedError as error:
            refused += error.refused
        except SmtpError as error:
            if len(recipients) == 1 or (_concerns_all(error) and not answers):
                raise
            refused.append((recipient, error))
            if _concerns_all(error):
                left = error
                break
        except Exception as error:
            if not answers:
                raise
            # Those who have it must not get it again.
            logger.exception("A copy could not be sent")
            transport.close()
            left = SmtpError(Step.ACCEPTANCE, None, last_line(error))
            refused.append((recipient, left))
            break
    refused += [(who, left) for who in waiting]
    if not answers:
        raise RecipientsRefusedError(refused)
    return Accepted(_answer(answers), tuple(refused))


def _concerns_all(error: SmtpError) -> bool:
    """Whether the next copy would fare like this one: the connection or the server failed."""
    return error.code in {None, 421} or error.meaning is Meaning.SERVER


def _answer(answers: Sequence[str]) -> str:
    if len(answers) == 1:
        return answers[0]
    return f"{answers[0]} (the first of {len(answers)} copies)"
