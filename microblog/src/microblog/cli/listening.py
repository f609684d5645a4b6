"""The sockets on which a site listens: opened here, or handed over by systemd.

They are the supervisor's, and outlive the web servers, which inherit them one after the other. Who
connects while one takes over from another waits, and is served.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from gettext import gettext as _
from pathlib import Path

import click
from gunicorn import systemd

from flask_outbox.cli import require_free

BACKLOG = 2048
"""Connections that may wait for a web server; Linux takes its `somaxconn` where that is less."""

UNIX = "unix:"


@contextmanager
def listening(host: str, port: int, bind: str | None) -> Iterator[Sequence[socket.socket]]:
    """The sockets of systemd if there are any (sd_listen_fds(3)), else the one of the options.

    Raises ClickException, in words, if it cannot be opened.
    """
    count = systemd.listen_fds()
    if count:
        first = systemd.SD_LISTEN_FDS_START
        yield [socket.socket(fileno=number) for number in range(first, first + count)]
    elif bind is not None:
        path = Path(bind.removeprefix(UNIX))
        with _unix_socket(path) as made:
            try:
                yield [made]
            finally:
                path.unlink(missing_ok=True)
    else:
        require_free(host, port, "--port")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, port), family=family, backlog=BACKLOG) as made:
            yield [made]


def is_unix(one: socket.socket) -> bool:
    """Whether it has a path, and no host and port."""
    return one.family == socket.AF_UNIX


def name_of(one: socket.socket) -> str:
    """Where it listens, in words: "127.0.0.1, port 5000", or a path."""
    address = one.getsockname()
    if is_unix(one):
        return str(address)
    return _("{host}, port {port}").format(host=address[0], port=address[1])


def _unix_socket(path: Path) -> socket.socket:
    """A socket for whoever may enter its folder, as a port is for whoever is on the machine."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o111)
    try:
        _remove_stale(path)
        made.bind(str(path))
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        words = _("The socket {path} can't be opened: {reason}.")
        reason = error.strerror or str(error)
        raise click.ClickException(words.format(path=path, reason=reason)) from None
    finally:
        os.umask(mask)
    return made


def _remove_stale(path: Path) -> None:
    """Remove what a site left that was killed. One that is in use, or another file, stays."""
    if path.is_socket():
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
