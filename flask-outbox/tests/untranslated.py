"""Words that a command says without having them translated."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from pathlib import Path


def untranslated(file: Path, tells: Collection[str], names: re.Pattern[str]) -> Iterator[str]:
    """Words in the arguments of what tells something, outside of a call such as _().

    Inside of an f-string, such a call is not found by what collects the texts.

    `tells` are the calls by which a command says something; `names` match what is the same in all
    languages.
    """
    for call in ast.walk(ast.parse(file.read_text())):
        if not isinstance(call, ast.Call) or _name(call.func) not in tells:
            continue
        for argument in call.args:
            for part in _literal_parts(argument):
                if re.search(r"[a-z]{2}", names.sub("", part)):
                    yield f"{_name(call.func)}: {part}"


def _literal_parts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield from (part for one in node.values for part in _literal_parts(one))
    elif isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.Call):
        if _name(node.value.func) in {"_", "gettext", "ngettext"}:
            yield from (part for one in node.value.args for part in _literal_parts(one))
    elif isinstance(node, ast.BinOp):
        yield from _literal_parts(node.left)
        yield from _literal_parts(node.right)
    elif isinstance(node, ast.IfExp):
        yield from _literal_parts(node.body)
        yield from _literal_parts(node.orelse)


def _name(function: ast.AST) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
