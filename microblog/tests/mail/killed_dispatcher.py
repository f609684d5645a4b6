"""The points at which a dispatcher can be made to kill itself with SIGKILL."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable
from typing import Any

from flask_outbox.delivery import delivery
from flask_outbox.delivery.claims import Claims, Settlement
from flask_outbox.delivery.delivery import Delivery
from flask_outbox.smtp import submission
from flask_outbox.smtp.client import SmtpClient
from flask_outbox.smtp.errors import Step
from flask_outbox.smtp.transport import SmtpTransport

LEASE_SECONDS = 1.0

AFTER_ADMISSION = "after admission"
"""Only messages that count towards the recipient limit pass this point; all pass the others."""

AFTER: dict[str, tuple[Any, str, int]] = {
    "after the claim": (Claims, "settle_and_claim", 1),
    "after connecting": (SmtpTransport, "open", 1),
    AFTER_ADMISSION: (delivery, "admit", 1),
    "after composing": (Delivery, "_written", 1),
    "after the envelope": (submission, "_begin_message", 1),
    "after acceptance": (SmtpTransport, "send", 1),
    "while settling": (Claims, "_settle_one", 1),
}
"""The function at the end of whose call the process dies."""
BEFORE_THE_DOT, AFTER_THE_DOT = "before the final dot", "after the final dot"
AFTER_SETTLING = "after settling"
POINTS = (*AFTER, AFTER_SETTLING, BEFORE_THE_DOT, AFTER_THE_DOT)


def arm(point: str, call: int | None = None) -> None:
    """Make this process kill itself at that point, at the first call or the given one."""
    if point in {BEFORE_THE_DOT, AFTER_THE_DOT}:
        _die_at_the_dot(call or 1, sent=point == AFTER_THE_DOT)
    elif point == AFTER_SETTLING:
        _die_after_settling(call or 1)
    else:
        owner, name, first = AFTER[point]
        setattr(owner, name, _then_die(getattr(owner, name), call or first))


def _then_die(function: Callable[..., Any], call: int) -> Callable[..., Any]:
    calls = itertools.count(1)

    def called(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        if next(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return called


def _die_after_settling(call: int) -> None:
    """Die in any thread that settles something."""
    calls = itertools.count(1)
    settle_and_claim = Claims.settle_and_claim

    def called(claims: Claims, settlement: Settlement | None, *args: Any, **kwargs: Any) -> Any:
        result = settle_and_claim(claims, settlement, *args, **kwargs)
        if settlement is not None and next(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    Claims.settle_and_claim = called  # type: ignore[method-assign, assignment]


def _die_at_the_dot(call: int, *, sent: bool) -> None:
    calls = itertools.count(1)
    write = SmtpClient._write

    def written(client: SmtpClient, step: Step, data: bytes, shown: str) -> None:
        if step is Step.CONTENT and next(calls) == call:
            write(client, step, data if sent else data.removesuffix(b".\r\n"), shown)
            os.kill(os.getpid(), signal.SIGKILL)
        write(client, step, data, shown)

    SmtpClient._write = written  # type: ignore[method-assign, assignment]
