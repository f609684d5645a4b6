"""Optional packages, and the sentence about one that is missing."""

from __future__ import annotations

from flask_outbox.translation import gettext as _


def needs_extra(packages: str, extra: str, *, distribution: str = "flask-outbox") -> str:
    """Return what a setting needs and the command that installs it, to follow the setting's name.

    `packages` are names for people to read, `extra` is that of the `distribution`.
    """
    words = _("needs the package {package}. Install it with the extra {extra}:")
    command = f'pip install "{distribution}[{extra}]"'
    return f"{words.format(package=packages, extra=extra)} {command}"
