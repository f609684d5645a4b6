"""Several mail servers: which of them a message goes to, and when another takes its place.

Each is a real server on a socket of its own.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from flask_outbox import (
    Email,
    EmailType,
    FlaskOutbox,
    Mail,
    MailServer,
    Message,
    Outbox,
    OutboxError,
    Priority,
    mail_servers,
)
from flask_outbox.application import make_dispatcher
from flask_outbox.delivery.claims import Claims
from flask_outbox.delivery.dispatcher import ALL_PRIORITIES, Dispatcher, DispatcherOptions
from flask_outbox.delivery.pacing import Pacing
from flask_outbox.delivery.servers import Server, Servers
from flask_outbox.operations import backlog
from flask_outbox.outbox.models import OutboxMessage, Status
from flask_outbox.outbox.wakeup import WakeupListener
from tests.databases import ON_SQLITE, engine_of
from tests.extensions import configured
from tests.ports import HOST, free_port
from tests.smtp_server import DROP, ScriptedServer
from tests.waiting import eventually

NORMAL, URGENT, NEWS, ONCE = "shop.order", "shop.reset", "shop.news", "shop.once"


class Shop:
    """An outbox without an application, and two servers."""

    def __init__(self, engine: Engine, first: ScriptedServer, second: ScriptedServer) -> None:
        self.engine = engine
        self.first, self.second = first, second
        self.outbox = Outbox(sessionmaker(engine), sender="shop@example.com")
        for kind in (
            EmailType(NORMAL, self.compose),
            EmailType(URGENT, self.compose, priority=Priority.HIGH),
            EmailType(NEWS, self.compose, priority=Priority.LOW),
            EmailType(ONCE, self.compose, repeat_unknown=False),
        ):
            self.outbox.register(kind)

    @staticmethod
    def compose(_session: Session, context: Any) -> Email:
        return Email(f"{context.arguments['number']}", "text", to=(context.recipient,))

    def servers(
        self, first: Mapping[str, Any] | None = None, second: Mapping[str, Any] | None = None
    ) -> list[MailServer]:
        return mail_servers(
            {
                "MAIL_SERVERS": {
                    "first": {"MAIL_SERVER": HOST, "MAIL_PORT": self.first.port, **(first or {})},
                    "second": {
                        "MAIL_SERVER": HOST,
                        "MAIL_PORT": self.second.port,
                        **(second or {}),
                    },
                }
            }
        )

    def dispatcher(self, connections: int = 2, **servers: Mapping[str, Any]) -> Dispatcher:
        options = DispatcherOptions(connections=connections, poll_every=0.1)
        return make_dispatcher(self.outbox, server=self.servers(**servers), options=options)

    def enqueue(self, count: int = 1, kind: str = NORMAL, to: str = "susan@example.com") -> None:
        with self.outbox.sessions() as session:
            for number in range(count):
                self.outbox.enqueue(session, kind, to, arguments={"number": number})
            session.commit()

    def rows(self) -> list[OutboxMessage]:
        with Session(self.engine) as session:
            return list(session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)))

    def all_are(self, status: Status) -> Callable[[], bool]:
        return lambda: {one.status for one in self.rows()} == {status}


@pytest.fixture
def shop(database_url: str, smtp: ScriptedServer) -> Iterator[Shop]:
    engine = engine_of(database_url)
    with ScriptedServer() as second:
        yield Shop(engine, smtp, second)
    engine.dispose()


@contextmanager
def running(dispatcher: Dispatcher) -> Iterator[None]:
    with WakeupListener(None) as listener:
        thread = threading.Thread(target=dispatcher.run, args=[listener])
        thread.start()
        try:
            yield
        finally:
            dispatcher.stop()
            listener.wake()
            thread.join()


def servers_tried(message: OutboxMessage) -> list[str]:
    return [entry["server"] for entry in message.history]


# Failover


@pytest.mark.parametrize(
    "script",
    [
        {"connect": "421 4.3.2 Closed for today"},
        {"connect": DROP},
        {"ehlo": "550 5.7.1 Go away", "helo": "550 5.7.1 Go away"},
        {"mail": "421 4.3.2 Shutting down"},
        {"mail": DROP},
        {"rcpt": "550 5.4.5 Daily SMTP relay limit exceeded for user"},
        {"content": "550 5.4.5 Daily sending quota exceeded"},
    ],
    ids=str,
)
def test_mail_that_the_first_certainly_did_not_take_goes_to_the_second(
    shop: Shop, script: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    shop.first.script = script
    shop.enqueue(3)
    assert shop.dispatcher().drain() == 4, "the first row twice"
    assert len(shop.second.received) == 3
    assert shop.first.received == []
    rows = shop.rows()
    assert {one.status for one in rows} == {Status.SENT}
    assert sorted(map(servers_tried, rows)) == [["first", "second"], ["second"], ["second"]]
    assert [one.failures for one in rows] == [1, 1, 1], "no attempt is held against a message"
    said = [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]
    assert len(said) == 1
    assert said[0].startswith("The mail server 'first' cannot be used: ")


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ({"rcpt": "550 5.1.1 Nobody of that name"}, Status.DEAD),
        ({"content": "554 5.7.1 This looks like spam"}, Status.DEAD),
        ({"rcpt": "450 4.2.0 Greylisted"}, Status.DEFERRED),
        ({"data": DROP}, Status.DEFERRED),
    ],
    ids=str,
)
def test_an_answer_about_the_message_holds_for_all_servers(
    shop: Shop, script: dict[str, Any], status: Status
) -> None:
    shop.first.script = script
    shop.enqueue()
    assert shop.dispatcher().drain() == 1
    (row,) = shop.rows()
    assert (row.status, servers_tried(row)) == (status, ["first"])
    assert shop.second.connections == 0


@pytest.mark.parametrize(
    ("kind", "status"), [(ONCE, Status.UNKNOWN), (NORMAL, Status.DEFERRED)], ids=["once", "again"]
)
def test_mail_that_the_first_may_have_taken_goes_to_no_other(
    shop: Shop, kind: str, status: Status
) -> None:
    shop.first.script = {"content": DROP}
    shop.enqueue(kind=kind)
    assert shop.dispatcher().drain() == 1
    (row,) = shop.rows()
    assert (row.status, servers_tried(row)) == (status, ["first"])
    assert shop.second.connections == 0


def test_those_whom_the_first_refused_to_serve_are_served_by_the_second(shop: Shop) -> None:
    shop.first.script = {"rcpt:john@example.com": "452 4.5.4 Daily sending limit reached"}
    shop.outbox.send_email("Hello", None, ["susan@example.com", "john@example.com"], "text")
    assert shop.dispatcher().drain() == 2
    assert [one.recipients for one in shop.first.received] == [["susan@example.com"]]
    assert [one.recipients for one in shop.second.received] == [["john@example.com"]]
    (row,) = shop.rows()
    assert (row.status, servers_tried(row)) == (Status.SENT, ["first", "second"])


@ON_SQLITE
@pytest.mark.slow
def test_the_first_is_used_again_when_it_is_well(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="flask_outbox")
    shop.first.script = {"connect": "421 4.3.2 Closed for today"}
    dispatcher = shop.dispatcher()
    with running(dispatcher):
        shop.enqueue(5)
        dispatcher.wake()
        shop.second.wait_for(5)
        shop.first.script = {}

        def is_back() -> bool:
            shop.enqueue()
            dispatcher.wake()
            return bool(shop.first.received)

        assert eventually(is_back)
        assert eventually(shop.all_are(Status.SENT))
    assert "The mail server 'first' can be used again." in caplog.messages
    taken = len(shop.first.received) + len(shop.second.received)
    assert taken == len(shop.rows())


@ON_SQLITE
@pytest.mark.slow
def test_mail_waits_while_all_are_in_trouble_and_loses_nothing(shop: Shop) -> None:
    for server in (shop.first, shop.second):
        server.script = {"connect": "421 4.3.2 Closed for today"}
    dispatcher = shop.dispatcher()
    with running(dispatcher):
        shop.enqueue(10)
        dispatcher.wake()
        assert eventually(lambda: set(dispatcher.servers.trouble) == {"first", "second"})
        connections = shop.first.connections + shop.second.connections
        assert connections <= 2 * len(dispatcher._lanes()), "all threads pause together"
        shop.first.script = shop.second.script = {}
        assert eventually(shop.all_are(Status.SENT))
    assert "first" not in dispatcher.servers.trouble or "second" not in dispatcher.servers.trouble
    assert len(shop.first.received) + len(shop.second.received) == 10


@pytest.mark.slow
def test_a_server_that_comes_and_goes_loses_nothing_and_sends_nothing_twice(shop: Shop) -> None:
    """With all threads, and a failure at each step before the final dot in turn."""
    closed = "421 4.3.2 Closed"
    shop.first.script = {
        "connect": [None, closed, None, closed] * 3,
        "mail": [None, None, closed, None, DROP, None] * 3,
        "rcpt": [None, None, None, "550 5.4.5 Daily sending quota exceeded"] * 3,
    }
    dispatcher = shop.dispatcher(connections=4)
    with running(dispatcher):
        for _ in range(10):
            shop.enqueue(6)
            dispatcher.wake()
        assert eventually(shop.all_are(Status.SENT))
    taken = Counter(
        one.message["Message-ID"] for one in (*shop.first.received, *shop.second.received)
    )
    assert sorted(taken) == sorted(one.message_id for one in shop.rows())
    assert set(taken.values()) == {1}


@ON_SQLITE
def test_draining_says_which_server_is_in_trouble(shop: Shop) -> None:
    shop.first.script = {"connect": "421 4.3.2 Closed for today"}
    dispatcher = shop.dispatcher()
    shop.enqueue()
    dispatcher.drain()
    assert {name: str(one) for name, one in dispatcher.servers.trouble.items()} == {
        "first": "greeting: 421 4.3.2 Closed for today"
    }


def test_what_the_operator_reads_names_the_server(shop: Shop) -> None:
    for server in (shop.first, shop.second):
        server.script = {"connect": "421 4.3.2 Closed for today"}
    shop.enqueue()
    shop.dispatcher().drain()
    with Session(shop.engine) as session:
        now = shop.outbox.clock() + 100
        trouble = backlog.server_trouble(session, now=now, seconds=60)
    assert trouble is not None
    assert trouble.answer == "second: greeting: 421 4.3.2 Closed for today"


# What each server is for


@ON_SQLITE
def test_a_type_goes_to_the_first_server_that_is_for_it(shop: Shop) -> None:
    for kind in (NORMAL, NEWS, URGENT):
        shop.enqueue(kind=kind)
    shop.dispatcher(first={"MAIL_TYPES": "shop.news, *.digest"}).drain()
    assert [servers_tried(one) for one in shop.rows()] == [["second"], ["first"], ["second"]]


@ON_SQLITE
def test_mail_goes_to_no_server_that_is_not_for_it(shop: Shop) -> None:
    shop.first.script = {"connect": "421 4.3.2 Closed for today"}
    dispatcher = shop.dispatcher(
        first={"MAIL_TYPES": ["mail.*", NORMAL, URGENT, ONCE]}, second={"MAIL_TYPES": NEWS}
    )
    shop.enqueue(3)
    shop.enqueue(kind=NEWS)
    assert dispatcher.drain() == 2, "those that wait for their server delay no others"
    assert [one.status for one in shop.rows()] == [
        Status.DEFERRED,
        Status.QUEUED,
        Status.QUEUED,
        Status.SENT,
    ]
    assert len(shop.second.received) == 1


@ON_SQLITE
def test_a_type_without_a_server_is_said_at_the_start(shop: Shop) -> None:
    with pytest.raises(OutboxError, match=r"no server for mail\.ready, shop\.news, shop\.once: "):
        shop.dispatcher(first={"MAIL_TYPES": NORMAL}, second={"MAIL_TYPES": "*.reset"})


@ON_SQLITE
@pytest.mark.parametrize("limits", [{}, {"MAIL_RATE_LIMIT": "9/second"}], ids=["", "limited"])
def test_a_type_that_is_registered_later_and_has_no_server_is_given_up_in_words(
    shop: Shop, limits: dict[str, str]
) -> None:
    only = {"MAIL_TYPES": ["mail.*", "shop.*"], **limits}
    dispatcher = shop.dispatcher(first=only, second=only)
    shop.outbox.register(EmailType("late", shop.compose))
    shop.enqueue(kind="late")
    dispatcher.drain()
    (row,) = shop.rows()
    assert row.status == Status.DEAD
    assert row.answer == "No server of MAIL_SERVERS is for the type 'late'."


# Limits of a server


def test_what_exceeds_the_limit_of_the_first_goes_to_the_second(shop: Shop) -> None:
    shop.enqueue(5)
    dispatcher = shop.dispatcher(first={"MAIL_RATE_LIMIT": "2/hour"})
    assert dispatcher.drain() == 5
    assert (len(shop.first.received), len(shop.second.received)) == (1, 4), (
        "one of two is reserved for urgent mail"
    )
    shop.enqueue(kind=URGENT)
    shop.enqueue(kind=URGENT)
    assert dispatcher.drain() == 2
    assert (len(shop.first.received), len(shop.second.received)) == (2, 5)


def test_the_limit_holds_for_all_processes_and_delays_no_other_type(shop: Shop) -> None:
    news = {"MAIL_TYPES": NEWS, "MAIL_RATE_LIMIT": "3/hour"}
    shop.enqueue(5, NEWS)
    shop.enqueue(2)
    dispatchers = [shop.dispatcher(first=news, second={"MAIL_TYPES": "*[!s]"}) for _ in range(2)]
    for one in dispatchers:
        one.drain()
    assert len(shop.first.received) == 2
    # Those that wait have cost no attempt, and are not in the way.
    rows = shop.rows()
    assert Counter((one.kind, one.status, one.attempts) for one in rows) == {
        (NEWS, Status.SENT, 1): 2,
        (NEWS, Status.QUEUED, 0): 3,
        (NORMAL, Status.SENT, 1): 2,
    }
    assert 0 < dispatchers[1].opens_in(ALL_PRIORITIES) <= 1


@ON_SQLITE
@pytest.mark.slow
def test_mail_that_waits_for_a_limit_leaves_when_it_opens(shop: Shop) -> None:
    news = {"MAIL_TYPES": NEWS, "MAIL_RATE_LIMIT": "5/second"}
    dispatcher = shop.dispatcher(first=news, second={"MAIL_TYPES": "*[!s]"})
    shop.enqueue(12, NEWS)
    with running(dispatcher):
        assert eventually(shop.all_are(Status.SENT))
    at = sorted(one.at for one in shop.first.received)
    assert [at[place] - at[place - 5] > 0.9 for place in range(5, 12)] == [True] * 7


def test_a_message_that_reached_no_server_gives_its_slot_back(shop: Shop) -> None:
    shop.first.script = {"connect": ["421 4.3.2 Closed for a moment"]}
    limit = {"MAIL_RATE_LIMIT": "1/hour"}
    shop.enqueue()
    shop.dispatcher(first=limit, second={"MAIL_TYPES": "nothing"}).drain()
    assert shop.rows()[0].status == Status.DEFERRED
    shop.dispatcher(first=limit, second={"MAIL_TYPES": "nothing"}).drain()
    assert shop.rows()[0].status == Status.SENT


@ON_SQLITE
def test_a_row_of_another_priority_than_its_type_is_not_looked_at_for_ever(shop: Shop) -> None:
    """As after a deploy that changes the priority of a type."""
    (limited,) = mail_servers(
        {"MAIL_SERVERS": {"only": {"MAIL_SERVER": HOST, "MAIL_RATE_LIMIT": "2/hour"}}}
    )
    servers = Servers(
        [Server(lambda: pytest.fail("nothing is sent"), limited.name, limits=limited.limits)]
    )
    shop.enqueue(3)
    shop.outbox.email_types[NORMAL] = EmailType(NORMAL, shop.compose, priority=Priority.HIGH)
    pacing = Pacing(shop.outbox.delivery.rate_limits, servers)
    types = shop.outbox.email_types.values()
    with closing(
        Claims(shop.engine, lease=20.0, pacing=pacing, left_out=lambda: servers.closed_types(types))
    ) as claims:
        now = shop.outbox.clock()
        found = [claims.claim(ALL_PRIORITIES, now=now) for _ in range(3)]
    assert [one is not None for one in found] == [True, False, False]


# Settings


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"MAIL_SERVERS": ["a"]}, "MAIL_SERVERS must be settings by name, such as "),
        ({"MAIL_SERVERS": "main"}, "MAIL_SERVERS isn't JSON: "),
        ({"MAIL_SERVERS": {"main": "localhost"}}, "MAIL_SERVERS['main'] must be settings, "),
        ({"MAIL_SERVERS": {"main": {}}}, "MAIL_SERVERS['main']: MAIL_SERVER is missing."),
        ({"MAIL_SERVERS": {"a b": {"MAIL_SERVER": "a"}}}, "MAIL_SERVERS['a b']: a name has "),
        ({"MAIL_SERVERS": {1: {"MAIL_SERVER": "a"}}}, "MAIL_SERVERS[1]: a name has "),
        (
            {"MAIL_SERVERS": {"main": {"MAIL_SERVER": "a", "MAIL_PROT": 25}}},
            "MAIL_SERVERS['main']: MAIL_PROT is not a setting of one server: do you mean"
            " MAIL_PORT?",
        ),
        (
            {"MAIL_SERVERS": {"main": {"MAIL_SERVER": "a", "MAIL_CONNECTIONS": 2}}},
            "MAIL_SERVERS['main']: MAIL_CONNECTIONS is not a setting of one server.",
        ),
        (
            {"MAIL_SERVERS": {"main": {"MAIL_SERVER": "a", "MAIL_PORT": "smtp"}}},
            "MAIL_SERVERS['main']: MAIL_PORT is 'smtp'; it must be a whole number.",
        ),
        (
            {"MAIL_SERVERS": {"main": {"MAIL_SERVER": "a", "MAIL_RATE_LIMIT": "fast"}}},
            "MAIL_SERVERS['main']: MAIL_RATE_LIMIT contains 'fast', which isn't a limit",
        ),
        (
            {"MAIL_SERVERS": {"main": {"MAIL_SERVER": "a"}}, "MAIL_PASSWORD": "secret"},
            "MAIL_PASSWORD is set beside MAIL_SERVERS: leave it out",
        ),
        ({"MAIL_TYPES": "news"}, "MAIL_TYPES is for each of MAIL_SERVERS"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_wrong_settings_are_refused_by_name(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - its words are compared
        mail_servers(settings)
    assert str(refused.value).startswith(said)
    assert "secret" not in str(refused.value)


def test_settings_may_be_json_and_each_server_has_its_own() -> None:
    first, second = mail_servers(
        {
            "MAIL_SERVERS": json.dumps(
                {
                    "first": {"MAIL_SERVER": "a.example", "MAIL_PORT": "587", "MAIL_USE_TLS": "on"},
                    "second": {"MAIL_SERVER": "b.example", "MAIL_MAX_EMAILS": 3},
                }
            ),
            "MAIL_DEFAULT_SENDER": "shop@example.com",
        }
    )
    assert (first.name, first.smtp.port, first.smtp.use_tls) == ("first", 587, True)
    assert (second.name, second.smtp.port, second.smtp.use_tls) == ("second", 25, False)
    assert (first.max_emails, second.max_emails) == (None, 3)
    assert first.smtp.sender_domain == second.smtp.sender_domain == "example.com"


def test_without_names_there_is_one_server() -> None:
    (only,) = mail_servers({"MAIL_SERVER": "mail.example.com", "MAIL_MAX_EMAILS": "7"})
    assert (only.name, only.smtp.host, only.max_emails) == ("", "mail.example.com", 7)
    assert only.types == ("*",)


def test_no_password_reaches_another_server(shop: Shop) -> None:
    for server, password in ((shop.first, "one"), (shop.second, "two")):
        server.auth, server.users = "PLAIN", {"shop": password}
    shop.first.users = {"shop": "changed meanwhile"}
    login = {"MAIL_USERNAME": "shop"}
    shop.enqueue(2)
    shop.dispatcher(
        first={**login, "MAIL_PASSWORD": "one"}, second={**login, "MAIL_PASSWORD": "two"}
    ).drain()
    assert {password for password, _ in shop.first.passwords} == {"one"}
    assert {password for password, _ in shop.second.passwords} == {"two"}
    assert len(shop.second.received) == 2
    for row in shop.rows():
        assert "one" not in json.dumps(row.history).replace("first", "")


# In an application


def test_an_application_has_its_servers_and_sends_at_once_by_the_first(shop: Shop) -> None:
    named = {
        "first": {"MAIL_SERVER": HOST, "MAIL_PORT": shop.first.port},
        "second": {"MAIL_SERVER": HOST, "MAIL_PORT": shop.second.port},
    }
    app = configured(MAIL_SERVERS=named, MAIL_SUPPRESS_SEND=False)
    mail = Mail(app)
    FlaskOutbox(app, sessions=sessionmaker(shop.engine))
    with app.app_context():
        mail.send(Message("Now", recipients=["susan@example.com"], body="text"))
    assert len(shop.first.received) == 1
    shop.first.script = {"connect": "421 4.3.2 Closed"}
    shop.enqueue()
    with ExitStack() as stack:
        stack.enter_context(app.app_context())
        app.extensions["flask_outbox"].outbox.register(EmailType(NORMAL, shop.compose))
        make_dispatcher(app).drain()
    assert len(shop.second.received) == 1


@pytest.fixture
def command(shop: Shop) -> Callable[..., Any]:
    named = {
        "first": {"MAIL_SERVER": HOST, "MAIL_PORT": free_port()},
        "second": {"MAIL_SERVER": HOST, "MAIL_PORT": shop.second.port},
    }
    app = configured(MAIL_SERVERS=named, MAIL_SUPPRESS_SEND=False)
    FlaskOutbox(app, sessions=sessionmaker(shop.engine))
    return lambda *args: app.test_cli_runner().invoke(args=["outbox", *args])


def test_commands_tell_of_each_server(shop: Shop, command: Callable[..., Any]) -> None:
    checked = command("check")
    assert checked.exit_code == 1
    _database, first, second = checked.stdout.splitlines()
    assert first.startswith("WRONG: mail server: ")
    assert second.startswith(f"ok: mail server: Connected to {HOST}, port {shop.second.port}.")
    tried = command("test", "susan@example.com")
    assert tried.exit_code == 1
    assert f"port {shop.second.port}:" in tried.stdout
    assert tried.stdout.count("From shop@example.com to susan@example.com, through") == 2
    assert len(shop.second.received) == 1
    told = json.loads(command("test", "susan@example.com", "--json").stdout)
    assert told["sent"] is False
    assert {name: one["sent"] for name, one in told["servers"].items()} == {
        "first": False,
        "second": True,
    }
    shop.outbox.send_email("Hello", None, ["susan@example.com"], "text")
    drained = command("deliver", "--drain")
    assert drained.exit_code == 1
    assert "Error: The mail server can't be used: first: connect: " in drained.output
    assert drained.stdout.count("Delivering to") == 2
    shown = command("show", "1").stdout
    assert "deferred: first: connect: " in shown
    assert "sent: second: 250 " in shown
