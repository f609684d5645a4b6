"""A benchmark's report is stored, decides the exit code, and becomes the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import QUESTIONS, machine, reporting
from benchmarks.reporting import Report, milliseconds
from scripts import benchmarks_doc

NAME = QUESTIONS[0]


def report(*, kept: bool = True, full: bool = True) -> Report:
    made = Report(NAME, "How fast is it, really?\n\nMeasured with a watch.\n", full=full)
    table = made.table("Way", "Time")
    table.row("a | b", "1 ms")
    made.promise("At most 2 ms", measured="1 ms", kept=kept)
    made.note("Nothing was left out.")
    return made


@pytest.mark.parametrize("kept", [True, False])
def test_a_broken_promise_ends_with_1(
    kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting, "RESULTS", tmp_path)
    with pytest.raises(SystemExit) as ended:
        report(kept=kept).finish()
    assert ended.value.code == (not kept)
    assert json.loads((tmp_path / f"{NAME}.json").read_text())["promises"][0]["kept"] is kept


def test_a_result_holds_its_circumstances_but_no_path(tmp_path: Path) -> None:
    text = report().write(tmp_path).read_text()
    kept = json.loads(text)
    assert kept["machine"]["Python"].startswith("CPython 3.")
    assert kept["commit"]
    assert str(benchmarks_doc.ROOT) not in text


def test_the_sources_that_the_commit_is_compared_with_exist() -> None:
    assert all(list((benchmarks_doc.ROOT / one).glob("*/*.py")) for one in machine.SOURCES)


def test_a_row_must_fit_its_headings() -> None:
    with pytest.raises(ValueError, match="1 cells under 2 headings"):
        Report(NAME, "", full=True).table("a", "b").row("c")


def test_the_page_has_everything(tmp_path: Path) -> None:
    report(kept=False).write(tmp_path)
    page = benchmarks_doc.page(benchmarks_doc.load(tmp_path))
    assert "[How fast is it, really?](#how-fast-is-it-really)" in page
    assert "## How fast is it, really?\n\nMeasured with a watch.\n" in page
    assert r"| a \| b | 1 ms |" in page
    assert "| At most 2 ms | 1 ms | **no** |" in page
    assert "- Not kept: At most 2 ms: 1 ms.\n- Nothing was left out.\n" in page


def test_only_full_runs_are_published(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report(full=False).write(tmp_path / "build")
    benchmarks_doc.copy_results(tmp_path / "build", tmp_path / "docs")
    assert "smaller numbers" in capsys.readouterr().out
    with pytest.raises(ValueError, match="run make bench first"):
        benchmarks_doc.load(tmp_path / "docs")
    report().write(tmp_path / "build")
    benchmarks_doc.copy_results(tmp_path / "build", tmp_path / "docs")
    assert len(benchmarks_doc.load(tmp_path / "docs")) == 1


def test_each_result_names_the_machine_that_it_was_measured_on(tmp_path: Path) -> None:
    report().write(tmp_path)
    other: dict[str, Any] = json.loads((tmp_path / f"{NAME}.json").read_text())
    other["machine"]["Processor"] = "an abacus"
    (tmp_path / f"{QUESTIONS[1]}.json").write_text(json.dumps(other))
    page = benchmarks_doc.page(benchmarks_doc.load(tmp_path))
    assert page.count("Processor: ") == 2
    assert page.count("Processor: an abacus; ") == 1


def test_the_readme_needs_a_place_for_the_figures(tmp_path: Path) -> None:
    report().write(tmp_path)
    results = benchmarks_doc.load(tmp_path)
    with pytest.raises(ValueError, match="needs the lines"):
        benchmarks_doc.with_figures("# Site\n", results)
    begin, end = benchmarks_doc.BEGIN, benchmarks_doc.END
    readme = benchmarks_doc.with_figures(f"a\n{begin}\nold\n{end}\nb\n", results)
    assert readme == (
        f"a\n{begin}\n| Promise | Measured |\n| --- | --- |\n| At most 2 ms | 1 ms |\n{end}\nb\n"
    )


def test_a_plot_is_published_beside_its_result(tmp_path: Path) -> None:
    made = report()
    made.plot("What it shows", "<svg/>")
    made.write(tmp_path / "build")
    benchmarks_doc.copy_results(tmp_path / "build", tmp_path / "docs")
    assert (tmp_path / "docs" / f"{NAME}.svg").read_text() == "<svg/>"
    page = benchmarks_doc.page(benchmarks_doc.load(tmp_path / "docs"))
    assert f"![What it shows](results/{NAME}.svg)" in page


def test_a_page_takes_the_tables_between_its_markers(tmp_path: Path) -> None:
    made = Report(NAME, "How fast?\n\nMeasured.", full=True, options="--minutes 10")
    made.table("Way", "Time").row("a", "1 ms")
    made.write(tmp_path)
    (result,) = benchmarks_doc.load(tmp_path)
    begin = f"<!-- {NAME}: written by scripts/benchmarks_doc.py -->"
    end = f"<!-- end of {NAME} -->"
    page = benchmarks_doc.with_tables(f"before\n{begin}\nold\n{end}\nafter\n", result)
    assert page.startswith(f"before\n{begin}\n| Way | Time |\n| --- | --- |\n| a | 1 ms |\n")
    assert f"`python -m benchmarks.{NAME} --minutes 10`" in page
    assert page.endswith(f"{end}\nafter\n")
    assert "old" not in page
    assert benchmarks_doc.with_tables(page, result) == page
    with pytest.raises(ValueError, match="needs the line"):
        benchmarks_doc.with_tables("# Reliability\n", result)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.000123, "0.123 ms"), (0.00456, "4.56 ms"), (0.0789, "78.9 ms"), (1.234, "1,234 ms")],
)
def test_milliseconds(seconds: float, words: str) -> None:
    assert milliseconds(seconds) == words
