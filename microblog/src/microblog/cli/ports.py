"""Ports of this machine: is one free, does something answer, and what to say if not."""

from __future__ import annotations

import socket
import time
from gettext import gettext as _

import click


def require_free(host: str, port: int, option: str) -> None:
    """Fail in words where another program has the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            words = _(
                "Port {port} needs an administrator's rights. Choose one above 1023: {option}"
            )
            raise click.ClickException(
                words.format(port=port, option=f"{option} {port + 8000}")
            ) from None
        except OSError as error:
            words = _(
                "Port {port} on {host} cannot be used: {reason}. Another program may have it;"
                " choose another with {option}"
            )
            raise click.ClickException(
                words.format(
                    port=port, host=host, reason=error.strerror, option=f"{option} {port + 1}"
                )
            ) from None


def choose_free(host: str) -> int:
    """A port that nobody uses now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def wait_until_open(host: str, port: int, *, seconds: float) -> bool:
    """Whether something answered at the port in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with socket.create_connection((host, port), timeout=1):
                return True
        except OSError:
            time.sleep(0.05)
    return False
