"""OutboxTester: looks into an outbox, and delivers what it holds to the test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import Context
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from flask import Flask, current_app, has_app_context
from sqlalchemy.orm import Session

from flask_outbox.application import state_of
from flask_outbox.message.addresses import AddressLike
from flask_outbox.message.email import Email
from flask_outbox.outbox.email_types import EmailType
from flask_outbox.outbox.joining import has_written
from flask_outbox.outbox.outbox import Outbox, has_enqueued
from flask_outbox.outbox.validation import check_send_at
from flask_outbox.testing.delivering import deliver_all
from flask_outbox.testing.messages import MessageRecord, read_messages, type_name


class OutboxTester:
    """The outbox of an application under test, which delivers to the test and not to a server.

        with OutboxTester(app) as outbox:
            client.post("/orders", data={"address": "susan@example.com"})
            outbox.assert_queued("shop.confirmation", to="susan@example.com", order_id=1)
            (email,) = outbox.deliver()
        assert email.subject == "Your order"

    `app` is the Flask application, or an Outbox that has none. Within the block nothing leaves the
    process, not even what `mail.send` sends; `mail.record_messages()` hears it as always. The
    database is the application's own; nothing is deleted at the end.

    With unittest, write `outbox = self.enterContext(OutboxTester(self.app))` in `setUp`. Raises
    RuntimeError if the application has no outbox.
    """

    def __init__(self, app: Flask | Outbox) -> None:
        self._app = app if isinstance(app, Flask) else None
        self._outbox = app if isinstance(app, Outbox) else state_of(app).outbox
        self._suppressed: bool | None = None

    def __enter__(self) -> Self:
        mail = self._mail()
        if mail is not None:
            self._suppressed, mail.suppress = mail.suppress, True
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        mail = self._mail()
        if mail is not None:
            mail.suppress = self._suppressed

    def queued(
        self,
        type: EmailType | str | None = None,  # noqa: A002 - the word of the documentation
        to: AddressLike | None = None,
    ) -> list[MessageRecord]:
        """The messages that wait, oldest first; only those of this type, and for this address.

        What the application's open transaction has written is among them, whether or not it will
        be committed. So is what waits for its `send_at`.
        """
        return self._found(type, to, waiting=True)

    def ended(
        self,
        type: EmailType | str | None = None,  # noqa: A002 - as in `queued`
        to: AddressLike | None = None,
    ) -> list[MessageRecord]:
        """The messages that were sent, discarded or expired; `answer` says why."""
        return self._found(type, to, waiting=False)

    def assert_queued(
        self,
        type: EmailType | str | None = None,  # noqa: A002 - as in `queued`
        /,
        *,
        to: AddressLike | None = None,
        **arguments: Any,
    ) -> MessageRecord:
        """Return the first message that waits with this type, address and these arguments.

        Arguments that are not named may have any value. Those of a finished message are its parts:
        `assert_queued(to="susan@example.com", subject="Thank you")`.

        Raises AssertionError with a list of what is queued instead.
        """
        for message in self.queued(type, to):
            if message.has(arguments):
                return message
        wanted = "message" if type is None else type_name(type)
        receiver = "" if to is None else f" to {to}"
        given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        raise AssertionError(
            f"No {wanted}{receiver}{' with ' * bool(given)}{given} is queued. {self._words()}"
        )

    def assert_nothing_queued(self) -> None:
        """Raise AssertionError with a list of the messages that wait, if there are any."""
        if self.queued():
            raise AssertionError(self._words())

    def deliver(self, *, at: datetime | None = None) -> list[Email]:
        """Compose and deliver all that is due, as a dispatcher does; return it in that order.

        `at`, a moment with a time zone, is the time that it is then: what was scheduled for it or
        before is due, and what is older than its lifetime expires. An Email comes with the sender
        and the recipients that it leaves with. What composers discard is not among them; see
        `ended`.

        Raises what a composer raised, and AssertionError for a message that could not be delivered
        and if the application's session has work that is not committed.
        """
        now = check_send_at(at)
        with self._context():
            self._refuse_uncommitted()
        # As in a dispatcher's thread, there is no request, and no context of the test.
        return Context().run(self._deliver, now)

    def _deliver(self, now: float | None) -> list[Email]:
        with nullcontext() if self._app is None else self._app.app_context():
            return deliver_all(self._outbox, now=now)

    def _mail(self) -> Any:
        return None if self._app is None else self._app.extensions.get("mail")

    def _found(
        self, email: EmailType | str | None, to: AddressLike | None, *, waiting: bool
    ) -> list[MessageRecord]:
        with self._session() as session:
            messages = read_messages(session, waiting=waiting)
        return [
            one
            for one in messages
            if (email is None or one.type == type_name(email)) and (to is None or one.is_to(to))
        ]

    def _words(self) -> str:
        messages = self.queued()
        return "\n  ".join(["Queued are:", *map(str, messages)] if messages else ["Nothing is."])

    def _refuse_uncommitted(self) -> None:
        session = self._request_session()
        if session is not None and (has_enqueued(session) or has_written(session)):
            raise AssertionError(
                "The application's session has work that is not committed: call commit() or"
                " rollback() before deliver(). Mail leaves after the commit only, and composers"
                " see only what is committed."
            )

    @contextmanager
    def _session(self) -> Iterator[Session]:
        """The application's session, which sees what is not committed; or else a new one."""
        with self._context():
            shared = self._request_session()
            if shared is None:
                with self._outbox.sessions() as own:
                    yield own
                return
            is_ours = not shared.in_transaction()
            with shared.no_autoflush:
                yield shared
            if is_ours:
                # The next look must not see the same snapshot.
                shared.commit()

    def _request_session(self) -> Session | None:
        return None if self._app is None else state_of(self._app).request_session()

    def _context(self) -> AbstractContextManager[object]:
        """The application's context: that of the test, if there is one."""
        if self._app is None or (has_app_context() and current_app == self._app):
            return nullcontext()
        return self._app.app_context()
