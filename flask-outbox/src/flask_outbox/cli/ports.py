"""Ports of this machine."""

from __future__ import annotations

import socket

import click

from flask_outbox.translation import gettext as _


def require_free(host: str, port: int, option: str) -> None:
    """Fail in words where another program has the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            words = _("Port {port} needs administrator rights. Choose a port above 1023: {option}")
            raise click.ClickException(
                words.format(port=port, option=f"{option} {port + 8000}")
            ) from None
        except OSError as error:
            words = _(
                "Port {port} on {host} can't be used: {reason}. Another program may be using"
                " it. Choose another port: {option}"
            )
            raise click.ClickException(
                words.format(
                    port=port, host=host, reason=error.strerror, option=f"{option} {port + 1}"
                )
            ) from None
