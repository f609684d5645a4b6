"""`run_dispatcher` in threads: of this process, of a script, of `flask run`, of web workers."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from flask_outbox import run_dispatcher
from tests.commands.processes import (
    GREETER,
    Greeter,
    Process,
    visit,
    visit_until_both_served,
)
from tests.extensions import Made, classic
from tests.ports import HOST, free_port, is_open
from tests.services import need
from tests.smtp_server import ScriptedServer
from tests.waiting import eventually

ON_ONE = pytest.mark.parametrize("made", [classic], indirect=True)

IN_A_THREAD = """
import sys, threading
from flask_outbox import run_dispatcher
import greeter
threading.Thread(target=run_dispatcher, args=(greeter.app,), daemon=True).start()
sys.stdin.read()
"""

ENDS_WITH_THE_SCRIPT = """
import sys
from flask_outbox import run_dispatcher
import greeter
run_dispatcher(greeter.app, in_thread=True)
sys.stdin.readline()
"""

FORKS = """
import os
from flask_outbox import run_dispatcher
import greeter
dispatcher = run_dispatcher(greeter.app, in_thread=True)
child = os.fork()
if not child:
    before = dispatcher.is_running
    dispatcher.stop()
    again = run_dispatcher(greeter.app, in_thread=True)
    print("child", before, again.is_running, flush=True)
    again.stop()
    os._exit(0)
print("code", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), dispatcher.is_running, flush=True)
"""


def script(greeter: Greeter, code: str) -> AbstractContextManager[Process]:
    return greeter.process("-c", code, PYTHONPATH=greeter.python_path())


@contextmanager
def gunicorn(greeter: Greeter, port: int, *more: str, **given: str) -> Iterator[Process]:
    """Two workers that serve at the port."""
    need(find_spec("gunicorn") is not None, "gunicorn")
    options = [
        "--bind",
        f"{HOST}:{port}",
        "--workers",
        "2",
        "--pythonpath",
        str(GREETER.parent),
        *more,
    ]
    with greeter.process("-m", "gunicorn", *options, "greeter:app", **given) as started:
        assert eventually(lambda: started.said().count("Booting worker") == 2 and is_open(port))
        try:
            yield started
        finally:
            sys.stdout.write(started.said())


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def greet(made: Made, *numbers: int) -> None:
    with made.app.app_context():
        for number in numbers:
            made.outbox.send_email("Hello", None, [f"visitor{number}@example.com"], "Hello.")
        made.current().commit()


def test_one_thread_delivers_until_it_is_stopped(made: Made, smtp: ScriptedServer) -> None:
    """Outside of an application context, with every kind of session."""
    dispatcher = run_dispatcher(made.app, in_thread=True)
    try:
        assert run_dispatcher(made.app, in_thread=True) is dispatcher
        greet(made, 1, 2)
        smtp.wait_for(2)
        with smtp.pause():
            taken = smtp.commands.count("DATA")
            greet(made, 3)
            assert eventually(lambda: smtp.commands.count("DATA") > taken)
    finally:
        dispatcher.stop()
    assert not dispatcher.is_running
    assert [one.status for one in made.messages()] == ["sent"] * 3
    greet(made, 4)
    assert not eventually(lambda: len(smtp.received) > 3, seconds=0.2)


@ON_ONE
def test_it_can_be_started_again(made: Made, smtp: ScriptedServer) -> None:
    for number in (1, 2):
        dispatcher = run_dispatcher(made.app, in_thread=True)
        assert dispatcher.is_running
        greet(made, number)
        smtp.wait_for(number)
        dispatcher.stop()
        dispatcher.stop()


@pytest.mark.slow
def test_it_delivers_in_a_thread_that_is_not_the_main_one(
    greeter: Greeter, smtp: ScriptedServer
) -> None:
    greeter.enqueue(1)
    with script(greeter, IN_A_THREAD):
        smtp.wait_for(1)


@pytest.mark.slow
def test_what_is_in_flight_is_finished_when_the_process_ends(
    greeter: Greeter, smtp: ScriptedServer
) -> None:
    greeter.enqueue(1)
    with script(greeter, ENDS_WITH_THE_SCRIPT) as started:
        with smtp.pause():
            assert eventually(lambda: "DATA" in smtp.commands)
            started.close_input()
            assert not eventually(lambda: started.process.poll() is not None, seconds=0.3)
        assert started.process.wait(timeout=30) == 0
    assert greeter.statuses() == ["sent"]


@pytest.mark.slow
def test_a_process_that_was_forked_starts_its_own(greeter: Greeter) -> None:
    greeter.enqueue(1)
    with script(greeter, FORKS) as started:
        assert started.process.wait(timeout=30) == 0
    assert "child False True\n" in started.said()
    assert "code 0 True\n" in started.said()


@pytest.mark.slow
def test_with_the_reloader_only_the_process_that_serves_delivers(
    greeter: Greeter, smtp: ScriptedServer
) -> None:
    port = free_port()
    run = greeter.flask("run", "--debug", "--port", str(port))
    with greeter.process(*run, GREETER_IN_THREAD="1") as started:
        assert eventually(lambda: is_open(port))
        child = int(visit(port, 1))
        smtp.wait_for(1)
        assert child != started.process.pid
        assert threads(started.process.pid) == 1
        assert threads(child) > 5


@pytest.mark.slow
def test_other_commands_of_flask_start_nothing(greeter: Greeter) -> None:
    greeter.enqueue(1)
    listed = greeter.run("outbox", "list", GREETER_IN_THREAD="1")
    assert "queued" in listed.stdout
    drained = greeter.run("outbox", "deliver", "--drain", GREETER_IN_THREAD="1")
    assert "Handled 1 message." in drained.stdout


@pytest.mark.slow
def test_two_web_workers_with_a_thread_each_send_nothing_twice(
    greeter: Greeter, smtp: ScriptedServer
) -> None:
    port = free_port()
    with gunicorn(greeter, port, GREETER_IN_THREAD="1") as started:
        visits = visit_until_both_served(port)
        smtp.wait_for(visits)
        assert started.end() == 0
    assert Counter(one.recipients[0] for one in smtp.received).most_common(1)[0][1] == 1
    assert greeter.statuses() == ["sent"] * visits


@pytest.mark.slow
def test_gunicorn_serves_and_a_process_beside_it_delivers(
    greeter: Greeter, smtp: ScriptedServer
) -> None:
    port = free_port()
    deliver = greeter.process(*greeter.flask("outbox", "deliver"))
    with gunicorn(greeter, port) as web, deliver as delivering:
        for number in range(10):
            visit(port, number)
        smtp.wait_for(10)
        assert web.end(signal.SIGTERM) == 0
        assert delivering.end(signal.SIGTERM) == 0
    assert greeter.statuses() == ["sent"] * 10
    assert "INFO in delivery: Message 1 (mail.ready): sent" in delivering.said()
    assert "INFO in delivery" not in web.said()
