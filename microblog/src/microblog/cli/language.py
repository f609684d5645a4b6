"""The command line speaks its user's language: that of the terminal, where the site has it.

The texts are those of the catalogues that pages use, and are found as GNU gettext finds them: by
the variables LANGUAGE, LC_ALL, LC_MESSAGES and LANG, of which the first that is set counts.
"""

from __future__ import annotations

import gettext
import os
import sys
from collections.abc import Iterator
from inspect import cleandoc
from io import TextIOWrapper
from pathlib import Path

import click

from microblog.web.supported_languages import LANGUAGES, nearest_language

CATALOGUES = Path(__file__).resolve().parent.parent / "translations"
DOMAIN = "messages"

_VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")

_AS_WRITTEN = "\b\n"
"""Begins a paragraph of help whose lines click leaves as they are."""


def speak_the_terminals_language() -> None:
    """Translate what will be said from now on, click's own words among it."""
    os.environ["LANGUAGE"] = terminals_language()
    gettext.bindtextdomain(DOMAIN, CATALOGUES)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot write a letter shows another one, and the command goes on.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def terminals_language() -> str:
    """One of LANGUAGES; English where the terminal's is none of them."""
    wanted = next((os.environ[name] for name in _VARIABLES if os.environ.get(name)), "")
    names = (name.partition(".")[0] for name in wanted.split(":"))
    return next((ours for ours in map(nearest_language, names) if ours), LANGUAGES[0])


def texts_of_help(command: click.Command) -> Iterator[str]:
    """Every paragraph and line of its help and of that below it, as the catalogues hold it."""
    for one in _all_commands(command):
        for paragraph in _paragraphs(one.help or ""):
            yield paragraph.removeprefix(_AS_WRITTEN)
        for parameter in one.params:
            if isinstance(parameter, click.Option) and parameter.help:
                yield parameter.help


def _all_commands(command: click.Command) -> Iterator[click.Command]:
    """The command and those below it, but for what only the supervisor calls."""
    if command.hidden:
        return
    yield command
    if isinstance(command, click.Group):
        for below in command.commands.values():
            yield from _all_commands(below)


def translate_help(command: click.Command) -> None:
    """Translate what a command says of itself and its options, but not the commands below it."""
    command.help = "\n\n".join(map(_translated, _paragraphs(command.help or ""))) or None
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.help:
            parameter.help = gettext.gettext(parameter.help)


def _translated(paragraph: str) -> str:
    if paragraph.startswith(_AS_WRITTEN):
        return _AS_WRITTEN + gettext.gettext(paragraph.removeprefix(_AS_WRITTEN))
    return gettext.gettext(paragraph)


def _paragraphs(words: str) -> Iterator[str]:
    """Each in one line, but for those left as written: how a text is wrapped is no part of it."""
    for paragraph in filter(None, cleandoc(words).split("\n\n")):
        written = paragraph.startswith(_AS_WRITTEN)
        yield paragraph if written else " ".join(paragraph.split())
