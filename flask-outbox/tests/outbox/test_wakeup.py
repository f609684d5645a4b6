"""Wake-ups: they end a wait, and never cause one."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from flask_outbox.outbox.wakeup import NoWakeup, SocketWakeup, WakeupListener

LONG = 60.0
"""Seconds that no test waits to the end."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "wakeup"


def test_a_wake_up_ends_a_wait(path: Path) -> None:
    with WakeupListener(path) as listener:
        ringing = threading.Timer(0.05, SocketWakeup(path).wake, [[1]])
        ringing.start()
        assert listener.wait(LONG)
        ringing.join()


def test_without_a_wake_up_a_wait_ends_by_its_time(path: Path) -> None:
    with WakeupListener(path) as listener:
        assert not listener.wait(0.05)
        assert not listener.wait(-1)


def test_wake_ups_that_come_together_count_as_one(path: Path) -> None:
    with WakeupListener(path) as listener:
        for _ in range(5):
            SocketWakeup(path).wake([1])
            listener.wake()
        assert listener.wait(LONG)
        assert not listener.wait(0)


def test_a_wake_up_before_the_wait_is_not_lost(path: Path) -> None:
    with WakeupListener(path) as listener:
        SocketWakeup(path).wake([1])
        assert listener.wait(LONG)


def test_the_process_can_wake_itself(path: Path) -> None:
    with WakeupListener(path) as listener:
        ringing = threading.Timer(0.05, listener.wake)
        ringing.start()
        assert listener.wait(LONG)
        ringing.join()


def test_a_listener_without_a_path_is_woken_by_its_own_process() -> None:
    with WakeupListener(None) as listener:
        assert not listener.wait(0.01)
        listener.wake()
        assert listener.wait(LONG)


def test_waking_without_a_listener_does_nothing(path: Path) -> None:
    SocketWakeup(path).wake([1])
    with WakeupListener(path):
        pass
    assert not path.exists()
    SocketWakeup(path).wake([1])
    NoWakeup().wake([1])


def test_a_socket_of_a_killed_process_is_replaced(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as left:
        left.bind(str(path))
    assert path.exists()
    with WakeupListener(path) as listener:
        SocketWakeup(path).wake([1])
        assert listener.wait(LONG)


@pytest.mark.parametrize("waker", ["other process", "own process"])
def test_a_stalled_listener_blocks_nobody(path: Path, waker: str) -> None:
    with WakeupListener(path) as listener:

        def wake_again_and_again() -> None:
            wakeup = SocketWakeup(path)
            for _ in range(5000):
                if waker == "own process":
                    listener.wake()
                else:
                    wakeup.wake([1])

        assert ends_within(1.0, wake_again_and_again)
        assert listener.wait(LONG)


def test_without_a_usable_socket_the_dispatcher_polls(
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
