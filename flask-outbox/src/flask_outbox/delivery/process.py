"""Running the dispatcher of an application, as a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from flask import Flask

from flask_outbox.delivery.dispatcher import Dispatcher, DispatcherOptions
from flask_outbox.outbox.outbox import Outbox
from flask_outbox.outbox.wakeup import BellListener, SocketBell
from flask_outbox.signals import on_end
from flask_outbox.smtp.transport import SmtpTransport, SuppressedTransport, Transport

EXTENSION = "microblog.outbox"


def run_dispatcher(app: Flask, *, options: DispatcherOptions | None = None) -> None:
    """Deliver what the application's outbox holds, until SIGINT or SIGTERM.

    The application needs `Mail` and `init_outbox`. What is in flight at the end is finished first.
    Must be called in the main thread, where signals arrive.
    """
    dispatcher = make_dispatcher(app, options=options)
    with BellListener(_bell_path(dispatcher.outbox)) as listener:

        def stop() -> None:
            dispatcher.stop()
            listener.ring()

        on_end(stop)
        dispatcher.run(listener)


def make_dispatcher(app: Flask, *, options: DispatcherOptions | None = None) -> Dispatcher:
    """The dispatcher of the application's outbox, to be run or drained."""
    outbox: Outbox = app.extensions[EXTENSION]
    return Dispatcher(outbox, transport_maker(app), options=options, context=app.app_context)


def transport_maker(app: Flask) -> Callable[[], Transport]:
    """Makes connections to the mail server of the application's `Mail`."""
    state = app.extensions["mail"]

    def transport() -> Transport:
        if state.suppress:
            return SuppressedTransport()
        return SmtpTransport(state.smtp_server, max_emails=state.max_emails)

    return transport


def _bell_path(outbox: Outbox) -> Path | None:
    """Where the application rings; without a path the dispatcher looks by itself."""
    return outbox.bell.path if isinstance(outbox.bell, SocketBell) else None
