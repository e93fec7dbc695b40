"""A picture of lines over sizes: both axes are logarithmic, so that what is linear rises by 45°."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP, LABELS = 300, 300, 60, 40, 120
COLOURS = ("#0969da", "#cf222e", "#1a7f37", "#9a6700", "#8250df", "#57606a")


@dataclass(frozen=True)
class Line:
    """A name, and a value for each size."""

    name: str
    values: Sequence[float]


def draw(sizes: Sequence[int], panels: Sequence[tuple[str, Sequence[Line]]]) -> str:
    """An SVG with a panel for each group of lines, side by side."""
    step = LEFT + WIDTH + LABELS
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{step * len(panels)}" '
        f'height="{HEIGHT + 2 * TOP + 20}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for number, (title, lines) in enumerate(panels):
        parts += [f'<g transform="translate({number * step + LEFT},{TOP})">']
        parts += [*_panel(title, sizes, lines), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(title: str, sizes: Sequence[int], lines: Sequence[Line]) -> list[str]:
    values = [value for line in lines for value in line.values]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    first, last = math.log10(sizes[0]), math.log10(sizes[-1])

    def x(size: float) -> float:
        return (math.log10(size) - first) / max(last - first, 1) * WIDTH

    def y(value: float) -> float:
        return HEIGHT - (math.log10(value) - low) / max(high - low, 1) * HEIGHT

    parts = [f'<text x="0" y="-16" font-weight="bold">{escape(title)}</text>']
    for power in range(low, high + 1):
        at = y(10.0**power)
        parts.append(f'<path d="M0 {at:.1f}H{WIDTH}" stroke="#d0d7de"/>')
        parts.append(f'<text x="-8" y="{at + 4:.1f}" text-anchor="end">{10.0**power:g}</text>')
    for size in sizes:
        parts.append(f'<path d="M{x(size):.1f} 0V{HEIGHT}" stroke="#d0d7de"/>')
        parts.append(
            f'<text x="{x(size):.1f}" y="{HEIGHT + 18}" text-anchor="middle">{size:,}</text>'
        )
    names = _apart([y(line.values[-1]) for line in lines])
    for line, colour, at in zip(lines, COLOURS, names, strict=False):
        points = [f"{x(s):.1f},{y(v):.1f}" for s, v in zip(sizes, line.values, strict=True)]
        parts.append(
            f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" '
            'stroke-width="2"/>'
        )
        parts.append(
            f'<text x="{WIDTH + 8}" y="{at + 4:.1f}" fill="{colour}">{escape(line.name)}</text>'
        )
    return parts


def _apart(places: Sequence[float], least: float = 14) -> list[float]:
    """Places of labels, moved down where they would overlap."""
    found, before = dict[int, float](), -math.inf
    for number in sorted(range(len(places)), key=places.__getitem__):
        before = found[number] = max(places[number], before + least)
    return [found[number] for number in range(len(places))]
