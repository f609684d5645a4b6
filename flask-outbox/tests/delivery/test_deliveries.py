"""How one delivery ends, depending on what happens: each end is one settlement.

The server is an object in this process; real answers of servers are in test_outcomes.py.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from flask_outbox import ComposeContext, Discard, Email, EmailType, Outbox, parse_address
from flask_outbox.delivery.claims import Claims, Settlement
from flask_outbox.delivery.delivery import MAX_CRASHES, Delivery
from flask_outbox.delivery.dispatcher import ALL_PRIORITIES
from flask_outbox.delivery.leases import LeaseKeeper
from flask_outbox.delivery.pacing import Pacing
from flask_outbox.delivery.servers import Connections, one_server
from flask_outbox.outbox import suppressions
from flask_outbox.outbox.models import OutboxMessage, Status
from flask_outbox.outbox.rate_limits import RateLimits, parse_rate_limits
from flask_outbox.smtp.errors import SmtpError, Step
from flask_outbox.smtp.submission import Accepted, Envelope, RecipientsRefusedError
from tests.delivery.bare_outbox import NOW, bare_engine, put

SUSAN = "susan@example.com"

AWAY = SmtpError(Step.CONNECT, None, "nobody answers")
LATER = SmtpError(Step.RCPT, 450, "4.2.0 later")
NEVER = SmtpError(Step.CONTENT, 550, "5.7.1 no")
LOST = SmtpError(Step.ACCEPTANCE, None, "connection lost")


@dataclass
class Server:
    """Raises a given error when it is opened or offered a message, or takes the message."""

    opening: list[Exception | None] = field(default_factory=list)
    sending: Exception | None = None
    accepted: Accepted = Accepted("250 ok")  # noqa: RUF009 - it is frozen
    taken: list[Envelope] = field(default_factory=list)
    is_closed: bool = False

    def open(self) -> None:
        error = self.opening.pop(0) if self.opening else None
        if error is not None:
            raise error

    def offers(self, _keyword: str, /) -> bool:
        return True

    def send(self, envelope: Envelope) -> Accepted:
        if self.sending is not None:
            raise self.sending
        self.taken.append(envelope)
        return self.accepted

    def close(self) -> None:
        self.is_closed = True

    def close_if_idle(self) -> None: ...


@dataclass
class Site:
    """An outbox with one email type, a number as the clock, and a scripted server."""

    engine: Engine
    now: float = NOW
    server: Server = field(default_factory=Server)
    composed: list[ComposeContext] = field(default_factory=list)
    composing: Email | Discard | Exception | None = None
    seconds: float = 0.0
    limits: RateLimits = field(default_factory=RateLimits)

    def __post_init__(self) -> None:
        sessions = sessionmaker(self.engine)
        self.outbox = Outbox(sessions, sender="site@example.com", clock=lambda: self.now)

    def compose(self, _session: Session, context: ComposeContext) -> Email | Discard:
        self.composed.append(context)
        self.now += self.seconds
        if isinstance(self.composing, Exception):
            raise self.composing
        return self.composing or Email("Hello", "text", to=(context.recipient,))

    def deliver(self, kind: dict[str, Any], row: dict[str, Any]) -> Settlement:
        """Claim and deliver one message of this email type, with these columns."""
        self.outbox.register(EmailType(**{"name": "any", "compose": self.compose, **kind}))
        with self.outbox.sessions() as session:
            put(session, recipient_key=SUSAN, **row)
            session.commit()
        claims = Claims(self.engine, lease=20.0, pacing=Pacing(self.limits))
        try:
            claim = claims.claim(ALL_PRIORITIES, now=self.now)
            assert claim is not None
            delivery = Delivery(
                self.outbox,
                Connections(one_server(lambda: self.server)),
                claims,
                LeaseKeeper(claims, clock=lambda: self.now),
            )
            return delivery.deliver(claim)
        finally:
            claims.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with bare_engine(tmp_path) as engine:
        yield Site(engine)


ONCE = {"repeat_unknown": False}
DIED = {"attempts": 3}
BEGUN = MAX_CRASHES + 3


@pytest.mark.parametrize(
    ("kind", "row", "server", "composing", "status", "words"),
    [
        ({}, {}, Server(), None, Status.SENT, "250 ok"),
        ({}, {}, Server(sending=NEVER), None, Status.DEAD, "5.7.1"),
        ({}, {}, Server(sending=LATER), None, Status.DEFERRED, "4.2.0"),
        ({}, {}, Server([AWAY]), None, Status.DEFERRED, "nobody answers"),
        ({}, {}, Server([None, AWAY]), None, Status.DEFERRED, "nobody answers"),
        # Perhaps it was taken.
        ({}, {}, Server(sending=LOST), None, Status.DEFERRED, "connection lost"),
        (ONCE, {}, Server(sending=LOST), None, Status.UNKNOWN, "connection lost"),
        ({}, {}, Server(sending=ValueError("no")), None, Status.DEFERRED, "could not be sent"),
        (ONCE, {}, Server(sending=ValueError("no")), None, Status.UNKNOWN, "could not be sent"),
        (ONCE, {}, Server(sending=LATER), None, Status.DEFERRED, "4.2.0"),
        (ONCE, {}, Server(sending=NEVER), None, Status.DEAD, "5.7.1"),
        # The process of the attempt before died.
        ({}, DIED, Server(), None, Status.SENT, "250 ok"),
        (ONCE, DIED, Server(), None, Status.UNKNOWN, "process died"),
        # So often that it is this message's doing.
        ({"delays": (1.0, 1.0)}, {"failures": BEGUN - 1}, Server(), None, Status.SENT, "250"),
        ({"delays": (1.0, 1.0)}, {"failures": BEGUN}, Server(), None, Status.DEAD, "24 times"),
        # Its patience.
        ({"delays": (1.0,)}, {}, Server(sending=LATER), None, Status.DEFERRED, "4.2.0"),
        ({"delays": (1.0,)}, {"failures": 1}, Server(sending=LATER), None, Status.DEAD, "after 2"),
        # Its time.
        ({}, {"expires_at": NOW + 1}, Server(), None, Status.SENT, "250 ok"),
        ({}, {"expires_at": NOW}, Server(), None, Status.EXPIRED, "expired before"),
        ({}, {"expires_at": NOW}, Server([AWAY]), None, Status.DEFERRED, "nobody answers"),
        # Its text.
        ({}, {}, Server(), Discard("nobody is there"), Status.DISCARDED, "nobody is there"),
        ({}, {}, Server(), LookupError("a mistake"), Status.DEFERRED, "a mistake"),
        ({}, {}, Server(), Email("Hello", "text"), Status.SENT, "ok"),
    ],
)
def test_each_outcome_is_distinguished(
    site: Site,
    kind: dict[str, Any],
    row: dict[str, Any],
    server: Server,
    composing: Email | Discard | Exception | None,
    status: Status,
    words: str,
) -> None:
    site.server = Server([*server.opening], server.sending)
    site.composing = composing
    settlement = site.deliver(kind, row)
    assert (settlement.status, words in settlement.answer) == (status, True), settlement.answer
    is_away = "nobody answers" in words
    assert (settlement.trouble is not None) == settlement.uncounted == is_away
    assert (settlement.due_at is not None) == (status is Status.DEFERRED)
    if is_away:
        assert settlement.due_at == NOW
    elif settlement.due_at is not None:
        assert settlement.due_at > NOW
    needs_no_text = status is Status.EXPIRED or words in {"process died", "24 times"}
    assert (not site.composed) == (needs_no_text or server.opening == [AWAY])
    assert len(site.server.taken) == (status is Status.SENT)
    assert settlement.reached_server is False, "where there are no limits, nothing is counted"
    was_unforeseen = isinstance(site.server.sending, ValueError)
    assert site.server.is_closed is was_unforeseen, "the next message begins another conversation"


@pytest.mark.parametrize(
    ("server", "row", "is_offered"),
    [
        (Server(), {}, True),
        (Server(sending=NEVER), {}, True),
        (Server(sending=LATER), {}, True),
        (Server(sending=LOST), {}, True),
        (Server([AWAY]), {}, False),
        (Server([None, AWAY]), {}, False),
        (Server(), {"expires_at": NOW}, False),
    ],
)
def test_messages_offered_to_the_server_count_against_the_limits(
    site: Site, server: Server, row: dict[str, Any], is_offered: bool
) -> None:
    site.server, site.limits = server, parse_rate_limits("9/second")
    assert site.deliver({}, row).reached_server is is_offered


@pytest.mark.parametrize(
    ("expires_at", "status"), [(NOW + 5, Status.EXPIRED), (NOW + 5.1, Status.SENT)]
)
def test_composing_counts_towards_a_messages_lifetime(
    site: Site, expires_at: float, status: Status
) -> None:
    site.seconds = 5.0
    assert site.deliver({}, {"expires_at": expires_at}).status is status


def test_a_message_is_composed_only_for_a_server_that_answers(site: Site) -> None:
    site.server.opening = [AWAY]
    site.deliver({}, {})
    assert site.composed == []


def test_a_composer_gets_the_context(site: Site) -> None:
    site.deliver({}, {"arguments": {"a": 1}, "attempts": 4, "locale": "xx"})
    (context,) = site.composed
    assert context == ComposeContext(parse_address(SUSAN), "xx", {"a": 1}, NOW, 5)


def test_an_address_was_parsed_when_it_was_enqueued_and_not_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parsed(text: str, **_options: object) -> None:
        pytest.fail(f"{text} is parsed")

    monkeypatch.setattr("flask_outbox.message.addresses.validate_email", parsed)
    assert site.deliver({"sender": site.outbox.sender}, {}).status is Status.SENT
    assert site.server.taken[0].recipients == [SUSAN]


def test_a_sent_message_keeps_only_the_kept_arguments(site: Site) -> None:
    settlement = site.deliver({"kept": ("a",)}, {"arguments": {"a": 1, "b": 2}})
    assert settlement.kept_arguments == {"a": 1}


@pytest.mark.parametrize("status", [Status.DEAD, Status.DEFERRED])
def test_an_unsent_message_keeps_its_arguments(site: Site, status: Status) -> None:
    """An operator may retry it."""
    site.server.sending = NEVER if status is Status.DEAD else LATER
    settlement = site.deliver({"kept": ()}, {"arguments": {"a": 1}})
    assert (settlement.status, settlement.kept_arguments) == (status, None)


@pytest.mark.parametrize(
    ("row", "status", "words"),
    [
        ({"kind": "gone"}, Status.DEFERRED, "does not know the type"),
        ({"arguments": []}, Status.DEAD, "arguments cannot be read"),
    ],
)
def test_a_message_that_cannot_be_delivered_needs_no_server(
    site: Site, row: dict[str, Any], status: Status, words: str
) -> None:
    site.server.opening = [AWAY]
    settlement = site.deliver({}, row)
    assert settlement.status is status
    assert words in settlement.answer
    assert site.server.opening == [AWAY]


def test_a_limited_email_type_is_admitted_as_often_as_the_recipient_limit_allows(
    site: Site,
) -> None:
    ends = [site.deliver({"guarded": True}, {})]
    for _ in range(site.outbox.delivery.recipient_limit.messages):
        site.outbox.email_types.clear()
        ends.append(site.deliver({"guarded": True}, {}))
    assert [one.status for one in ends] == [Status.SENT] * 3 + [Status.DISCARDED]
    assert "3 such messages within 15 minutes" in ends[-1].answer
    with Session(site.engine) as session:
        assert [one.admitted_at for one in session.query(OutboxMessage)] == [NOW] * 3 + [None]


def test_deliveries_go_on_until_nothing_is_due_or_the_server_is_in_trouble(site: Site) -> None:
    site.outbox.register(EmailType("any", site.compose))
    claims = Claims(site.engine, lease=20.0)
    delivery = Delivery(
        site.outbox,
        Connections(one_server(lambda: site.server)),
        claims,
        LeaseKeeper(claims, clock=lambda: site.now),
    )
    (server,) = delivery.connections.servers.all

    def run(*, proceed: list[bool] | None = None) -> int:
        with site.outbox.sessions() as session:
            for _ in range(3):
                put(session, recipient_key=SUSAN)
            session.commit()
        answers = iter(proceed or [])
        return delivery.run(ALL_PRIORITIES, proceed=lambda: next(answers, True))

    assert run() == 3
    assert run(proceed=[True, True, False]) == 2
    assert run(proceed=[False]) == 0
    assert not server.health.pause()
    site.server.opening = [None, None, AWAY]
    assert run() == 2
    assert server.health.trouble is AWAY
    assert server.health.pause()
    with Session(site.engine) as session:
        found = [one.status for one in session.query(OutboxMessage)]
    claims.close()
    assert found.count(Status.SENT) == 6
    assert found.count(Status.DEFERRED) == 1


@pytest.mark.parametrize(
    ("refused", "status", "recipients", "condemned"),
    [
        ([(SUSAN, LATER)], Status.DEFERRED, [SUSAN], False),
        ([(SUSAN, SmtpError(Step.RCPT, 550, "5.1.1 no such user"))], Status.SENT, None, True),
        ([(SUSAN, SmtpError(Step.RCPT, 550, "5.7.1 spam"))], Status.SENT, None, False),
    ],
)
def test_recipients_that_may_still_be_served_are_tried_again(
    site: Site,
    refused: list[tuple[str, SmtpError]],
    status: Status,
    recipients: list[str] | None,
    condemned: bool,
) -> None:
    """And a recipient that does not exist is suppressed, though the message was sent to others."""
    site.server.accepted = Accepted("250 ok", tuple(refused))
    settlement = site.deliver({}, {"recipients": [SUSAN, "bob@example.com"]})
    assert site.server.taken[0].recipients == [SUSAN, "bob@example.com"]
    assert (settlement.status, settlement.recipients) == (status, recipients)
    assert f"{SUSAN} was refused" in settlement.answer
    with site.outbox.sessions() as session:
        assert (suppressions.suppression(session, SUSAN) is not None) is condemned


@pytest.mark.parametrize(("answer", "condemned"), [("5.1.1 no", True), ("5.7.1 no", False)])
def test_a_single_recipient_that_does_not_exist_is_suppressed(
    site: Site, answer: str, condemned: bool
) -> None:
    site.server.sending = RecipientsRefusedError([(SUSAN, SmtpError(Step.RCPT, 550, answer))])
    assert site.deliver({}, {}).status is Status.DEAD
    site.server.sending = None
    again = site.deliver({"name": "again"}, {"kind": "again"})
    assert again.status is (Status.DISCARDED if condemned else Status.SENT)
    assert ("The address is suppressed" in again.answer) is condemned
    assert len(site.composed) == (1 if condemned else 2)


@pytest.mark.parametrize(
    ("sender", "to", "utf8"),
    [
        ("shop@example.com", SUSAN, False),
        ("läden@example.com", SUSAN, True),
        ("shop@example.com", "süsan@example.com", True),
        (None, SUSAN, False),
    ],
)
def test_a_message_has_its_own_sender_and_asks_for_smtputf8(
    site: Site, sender: str | None, to: str, utf8: bool
) -> None:
    own = parse_address(sender) if sender else None
    site.composing = Email("Hello", "text", to=(parse_address(to),), sender=own)
    site.deliver({}, {})
    (envelope,) = site.server.taken
    assert envelope.sender == (sender or "site@example.com")
    assert (envelope.recipients, envelope.smtputf8) == ([to], utf8)


def test_an_admission_is_kept_even_if_composing_failed(site: Site) -> None:
    site.composing = LookupError("a mistake")
    assert site.deliver({"guarded": True}, {}).status is Status.DEFERRED
    with Session(site.engine) as session:
        assert [one.admitted_at for one in session.query(OutboxMessage)] == [NOW]


def test_a_database_that_is_away_is_not_the_messages_fault(site: Site) -> None:
    site.composing = OperationalError("SELECT", {}, sqlite3.OperationalError("disk I/O error"))
    site.composing.connection_invalidated = True
    with pytest.raises(OperationalError):
        site.deliver({}, {})


@pytest.mark.parametrize(
    ("sending", "level"), [(None, "INFO"), (LATER, "INFO"), (NEVER, "WARNING")]
)
def test_each_outcome_is_logged_once_and_a_bad_one_at_a_higher_level(
    site: Site, caplog: pytest.LogCaptureFixture, sending: Exception | None, level: str
) -> None:
    caplog.set_level(logging.INFO, logger="flask_outbox")
    site.server.sending = sending
    site.outbox.register(EmailType("any", site.compose))
    with site.outbox.sessions() as session:
        put(session, recipient_key=SUSAN)
        session.commit()
    claims = Claims(site.engine, lease=20.0)
    leases = LeaseKeeper(claims, clock=lambda: site.now)
    delivery = Delivery(site.outbox, Connections(one_server(lambda: site.server)), claims, leases)
    claim = claims.claim(ALL_PRIORITIES, now=NOW)
    assert claim is not None
    delivery.deliver_one(claim)
    said = [(one.levelname, one.getMessage()) for one in caplog.records]
    assert [one[0] for one in said] == [level]
    assert f"Message {claim.id} (any)" in said[0][1]
    caplog.clear()
    delivery.deliver_one(replace(claim, attempts=2))
    assert f"Message {claim.id} was taken over by another worker" in caplog.text
    claims.close()
