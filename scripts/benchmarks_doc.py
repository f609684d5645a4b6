"""Write docs/benchmarks, and figures of other pages, from the results of `make bench`.

Copies the results of the last runs from build/benchmarks to docs/benchmarks/results, without those
of runs with smaller numbers, and makes the pages from all that are there. With --check, only
compares the pages with the results.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import QUESTIONS  # noqa: E402
from benchmarks.reporting import RESULTS  # noqa: E402

FOLDER = ROOT / "docs" / "benchmarks"
PUBLISHED = FOLDER / "results"
PAGE = FOLDER / "README.md"
LIBRARY = ROOT / "flask-outbox" / "README.md"
SITE = ROOT / "microblog" / "README.md"
OF_THE_LIBRARY = {
    "kill",
    "mail",
    "claims",
    "enqueueing",
    "overtaking",
    "distributed",
    "notify",
    "memory",
    "bounces",
}
"""The questions that the library's README answers; all others are the site's."""
RELIABILITY = ROOT / "docs" / "reliability.md"
OF_RELIABILITY = {"soak", "capacity"}
"""The questions whose tables that page shows, too."""
BEGIN = "<!-- figures: written by scripts/benchmarks_doc.py -->"
END = "<!-- end of figures -->"

Result = dict[str, Any]


def main() -> None:
    if "--check" in sys.argv[1:]:
        if stale():
            sys.exit("the benchmarks' pages are stale: run python scripts/benchmarks_doc.py")
        return
    copy_results(RESULTS, PUBLISHED)
    results = load(PUBLISHED)
    for path, text in pages(results).items():
        path.write_text(text)


def stale() -> bool:
    """Whether a page differs from the results."""
    written = pages(load(PUBLISHED))
    return any(path.read_text() != text for path, text in written.items())


def pages(results: Sequence[Result]) -> dict[Path, str]:
    """The text of every page that holds figures, made from the results."""
    mails = [one for one in results if one["name"] in OF_THE_LIBRARY]
    sites = [one for one in results if one["name"] not in OF_THE_LIBRARY]
    reliability = RELIABILITY.read_text()
    for one in results:
        if one["name"] in OF_RELIABILITY:
            reliability = with_tables(reliability, one)
    return {
        PAGE: page(results),
        RELIABILITY: reliability,
        LIBRARY: with_figures(LIBRARY.read_text(), mails),
        SITE: with_figures(SITE.read_text(), sites),
    }


def copy_results(source: Path, target: Path) -> None:
    """Copy the results of full runs."""
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.glob("*.json")):
        if json.loads(path.read_text())["full"]:
            for file in (path, path.with_suffix(".svg")):
                if file.exists():
                    shutil.copy(file, target / file.name)
        else:
            print(f"left out, since it was a run with smaller numbers: {path.name}")


def load(folder: Path) -> list[Result]:
    """The results, in the order of the questions. Raises ValueError if there are none.

    They may come from several machines: each compares within its run, and names its machine.
    """
    paths = [folder / f"{name}.json" for name in QUESTIONS]
    results: list[Result] = [json.loads(path.read_text()) for path in paths if path.exists()]
    if not results:
        raise ValueError("There are no results: run make bench first.")
    return results


def page(results: Sequence[Result]) -> str:
    """The text of docs/benchmarks/README.md."""
    return "\n".join([*_opening(results), *(line for one in results for line in _section(one))])


def with_figures(readme: str, results: Sequence[Result]) -> str:
    """Return a README with new figures between its markers. Raises ValueError without markers."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The page needs the lines {BEGIN} and {END}")
    rows = [
        (promise["words"], promise["measured"] + ("" if promise["kept"] else " (**not kept**)"))
        for one in results
        for promise in one["promises"]
    ]
    lines = _table(("Promise", "Measured"), rows)
    return "\n".join([before + begin, *lines, end + after])


def with_tables(text: str, result: Result) -> str:
    """Return a page with this result between its markers. Raises ValueError without markers."""
    begin = f"<!-- {result['name']}: written by scripts/benchmarks_doc.py -->"
    before, found, rest = text.partition(begin)
    _, end, after = rest.partition(f"<!-- end of {result['name']} -->")
    if not found or not end:
        raise ValueError(f"The page needs the line {begin} and one that ends it")
    results = PUBLISHED.relative_to(RELIABILITY.parent)
    return "\n".join([before + begin, *_figures(result, results), end + after])


def _opening(results: Sequence[Result]) -> Iterator[str]:
    yield "# Benchmarks"
    yield ""
    yield (
        "Written by `scripts/benchmarks_doc.py` from the results of `make bench`. Each promise"
        " compares within one run, or is a limit. Other figures are the machine's named below."
    )
    yield ""
    yield from _table(
        ("Question", "Promise", "Measured", "Kept"),
        [
            (_link(one["question"]), promise["words"], promise["measured"], _kept(promise))
            for one in results
            for promise in one["promises"]
        ],
    )
    yield ""


def _section(result: Result) -> Iterator[str]:
    yield f"## {result['question']}"
    yield ""
    yield result["method"]
    yield ""
    yield from _figures(result, PUBLISHED.relative_to(FOLDER))


def _figures(result: Result, results: Path) -> Iterator[str]:
    """All but the question and the method; the files are in the folder `results`."""
    if result.get("plot"):
        yield f"![{result['plot']}]({results.as_posix()}/{result['name']}.svg)"
        yield ""
    for table in result["tables"]:
        yield from _table(table["columns"], table["rows"])
        yield ""
    for promise in result["promises"]:
        verdict = "Kept" if promise["kept"] else "Not kept"
        yield f"- {verdict}: {promise['words']}: {promise['measured']}."
    for note in result["notes"]:
        yield f"- {note}"
    yield ""
    command = f"python -m benchmarks.{result['name']} {result.get('options', '')}".strip()
    yield (
        f"`{command}`, {result['date']}, commit {result['commit']}, {result['seconds']} seconds. "
        + "; ".join(f"{trait}: {value}" for trait, value in result["machine"].items())
        + "."
    )
    yield ""


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield _line(columns)
    yield _line(["---"] * len(columns))
    yield from (_line(row) for row in rows)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _link(question: str) -> str:
    """A link to the section of this question, with the anchor that GitHub makes of a heading."""
    kept = "".join(letter for letter in question.lower() if letter.isalnum() or letter in " _-")
    return f"[{question}](#{kept.replace(' ', '-')})"


def _kept(promise: dict[str, Any]) -> str:
    return "yes" if promise["kept"] else "**no**"


if __name__ == "__main__":
    main()
