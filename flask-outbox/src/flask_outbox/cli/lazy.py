"""Commands that are imported when they are called: help and shell completion import none."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from copy import copy
from inspect import cleandoc
from io import TextIOWrapper
from pkgutil import resolve_name
from typing import Any, ClassVar

import click

Place = tuple[str, str | None]
"""Where a command is in its package, and the first paragraph of its help; None hides it."""

_AS_WRITTEN = "\b\n"
"""Begins a paragraph of help whose lines click leaves as they are."""


class LazyGroup(click.Group):
    """A group with a table of its commands, of which it imports the one that is called.

    `commands` gives the commands themselves, and imports each that is taken from it. A subclass
    says in which `package` they are, and how their help is translated.
    """

    package: ClassVar[str]

    @staticmethod
    def translate(text: str, /) -> str:
        return text

    def __init__(
        self, name: str | None = None, *, places: Mapping[str, Place], **kwargs: Any
    ) -> None:
        super().__init__(name, commands=_Commands(self.package, places), **kwargs)
        self.places = places

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """As much of a command as lists of commands show."""
        if cmd_name not in self.places:
            return super().get_command(ctx, cmd_name)
        summary = self.places[cmd_name][1]
        return click.Command(
            cmd_name, help=summary and self.translate(summary), hidden=summary is None
        )

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, found, rest = super().resolve_command(ctx, args)
        if name is None or found is None:
            return name, found, rest
        return name, translated(self.commands[name], self.translate), rest


def translated(command: click.Command, translate: Callable[[str], str]) -> click.Command:
    """A copy that says of itself and its options what `translate` makes of it.

    The commands below it are as they were.
    """
    made = copy(command)
    paragraphs = (_translated(one, translate) for one in _paragraphs(command.help or ""))
    made.help = "\n\n".join(paragraphs) or None
    made.params = [copy(one) for one in command.params]
    for parameter in made.params:
        if isinstance(parameter, click.Option) and parameter.help:
            parameter.help = translate(parameter.help)
    return made


def replace_unwritable_letters() -> None:
    """Let a terminal that cannot write a letter show another one, and the command go on."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def texts_of_help(command: click.Command) -> Iterator[str]:
    """Every paragraph and line of its help and of that below it, as the catalogues hold it.

    What a group below translates in another way is left out.
    """
    for one in _all_commands(command, getattr(command, "translate", None)):
        for paragraph in _paragraphs(one.help or ""):
            yield paragraph.removeprefix(_AS_WRITTEN)
        for parameter in one.params:
            if isinstance(parameter, click.Option) and parameter.help:
                yield parameter.help


def _all_commands(
    command: click.Command, translate: Callable[[str], str] | None
) -> Iterator[click.Command]:
    """The command and those below it, but for what is hidden."""
    if command.hidden:
        return
    yield command
    if isinstance(command, click.Group) and getattr(command, "translate", None) is translate:
        for below in command.commands.values():
            yield from _all_commands(below, translate)


def _translated(paragraph: str, translate: Callable[[str], str]) -> str:
    if paragraph.startswith(_AS_WRITTEN):
        return _AS_WRITTEN + translate(paragraph.removeprefix(_AS_WRITTEN))
    return translate(paragraph)


def _paragraphs(words: str) -> Iterator[str]:
    """Each in one line, but for those left as written: how a text is wrapped is no part of it."""
    for paragraph in filter(None, cleandoc(words).split("\n\n")):
        written = paragraph.startswith(_AS_WRITTEN)
        yield paragraph if written else " ".join(paragraph.split())


class _Commands(MutableMapping[str, click.Command]):
    def __init__(self, package: str, places: Mapping[str, Place]) -> None:
        self._found: dict[str, click.Command | str] = {
            name: f"{package}.{where}" for name, (where, _summary) in places.items()
        }

    def __getitem__(self, name: str) -> click.Command:
        found = self._found[name]
        if isinstance(found, str):
            found = self._found[name] = resolve_name(found)
        return found

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._found[name] = command

    def __delitem__(self, name: str) -> None:
        del self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)
