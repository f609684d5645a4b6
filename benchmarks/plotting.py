"""A plot of lines as SVG, in light and dark."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 80, 190, 50, 60
COLOURS = ("#2f6fde", "#d1242f", "#bf8700", "#1a7f37")
DASHES = ("", "7 4", "2 3", "9 3 2 3")
"""Lines differ by more than their colour."""

STYLE = """
svg { background: #fff; color: #1f2328; font: 13px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { svg { background: #0d1117; color: #e6edf3; } }
text { fill: currentColor; }
.grid { stroke: currentColor; stroke-opacity: 0.15; }
.mark { stroke: currentColor; stroke-dasharray: 3 3; }
.line { fill: none; stroke-width: 2.5; }
"""

Points = Sequence[tuple[float, float]]


def plot(title: str, lines: Mapping[str, Points], *, x: str, mark: tuple[float, str]) -> str:
    """Draw the lines over axes that count by powers of ten, and a vertical mark with its words.

    What is not above zero has no place on such an axis, and is left out.
    """
    xs = [one for points in lines.values() for one, _ in points]
    ys = [other for points in lines.values() for _, other in points if other > 0]
    across, up = _Axis(xs, LEFT, WIDTH - RIGHT), _Axis(ys, HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        _text(LEFT, TOP - 22, title, "start", weight="bold"),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, x, "middle"),
    ]
    for value in across.powers():
        at = across.place(value)
        parts.append(_line(at, TOP, at, HEIGHT - BOTTOM, "grid"))
        parts.append(_text(at, HEIGHT - BOTTOM + 20, f"{value:,.0f}", "middle"))
    for value in up.powers():
        at = up.place(value)
        parts.append(_line(LEFT, at, WIDTH - RIGHT, at, "grid"))
        parts.append(_text(LEFT - 8, at + 4, f"{value:,.0f}", "end"))
    at = across.place(mark[0])
    parts.append(_line(at, TOP, at, HEIGHT - BOTTOM, "mark"))
    parts.append(_text(at + 5, HEIGHT - BOTTOM - 8, mark[1], "start"))
    for (name, points), colour, dash in zip(lines.items(), COLOURS, DASHES, strict=False):
        places = [(across.place(one), up.place(other)) for one, other in points if other > 0]
        drawn = " ".join(f"{one:.1f},{other:.1f}" for one, other in places)
        parts.append(
            f'<polyline class="line" stroke="{colour}" stroke-dasharray="{dash}" points="{drawn}"/>'
        )
        parts.append(_text(places[-1][0] + 8, places[-1][1] + 4, name, "start"))
    return "\n".join([*parts, "</svg>", ""])


class _Axis:
    """From powers of ten to pixels."""

    def __init__(self, values: Sequence[float], first: float, last: float) -> None:
        self._low = math.floor(math.log10(min(values)))
        self._high = math.ceil(math.log10(max(values)))
        self._first, self._last = first, last

    def place(self, value: float) -> float:
        share = (math.log10(value) - self._low) / (self._high - self._low)
        return self._first + share * (self._last - self._first)

    def powers(self) -> list[float]:
        return [10.0**power for power in range(self._low, self._high + 1)]


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, words: str, anchor: str, *, weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">'
        f"{escape(words)}</text>"
    )
