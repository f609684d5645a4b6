"""FlaskOutbox joins the transaction of the request, whatever made its session."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import create_engine, insert, select, text
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from sqlalchemy.pool import StaticPool

from flask_outbox import (
    FlaskOutbox,
    Message,
    Outbox,
    OutboxError,
    current_outbox,
    schema,
    send_email,
)
from flask_outbox.application import make_dispatcher
from flask_outbox.outbox.email_types import EmailType
from flask_outbox.outbox.joining import has_written, is_in_transaction
from tests.extensions import (
    EXTENSIONS,
    HAS_LITE,
    SOON,
    Made,
    Model,
    Order,
    classic,
    configured,
    confirmation,
    lite,
    plain,
    scoped,
)
from tests.smtp_server import ScriptedServer

WARNING = "was not committed"

Making = Callable[[str], Made]


MAKINGS: list[Making] = [classic, scoped, *([lite] if HAS_LITE else [])]


@pytest.fixture(params=MAKINGS, ids=lambda making: making.__name__)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Made]:
    shop: Made = request.param(f"sqlite:///{tmp_path / 'shop.db'}")
    shop.outbox.email("shop.confirmation")(confirmation)
    yield shop
    shop.engine.dispose()


def enqueue(made: Made, **options: object) -> int:
    given = {"to": "susan@example.com", "order_id": 1} | options
    return made.outbox.enqueue("shop.confirmation", **given)  # type: ignore[arg-type]


def send(made: Made) -> int:
    return made.outbox.send_email("Hello", None, ["susan@example.com"], "text")


# The transaction of the request


def test_what_is_enqueued_is_committed_with_its_cause(made: Made) -> None:
    with made.app.app_context():
        order = Order(goods="kettle")
        made.current().add(order)
        made.current().flush()
        row_id = enqueue(made, order_id=order.id)
        assert made.seen() == (0, 0)
        made.current().commit()
        assert made.seen() == (1, 1)
    (message,) = made.messages()
    assert (message.id, message.arguments) == (row_id, {"order_id": 1})


def test_a_rollback_takes_both(made: Made, caplog: pytest.LogCaptureFixture) -> None:
    with made.app.app_context():
        made.current().add(Order(goods="kettle"))
        enqueue(made)
        send(made)
        made.current().rollback()
    assert made.seen() == (0, 0)
    assert WARNING not in caplog.text


def test_what_is_sent_joins_a_transaction_that_has_written(made: Made) -> None:
    with made.app.app_context():
        made.current().add(Order(goods="kettle"))
        send(made)
        made.outbox.send(Message("Hello", ["susan@example.com"], "text"))
        assert made.seen() == (0, 0)
        made.current().commit()
    assert made.seen() == (1, 2)


@pytest.mark.parametrize(
    "write",
    [
        lambda session: session.execute(insert(Order).values(goods="kettle")),
        lambda session: session.execute(text("INSERT INTO orders (goods) VALUES ('kettle')")),
        lambda session: session.add(Order(goods="kettle")) or session.flush(),
        lambda session: session.begin_nested().session.add(Order(goods="kettle")),
    ],
    ids=["core", "text", "flushed", "savepoint"],
)
def test_whatever_has_written_is_joined(made: Made, write: Callable[[Session], object]) -> None:
    with made.app.app_context():
        write(made.current())
        send(made)
        made.current().rollback()
    assert made.seen() == (0, 0)


@pytest.mark.parametrize(
    "read",
    [
        lambda _session: None,
        lambda session: session.scalars(select(Order)).all(),
        lambda session: session.execute(text("SELECT 1")),
        lambda session: session.execute(text("WITH one AS (SELECT 1) SELECT * FROM one")),
    ],
    ids=["nothing", "select", "text", "with"],
)
def test_after_reading_it_is_committed_at_once(
    made: Made, read: Callable[[Session], object]
) -> None:
    with made.app.app_context():
        read(made.current())
        send(made)
        made.outbox.send(Message("Hello", ["susan@example.com"], "text"))
        assert made.seen() == (0, 2)
        made.current().rollback()
    assert made.seen() == (0, 2)


def test_an_insert_behind_a_with_is_writing(made: Made) -> None:
    # Not run for real: Python's driver for SQLite would commit it by itself.
    insertion = "WITH one AS (SELECT 1) INSERT INTO orders (goods) SELECT 'kettle' FROM one WHERE 0"
    with made.app.app_context():
        made.current().execute(text(insertion))
        assert has_written(made.current())


def test_a_savepoint_that_was_rolled_back_has_written_nothing(made: Made) -> None:
    with made.app.app_context():
        session = made.current()
        with session.begin_nested() as inner:
            session.add(Order(goods="kettle"))
            session.flush()
            assert has_written(session)
            inner.rollback()
        assert not has_written(session)
        with session.begin_nested():
            session.add(Order(goods="kettle"))
            session.flush()
        assert has_written(session)


def test_a_savepoint_takes_what_was_enqueued_in_it(made: Made) -> None:
    with made.app.app_context():
        session = made.current()
        session.add(Order(goods="kettle"))
        session.flush()
        with session.begin_nested() as inner:
            enqueue(made)
            send(made)
            inner.rollback()
        enqueue(made, to="john@example.com")
        session.commit()
    assert [one.recipient for one in made.messages()] == ["john@example.com"]
    assert made.seen() == (1, 1)


def test_after_a_commit_the_next_message_is_committed_at_once(made: Made) -> None:
    with made.app.app_context():
        made.current().add(Order(goods="kettle"))
        made.current().commit()
        send(made)
        assert made.seen() == (1, 1)


def test_what_was_enqueued_is_joined_by_what_is_sent(made: Made) -> None:
    with made.app.app_context():
        made.outbox.enqueue_many("shop.confirmation", [{"to": "a@example.com", "order_id": 1}])
        send(made)
        assert made.seen() == (0, 0)
        made.current().commit()
    assert made.seen() == (0, 2)


def test_a_rollback_takes_many_at_once(made: Made) -> None:
    with made.app.app_context():
        made.outbox.enqueue_many("shop.confirmation", [{"to": "a@example.com", "order_id": 1}])
        made.current().rollback()
        assert made.seen() == (0, 0)


def test_a_named_session_is_used(made: Made) -> None:
    with made.app.app_context(), Session(made.engine) as session:
        enqueue(made, session=session)
        made.outbox.send(Message("Hello", ["susan@example.com"], "text"), session=session)
        made.outbox.send_email("Hello", None, ["susan@example.com"], "text", session=session)
        made.outbox.enqueue_many(
            "shop.confirmation", [{"to": "a@example.com", "order_id": 1}], session=session
        )
        assert made.seen() == (0, 0)
        session.commit()
    assert made.seen() == (0, 4)


def test_a_message_passes_all_its_options_on(made: Made) -> None:
    with made.app.app_context():
        message = Message("Hello", ["susan@example.com"], "text")
        first = made.outbox.send(message, key="one", send_at=SOON, locale="de")
        assert made.outbox.send(message, key="one") == first
        assert send(made) != first
    row = made.messages()[0]
    assert (row.send_at, row.due_at, row.locale) == (SOON.timestamp(), SOON.timestamp(), "de")


def test_it_is_the_same_on_either_engine(database_url: str) -> None:
    engine = create_engine(database_url)
    session = scoped_session(sessionmaker(engine))
    app = configured()
    outbox = FlaskOutbox(app, session)
    typed = outbox.email("shop.confirmation")(confirmation)
    cause = text("INSERT INTO mail_suppressions (address_key, reason, since) VALUES ('a', 'b', 1)")

    def count() -> int:
        with engine.connect() as connection:
            return int(connection.execute(text("SELECT count(*) FROM outbox")).scalar_one())

    with app.app_context():
        for end, expected in ((session.rollback, 0), (session.commit, 3)):
            session.execute(cause)
            outbox.enqueue(typed, to="susan@example.com", order_id=1)
            assert outbox.enqueue_many(typed, [{"to": "a@example.com", "order_id": 1}]) == 1
            outbox.send_email("Hello", None, ["susan@example.com"], "text")
            assert count() == 0
            end()
            assert count() == expected
        session.execute(text("SELECT 1"))
        outbox.send_email("Hello", None, ["susan@example.com"], "text")
        assert count() == 4
        session.remove()
    engine.dispose()


# The end of a request


def in_a_request(made: Made, work: Callable[[], object]) -> None:
    @made.app.post("/orders")
    def place() -> str:
        work()
        return "Placed."

    assert made.app.test_client().post("/orders").status_code == 200


def in_a_command(made: Made, work: Callable[[], object]) -> None:
    made.app.cli.command("place")(work)
    assert made.app.test_cli_runner().invoke(args=["place"]).exit_code == 0


def in_a_thread(made: Made, work: Callable[[], object]) -> None:
    def run() -> None:
        with made.app.app_context():
            work()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


PLACES = pytest.mark.parametrize("place", [in_a_request, in_a_command, in_a_thread])


@PLACES
def test_it_is_said_that_a_message_was_not_committed(
    made: Made,
    place: Callable[[Made, Callable[[], object]], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    place(made, lambda: enqueue(made))
    assert caplog.text.count(WARNING) == 1
    assert made.seen() == (0, 0)


@PLACES
def test_nothing_is_said_of_one_that_was(
    made: Made,
    place: Callable[[Made, Callable[[], object]], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def work() -> None:
        enqueue(made)
        made.current().commit()

    place(made, work)
    assert WARNING not in caplog.text
    assert made.seen() == (0, 1)


@PLACES
def test_what_is_sent_needs_no_commit(
    made: Made,
    place: Callable[[Made, Callable[[], object]], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    place(made, lambda: send(made))
    assert WARNING not in caplog.text
    assert made.seen() == (0, 1)


def test_nothing_is_said_after_an_error(made: Made, caplog: pytest.LogCaptureFixture) -> None:
    @made.app.post("/orders")
    def place() -> str:
        enqueue(made)
        raise RuntimeError

    made.app.testing = False
    assert made.app.test_client().post("/orders").status_code == 500
    assert WARNING not in caplog.text
    assert made.seen() == (0, 0)


def test_outside_of_any_context_a_finished_message_is_committed(made: Made) -> None:
    send(made)
    made.outbox.send(Message("Hello", ["susan@example.com"], "text", sender="a@example.com"))
    assert made.seen() == (0, 2)


def test_outside_of_any_context_there_is_nothing_to_join(made: Made) -> None:
    with pytest.raises(OutboxError, match="session="):
        enqueue(made)
    with pytest.raises(OutboxError, match="session="):
        made.outbox.enqueue_many("shop.confirmation", [])


# Several applications, one extension


@pytest.mark.parametrize("making", EXTENSIONS)
def test_a_factory_makes_several_applications(making: type, tmp_path: Path) -> None:
    db, outbox = making(), FlaskOutbox()
    early = outbox.email("shop.early")(confirmation)

    def create(name: str) -> Flask:
        url = f"sqlite:///{tmp_path / name}.db"
        app = configured(SQLALCHEMY_DATABASE_URI=url, SQLALCHEMY_ENGINES={"default": url})
        db.init_app(app)
        outbox.init_app(app, db)
        with app.app_context():
            schema.create_all(db.engine)
        return app

    one, other = create("one"), create("other")
    late = outbox.email("shop.late")(confirmation)
    for app, kind in ((one, early), (one, late), (other, late)):
        with app.app_context():
            outbox.enqueue(kind, to="susan@example.com", order_id=1)
            db.session.commit()
    counted = []
    for app in (one, other):
        with app.app_context():
            rows = db.session.execute(text("SELECT kind FROM outbox ORDER BY id")).scalars()
            counted.append(rows.all())
            db.engine.dispose()
    assert counted == [["shop.early", "shop.late"], ["shop.late"]]
    with pytest.raises(RuntimeError, match=r"app\.app_context"):
        outbox.enqueue(early, to="susan@example.com", order_id=1)
    with pytest.raises(ValueError, match=r"shop\.late"):
        outbox.register(EmailType("shop.late", lambda _session, _context: None))  # type: ignore[arg-type, return-value]


def test_applications_are_not_kept_alive(tmp_path: Path) -> None:
    outbox = FlaskOutbox()
    app = configured()
    outbox.init_app(app, sessions=sessionmaker(create_engine("sqlite://")))
    assert len(outbox._outboxes) == 1
    del app.extensions["flask_outbox"]
    assert len(outbox._outboxes) == 0


# What is refused


def test_a_second_outbox_is_refused(made: Made) -> None:
    with pytest.raises(RuntimeError, match="already"):
        FlaskOutbox(made.app, sessions=sessionmaker(made.engine))


@pytest.mark.parametrize("making", EXTENSIONS)
def test_a_database_of_another_application_is_refused(making: type) -> None:
    config = {
        "SQLALCHEMY_DATABASE_URI": "sqlite://",
        "SQLALCHEMY_ENGINES": {"default": "sqlite://"},
    }
    with pytest.raises(RuntimeError, match="init_app"):
        FlaskOutbox(configured(**config), making())
    app = configured(**config)
    making(app)
    with pytest.raises(RuntimeError, match="init_app"):
        FlaskOutbox(app, making())


@pytest.mark.parametrize(
    ("db", "words"),
    [
        ("sqlite://", "str"),
        (3, "int"),
        (create_engine("sqlite://"), "Engine"),
        (sessionmaker(create_engine("sqlite://")), "sessionmaker"),
        (
            scoped_session(lambda: Session(create_engine("sqlite://"))),  # type: ignore[arg-type]
            "sessionmaker",
        ),
    ],
)
def test_what_is_no_database_is_refused(db: object, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        FlaskOutbox(configured(), db)


def test_exactly_one_database_is_needed() -> None:
    sessions = sessionmaker(create_engine("sqlite://"))
    with pytest.raises(TypeError, match="one database"):
        FlaskOutbox(configured())
    with pytest.raises(TypeError, match="one database"):
        FlaskOutbox(configured(), scoped_session(sessions), sessions=sessions)
    with pytest.raises(TypeError, match="without an application"):
        FlaskOutbox(sessions=sessions)


def test_a_session_that_is_shared_is_refused_and_left_alone() -> None:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    Model.metadata.create_all(engine)
    schema.create_all(engine)
    shared = Session(engine)
    shared.add(Order(goods="kettle"))
    shared.flush()
    with pytest.raises(OutboxError, match="new session"):
        FlaskOutbox(configured(), sessions=lambda: shared)
    with pytest.raises(OutboxError, match="new session"):
        Outbox(lambda: shared, sender="a@example.com").send_email("", None, ["a@example.com"], "")
    registry = scoped_session(sessionmaker(engine))
    with pytest.raises(TypeError, match="new session"):
        FlaskOutbox(configured(), sessions=registry)
    with pytest.raises(OutboxError, match="new session"):
        FlaskOutbox(configured(), sessions=lambda: registry())  # noqa: PLW0108 - as people write it
    with pytest.raises(OutboxError, match="new session"):
        FlaskOutbox(configured(), sessions=lambda: registry)  # type: ignore[arg-type, return-value]
    assert shared.scalars(select(Order)).one().goods == "kettle"
    shared.rollback()
    assert shared.scalars(select(Order)).all() == []


@pytest.mark.parametrize("sessions", [3, create_engine("sqlite://"), dict])
def test_what_makes_no_sessions_is_refused(sessions: object) -> None:
    with pytest.raises((TypeError, OutboxError), match="sessions must make"):
        FlaskOutbox(configured(), sessions=sessions)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{}, {"poolclass": StaticPool}], ids=["default", "static"])
def test_the_only_connection_is_not_committed_behind_the_callers_back(
    options: dict[str, object],
) -> None:
    engine = create_engine("sqlite://", **options)
    Model.metadata.create_all(engine)
    schema.create_all(engine)
    outbox = FlaskOutbox(configured(), sessions=sessionmaker(engine))
    with Session(engine) as session:
        session.add(Order(goods="kettle"))
        session.flush()
        assert is_in_transaction(engine)
        with pytest.raises(OutboxError, match="session="):
            outbox.send_email("Hello", None, ["susan@example.com"], "text")
        assert session.scalars(select(Order)).all()
        outbox.send_email("Hello", None, ["susan@example.com"], "text", session=session)
        session.rollback()
    with Session(engine) as session:
        assert session.scalars(select(Order)).all() == []
        outbox.send_email("Hello", None, ["susan@example.com"], "text")
        assert session.execute(text("SELECT count(*) FROM outbox")).scalar_one() == 1


@pytest.mark.parametrize("making", [one for one in MAKINGS if one is not scoped])
def test_a_database_in_memory_serves_tests(making: Making) -> None:
    made = making("sqlite:///:memory:")
    made.outbox.email("shop.confirmation")(confirmation)
    with made.app.app_context():
        assert made.current().scalars(select(Order)).all() == []
        send(made)
        made.current().rollback()
        assert len(made.messages()) == 1
        made.current().add(Order(goods="kettle"))
        send(made)
        enqueue(made)
        made.current().rollback()
        assert made.seen() == (0, 1)


def test_the_current_transaction_is_joined_whether_or_not_it_has_written(tmp_path: Path) -> None:
    made = plain(f"sqlite:///{tmp_path / 'shop.db'}")
    made.outbox.email("shop.confirmation")(confirmation)
    with made.app.app_context():
        send(made)
        with pytest.raises(OutboxError, match="session="):
            enqueue(made)
        session = made.current()
        send(made)
        enqueue(made)
        assert made.seen() == (0, 1)
        session.commit()
        assert made.seen() == (0, 3)
        session.close()


def test_an_application_without_an_outbox_is_told_so() -> None:
    app = Flask("shop")
    with app.app_context(), pytest.raises(RuntimeError, match="FlaskOutbox"):
        current_outbox()
    with app.app_context(), pytest.raises(RuntimeError, match="FlaskOutbox"):
        FlaskOutbox().enqueue("shop.confirmation", to="susan@example.com")
    with pytest.raises(RuntimeError, match="app_context"):
        FlaskOutbox().send_email("Hello", None, ["susan@example.com"], "text")


@pytest.mark.parametrize("session", [3, "session", object()])
def test_what_is_no_session_is_refused(made: Made, session: object) -> None:
    with made.app.app_context():
        refusing: list[Callable[[], int]] = [
            lambda: enqueue(made, session=session),
            lambda: made.outbox.enqueue_many("shop.confirmation", [], session=session),  # type: ignore[arg-type]
            lambda: made.outbox.send_email("", None, ["a@example.com"], "", session=session),  # type: ignore[arg-type]
        ]
        for refused in refusing:
            with pytest.raises(TypeError, match="Session"):
                refused()
    with made.app.app_context(), pytest.raises(TypeError, match="Message"):
        made.outbox.send("Hello")  # type: ignore[arg-type]
    assert made.seen() == (0, 0)


# The tables are checked before the first message


@pytest.mark.parametrize("version", [0, 1])
def test_missing_tables_are_named_at_the_first_message(tmp_path: Path, version: int) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    make_version(engine, version)
    sessions = sessionmaker(engine)
    app = configured()
    outbox = FlaskOutbox(app, sessions=sessions)
    outbox.email("shop.confirmation")(confirmation)
    with sessions() as session, pytest.raises(OutboxError, match=r"schema\.upgrade"):
        outbox.enqueue("shop.confirmation", to="a@example.com", order_id=1, session=session)
    with pytest.raises(OutboxError, match=r"schema\.create_all"):
        outbox.send_email("Hello", None, ["susan@example.com"], "text")
    with pytest.raises(OutboxError, match=f"version {schema.LATEST}"):
        make_dispatcher(app)
    with app.app_context(), pytest.raises(OutboxError, match=r"schema\.create_all"):
        send_email("Hello", None, ["susan@example.com"], "text")
    schema.create_all(engine)
    outbox.send_email("Hello", None, ["susan@example.com"], "text")
    with app.app_context():
        send_email("Hello", None, ["susan@example.com"], "text")
    engine.dispose()


def make_version(engine: object, version: int) -> None:
    if version == 0:
        return
    from alembic.migration import MigrationContext  # noqa: PLC0415 - only here
    from alembic.operations import Operations  # noqa: PLC0415

    with engine.begin() as connection:  # type: ignore[attr-defined]
        schema.upgrade(Operations(MigrationContext.configure(connection)), to=version)


def test_a_table_of_that_name_is_refused(tmp_path: Path) -> None:
    app = configured(SQLALCHEMY_DATABASE_URI="sqlite://")
    db = SQLAlchemy(app)
    db.Table("outbox", db.Column("id", db.Integer, primary_key=True))
    with pytest.raises(OutboxError, match="'outbox'"):
        FlaskOutbox(app, db)
    engine = create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE outbox (id INTEGER PRIMARY KEY, event TEXT)"))
    outbox = FlaskOutbox(configured(), sessions=sessionmaker(engine))
    with pytest.raises(OutboxError, match="application's own"):
        outbox.send_email("Hello", None, ["susan@example.com"], "text")
    engine.dispose()


# From the extension to a server


def test_a_message_leaves_over_the_configured_server(tmp_path: Path, smtp: ScriptedServer) -> None:
    made = classic(
        f"sqlite:///{tmp_path / 'shop.db'}",
        MAIL_SERVER="127.0.0.1",
        MAIL_PORT=str(smtp.port),
        MAIL_SUPPRESS_SEND="false",
    )
    typed = made.outbox.email("shop.confirmation")(confirmation)
    with made.app.app_context():
        order = Order(goods="a kettle")
        made.current().add(order)
        made.current().flush()
        made.outbox.enqueue(typed, to="susan@example.com", order_id=order.id)
        made.current().commit()
    assert make_dispatcher(made.app).drain() == 1
    (received,) = smtp.received
    assert (received.recipients, received.text().strip()) == (["susan@example.com"], "a kettle")
    assert received.sender == "shop@example.com"
    made.engine.dispose()
