"""Tables in the documentation, which tests compare with the code."""

from __future__ import annotations

import re


def table(page: str, first: str) -> tuple[list[str], list[list[str]]]:
    """The headings and the rows of the table whose first column has this heading."""
    found = re.search(rf"^\| {first} \|.*\n(?:\|.*\n)+", page, re.MULTILINE)
    assert found, f"there is no table with the column {first}"
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in found[0].splitlines()
    ]
    return lines[0], lines[2:]
