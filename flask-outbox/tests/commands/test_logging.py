"""Where nobody has set up logging, the library logs where Flask does; else it changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from flask.logging import default_handler

from flask_outbox.application import log_where_nobody_does


@contextmanager
def logger(
    *handlers: logging.Handler, level: int = 0, root: bool = False
) -> Iterator[logging.Logger]:
    """The library's logger with these handlers, or those at the root, and no others.

    Entered in a test, since pytest adds handlers of its own before.
    """
    ours, top = logging.getLogger("flask_outbox"), logging.getLogger()
    before = (ours.handlers, ours.level, ours.propagate, top.handlers)
    top.handlers = list(handlers) if root else []
    ours.handlers, ours.propagate = [] if root else list(handlers), True
    ours.setLevel(level)
    try:
        yield ours
    finally:
        ours.handlers, _, ours.propagate, top.handlers = before
        ours.setLevel(before[1])


def test_nobody_has_set_it_up() -> None:
    with logger() as ours:
        for _ in range(2):
            log_where_nobody_does()
        assert (ours.handlers, ours.level) == ([default_handler], logging.INFO)


def test_a_level_of_the_application_stays() -> None:
    with logger(level=logging.ERROR) as ours:
        log_where_nobody_does()
        assert (ours.handlers, ours.level) == ([default_handler], logging.ERROR)


def test_a_handler_of_the_application_stays_alone() -> None:
    own = logging.NullHandler()
    with logger(own) as ours:
        log_where_nobody_does()
        assert (ours.handlers, ours.level) == ([own], logging.NOTSET)


def test_a_handler_of_the_root_is_enough() -> None:
    with logger(logging.NullHandler(), root=True) as ours:
        log_where_nobody_does()
        assert (ours.handlers, ours.level) == ([], logging.NOTSET)
