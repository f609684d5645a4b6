"""Fail if a function of a package has 50 lines or more: it does more than one thing."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = (ROOT / "flask-outbox" / "src", ROOT / "microblog" / "src")
LIMIT = 50


def lengths() -> list[tuple[int, str]]:
    found = []
    for path in [file for source in SOURCES for file in source.rglob("*.py")]:
        # A list of tables is not a procedure.
        if path.parent.name == "migrations" or path.name == "schema.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                name = f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
                found.append((node.end_lineno - node.lineno + 1, name))
    return sorted(found, reverse=True)


if __name__ == "__main__":
    longest = lengths()
    print(f"longest function: {longest[0][0]} lines ({longest[0][1]})")
    too_long = [entry for entry in longest if entry[0] >= LIMIT]
    for length, name in too_long:
        print(f"{length} lines: {name}")
    sys.exit(bool(too_long))
