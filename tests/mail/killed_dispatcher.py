"""A dispatcher that kills itself with SIGKILL at one point of its work: `POINT` is the argument."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from microblog.app import create_app
from microblog.cli.processes import make_dispatcher
from microblog.mail import claims
from microblog.mail.client import SmtpClient
from microblog.mail.delivery import Delivery
from microblog.mail.dispatcher import DispatcherOptions
from microblog.mail.outcomes import Step
from microblog.mail.transport import SmtpTransport
from microblog.settings import load_settings

LEASE_SECONDS = 1.0

AFTER: dict[str, tuple[Any, str]] = {
    "after the claim": (Delivery, "claim"),
    "after connecting": (SmtpTransport, "open"),
    "after composing": (Delivery, "_compose"),
    "after acceptance": (SmtpTransport, "send"),
    "while settling": (claims, "settle"),
    "after settling": (Delivery, "_end"),
}
BEFORE_THE_DOT = "before the final dot"
POINTS = (*AFTER, BEFORE_THE_DOT)


def main(point: str) -> None:
    if point == BEFORE_THE_DOT:
        _die_before_the_dot()
    else:
        owner, name = AFTER[point]
        setattr(owner, name, _then_die(getattr(owner, name)))
    settings = load_settings()
    with create_app(settings).app_context():
        dispatcher = make_dispatcher(settings)
        dispatcher.options = DispatcherOptions(lease=LEASE_SECONDS)
        dispatcher.drain()


def _then_die(function: Callable[..., Any]) -> Callable[..., Any]:
    def called(*args: Any, **kwargs: Any) -> None:
        function(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    return called


def _die_before_the_dot() -> None:
    write = SmtpClient._write

    def written(client: SmtpClient, step: Step, data: bytes, shown: str) -> None:
        if step is Step.ACCEPTANCE:
            os.kill(os.getpid(), signal.SIGKILL)
        write(client, step, data, shown)

    SmtpClient._write = written  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    main(sys.argv[1])
