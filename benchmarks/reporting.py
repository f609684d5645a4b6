"""The report of a benchmark: a question, figures, promises, and whether they are kept.

A `Report` prints while it is filled, and is written as JSON into build/benchmarks. From these files
scripts/benchmarks_doc.py makes the page in docs/benchmarks.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from benchmarks import machine

RESULTS = Path(__file__).resolve().parent.parent / "build" / "benchmarks"


@dataclass(frozen=True)
class Promise:
    """A claim, and what was measured, both as text."""

    words: str
    measured: str
    kept: bool


@dataclass
class Table:
    """Figures with headings; each cell is text with its unit."""

    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)

    def row(self, *cells: str) -> None:
        """Add a row and print it. Raises ValueError if its cells do not fit the headings."""
        if len(cells) != len(self.columns):
            raise ValueError(f"{len(cells)} cells under {len(self.columns)} headings")
        self.rows.append(list(cells))
        _show_cells(self.columns, cells)


class Report:
    """One question and its answer.

    `name` is the benchmark's; `description` is its docstring: the question in the first line, then
    how it is measured. A report that is not `full` comes from a run with smaller numbers than those
    of `make bench`, or than those of the `options` where these are needed for full size, and never
    goes into the documentation.
    """

    def __init__(
        self, name: str, description: str | None, *, full: bool, options: str = ""
    ) -> None:
        question, _, method = (description or "").strip().partition("\n")
        self.name = name
        self.question = question
        self.method = method.strip()
        self.full = full
        self.options = options
        self.tables: list[Table] = []
        self.promises: list[Promise] = []
        self.notes: list[str] = []
        self.plot_title = self._plot = ""
        self._started = time.monotonic()
        _show(f"{self.question}\n\n{self.method}\n")

    def table(self, *columns: str) -> Table:
        """Begin a table; fill it with its `row`."""
        table = Table(list(columns))
        self.tables.append(table)
        _show_cells(columns, columns)
        return table

    def promise(self, words: str, *, measured: str, kept: bool) -> None:
        """Report what is claimed, what was measured, and whether the claim is kept."""
        self.promises.append(Promise(words, measured, kept))
        _show(f"{'kept' if kept else 'BROKEN'}: {words}: {measured}")

    def note(self, words: str) -> None:
        """Report what readers of the figures must know, such as what was left out and why."""
        self.notes.append(words)
        _show(f"note: {words}")

    def plot(self, title: str, svg: str) -> None:
        """Add a plot, which is written beside the report; `title` says what it shows."""
        self.plot_title, self._plot = title, svg

    def finish(self) -> NoReturn:
        """Write the report and end the program: with 0 if every promise is kept, else with 1."""
        self.write(RESULTS)
        sys.exit(not all(promise.kept for promise in self.promises))

    def write(self, folder: Path) -> Path:
        """Write the report as JSON, and its plot as SVG beside it; return the first file."""
        folder.mkdir(parents=True, exist_ok=True)
        if self._plot:
            (folder / f"{self.name}.svg").write_text(self._plot)
        path = folder / f"{self.name}.json"
        path.write_text(json.dumps(self._with_circumstances(), indent=2, ensure_ascii=False) + "\n")
        return path

    def _with_circumstances(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "question": self.question,
            "method": self.method,
            "full": self.full,
            "options": self.options,
            "tables": [asdict(table) for table in self.tables],
            "promises": [asdict(promise) for promise in self.promises],
            "notes": self.notes,
            "plot": self.plot_title,
            "seconds": round(time.monotonic() - self._started),
            "date": machine.today(),
            "commit": machine.commit(),
            "machine": machine.describe(),
        }


def parse(parser: argparse.ArgumentParser) -> tuple[argparse.Namespace, bool]:
    """The options of a benchmark, and whether all have the values of `make bench`."""
    options = parser.parse_args()
    return options, all(parser.get_default(name) == value for name, value in vars(options).items())


def milliseconds(seconds: float) -> str:
    """Format a time like 0.123 ms, 4.56 ms, 78.9 ms, 1,234 ms."""
    value = seconds * 1000
    digits = 3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f} ms"


def _show(words: str) -> None:
    print(words, flush=True)


def _show_cells(columns: list[str] | tuple[str, ...], cells: list[str] | tuple[str, ...]) -> None:
    widths = [max(len(column), 12) for column in columns]
    aligned = [cells[0].ljust(max(widths[0], 38))]
    aligned += [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
    _show("  " + "  ".join(aligned))
