"""A plot is SVG that a browser can read, in which every line has its points and its name."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from benchmarks.plotting import plot

SVG = "{http://www.w3.org/2000/svg}"


def drawn(lines: dict[str, list[tuple[float, float]]]) -> ET.Element:
    return ET.fromstring(plot("A & B", lines, x="hosts", mark=(5.0, "a limit")))


def test_each_line_is_drawn_and_named() -> None:
    root = drawn({"one <line>": [(1, 10), (100, 1000)], "another": [(1, 20), (10, 40)]})
    texts = [one.text for one in root.iter(f"{SVG}text")]
    assert {"A & B", "one <line>", "another", "a limit", "hosts", "1,000"} <= set(texts)
    assert [len((one.get("points") or "").split()) for one in root.iter(f"{SVG}polyline")] == [2, 2]


def test_powers_of_ten_are_at_even_distances() -> None:
    root = drawn({"a line": [(1, 1), (10, 10), (100, 100)]})
    (line,) = root.iter(f"{SVG}polyline")
    places = [[float(one) for one in pair.split(",")] for pair in str(line.get("points")).split()]
    (x1, y1), (x2, y2), (x3, y3) = places
    assert (x2 - x1, y1 - y2) == pytest.approx((x3 - x2, y2 - y3))
    assert x2 > x1
    assert y2 < y1


def test_what_is_not_above_zero_is_left_out() -> None:
    root = drawn({"a line": [(1, 10), (10, 100), (100, 0)]})
    (line,) = root.iter(f"{SVG}polyline")
    assert len(str(line.get("points")).split()) == 2
