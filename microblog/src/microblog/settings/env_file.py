"""The file of settings (.env), read strictly: a line that is probably a mistake is refused.

A line is NAME=value, perhaps with `export` before it. Quotation marks round a value are removed,
and variables in it are not expanded. The syntax is python-dotenv's.
"""

from __future__ import annotations

import io
import re
from gettext import gettext as _
from pathlib import Path

from dotenv.parser import Binding, parse_stream

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LINE_BREAK = re.compile(r"\r\n|\n|\r")
_OPENS_A_QUOTE = re.compile(r"(?:export\s+)?[^=#\s]+[^\S\r\n]*=[^\S\r\n]*['\"]")


class EnvFileError(Exception):
    """The file cannot be read; `problems` has a sentence for each wrong line."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


def read_env_file(file: Path) -> dict[str, str]:
    """Return the values in the file by name.

    Raises EnvFileError, which names lines by number and never quotes them: they may hold secrets.
    """
    values: dict[str, str] = {}
    problems = []
    for binding in parse_stream(io.StringIO(_text(file), newline="")):
        problem = _problem(binding) or _contradiction(binding, values)
        if problem:
            problems.append(f"{file}, {problem}")
        elif binding.key is not None:
            values[binding.key] = binding.value or ""
    if problems:
        raise EnvFileError(problems)
    return values


def env_line(name: str, value: str) -> str:
    """The line of a file from which `read_env_file` returns this value."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name}="{escaped}"\n'


def _text(file: Path) -> str:
    try:
        data = file.read_bytes()
    except OSError as error:
        words = _("{file} cannot be read: {reason}.")
        raise EnvFileError([words.format(file=file, reason=error.strerror)]) from None
    try:
        text = data.decode("utf-8-sig")
        broken_at = data.find(b"\0")
    except UnicodeDecodeError as error:
        broken_at = error.start
    if broken_at >= 0:
        words = _("{file} is no text in UTF-8, as line {line} shows: save it as UTF-8.")
        line = data.count(b"\n", 0, broken_at) + 1
        raise EnvFileError([words.format(file=file, line=line)])
    return text


def _problem(binding: Binding) -> str | None:
    """What is wrong with a line, beginning with its number; None if nothing is."""
    written = binding.original.string
    line = _line(binding)
    written = written.strip()
    if _OPENS_A_QUOTE.match(written) and (binding.error or _LINE_BREAK.search(written)):
        words = _(
            "line {line}: the quotation mark that opens the value must close it, at the end of the"
            " same line."
        )
        return words.format(line=line)
    is_setting = binding.key is None or (
        binding.value is not None and _NAME.fullmatch(binding.key) is not None
    )
    if binding.error or not is_setting:
        return _("line {line} is not like NAME=value.").format(line=line)
    return None


def _contradiction(binding: Binding, before: dict[str, str]) -> str | None:
    if binding.key is None or before.get(binding.key, binding.value) == binding.value:
        return None
    words = _("line {line}: {name} is set above to another value; keep one of them.")
    return words.format(line=_line(binding), name=binding.key)


def _line(binding: Binding) -> int:
    """The number of the line on which a binding begins."""
    written = binding.original.string
    blanks = written[: len(written) - len(written.lstrip())]
    return binding.original.line + len(_LINE_BREAK.findall(blanks))
