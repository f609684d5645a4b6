"""Waking: it ends a wait, and never makes anybody wait."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from flask_outbox.outbox.wakeup import NoWakeup, SocketWakeup, WakeupListener

LONG = 60.0
"""Seconds that no test waits in full."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "bell"


def test_a_ring_wakes_who_waits(path: Path) -> None:
    with WakeupListener(path) as listener:
        ringing = threading.Timer(0.05, SocketWakeup(path).wake, [[1]])
        ringing.start()
        assert listener.wait(LONG)
        ringing.join()


def test_nobody_rang(path: Path) -> None:
    with WakeupListener(path) as listener:
        assert not listener.wait(0.05)
        assert not listener.wait(-1)


def test_rings_that_came_together_count_as_one(path: Path) -> None:
    with WakeupListener(path) as listener:
        for _ in range(5):
            SocketWakeup(path).wake([1])
            listener.wake()
        assert listener.wait(LONG)
        assert not listener.wait(0)


def test_a_ring_that_came_before_is_not_lost(path: Path) -> None:
    with WakeupListener(path) as listener:
        SocketWakeup(path).wake([1])
        assert listener.wait(LONG)


def test_the_process_itself_can_ring(path: Path) -> None:
    with WakeupListener(path) as listener:
        ringing = threading.Timer(0.05, listener.wake)
        ringing.start()
        assert listener.wait(LONG)
        ringing.join()


def test_a_listener_without_a_path_hears_its_own_process() -> None:
    with WakeupListener(None) as listener:
        assert not listener.wait(0.01)
        listener.wake()
        assert listener.wait(LONG)


def test_it_does_not_matter_that_nobody_is_there(path: Path) -> None:
    SocketWakeup(path).wake([1])
    with WakeupListener(path):
        pass
    assert not path.exists()
    SocketWakeup(path).wake([1])
    NoWakeup().wake([1])


def test_an_end_that_came_suddenly_leaves_nothing_in_the_way(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as left:
        left.bind(str(path))
    assert path.exists()
    with WakeupListener(path) as listener:
        SocketWakeup(path).wake([1])
        assert listener.wait(LONG)


@pytest.mark.parametrize("ringer", ["other process", "own process"])
def test_a_listener_that_does_not_listen_holds_nobody_up(path: Path, ringer: str) -> None:
    with WakeupListener(path) as listener:

        def ring_on_and_on() -> None:
            wakeup = SocketWakeup(path)
            for _ in range(5000):
                if ringer == "own process":
                    listener.wake()
                else:
                    wakeup.wake([1])

        assert ends_within(1.0, ring_on_and_on)
        assert listener.wait(LONG)


def test_where_no_bell_can_hang_the_dispatcher_looks_by_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    too_long = tmp_path / ("x" * 200)
    with caplog.at_level(logging.WARNING), WakeupListener(too_long) as listener:
        assert "polling only" in caplog.text
        SocketWakeup(too_long).wake([1])
        assert not listener.wait(0.01)
        listener.wake()
        assert listener.wait(LONG)


def ends_within(seconds: float, work: Callable[[], None]) -> bool:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    return not thread.is_alive()
