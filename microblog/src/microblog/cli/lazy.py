"""Commands that are imported when they are called: help and shell completion import none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from gettext import gettext as _
from pkgutil import resolve_name
from typing import Any

import click

from microblog.cli.language import translate_help

PACKAGE = "microblog.cli"

Place = tuple[str, str | None]
"""Where a command is in PACKAGE, and the first paragraph of its help; None hides it."""


class LazyGroup(click.Group):
    """A group with a table of its commands, of which it imports the one that is called.

    `commands` gives the commands themselves, and imports each that is taken from it.
    """

    def __init__(self, name: str | None, *, places: Mapping[str, Place], **kwargs: Any) -> None:
        super().__init__(name, commands=_Commands(places), **kwargs)
        self.places = places

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """As much of a command as lists of commands show."""
        if cmd_name not in self.places:
            return super().get_command(ctx, cmd_name)
        summary = self.places[cmd_name][1]
        return click.Command(cmd_name, help=summary and _(summary), hidden=summary is None)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, found, rest = super().resolve_command(ctx, args)
        if name is None or found is None:
            return name, found, rest
        command = self.commands[name]
        translate_help(command)
        return name, command, rest


class _Commands(MutableMapping[str, click.Command]):
    def __init__(self, places: Mapping[str, Place]) -> None:
        self._found: dict[str, click.Command | str] = {
            name: where for name, (where, _summary) in places.items()
        }

    def __getitem__(self, name: str) -> click.Command:
        found = self._found[name]
        if isinstance(found, str):
            found = self._found[name] = resolve_name(f"{PACKAGE}.{found}")
        return found

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._found[name] = command

    def __delitem__(self, name: str) -> None:
        del self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)
