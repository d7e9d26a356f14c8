"""A plot of several series over the same objects, with a logarithmic scale, as SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, LEFT, TOP = 900, 420, 60, 40
DECADES = (-1, 3)
STYLE = "text{font:13px sans-serif;fill:#333}line{stroke:#ddd}"


@dataclass(frozen=True)
class Series:
    """A named row of dots, one for each object; None where there is none."""

    name: str
    colour: str
    values: Sequence[float | None]


def log_plot(title: str, series: Sequence[Series]) -> str:
    """Dots from 0.1 to 1,000 on a white ground, with a legend; values outside lie on the edge."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"><style>{STYLE}</style>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/><text x="{LEFT}" y="20">{escape(title)}</text>',
    ]
    for decade in range(DECADES[0], DECADES[1] + 1):
        height = _height(10.0**decade)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 10}" y1="{height:.0f}" y2="{height:.0f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{height + 4:.0f}" text-anchor="end">{10.0**decade:g}</text>')
    for number, each in enumerate(series):
        parts.append(
            f'<text x="{LEFT + 10}" y="{TOP + 20 + 18 * number}" style="fill:{each.colour}">● {each.name}</text>'
        )
        step = (WIDTH - LEFT - 10) / max(1, len(each.values))
        dots = ((LEFT + (place + 0.5) * step, value) for place, value in enumerate(each.values) if value is not None)
        circles = "".join(f'<circle cx="{x:.1f}" cy="{_height(value):.1f}" r="2.2"/>' for x, value in dots)
        parts.append(f'<g fill="{each.colour}">{circles}</g>')
    return "\n".join([*parts, "</svg>\n"])


def _height(value: float) -> float:
    lowest, highest = DECADES
    share = (math.log10(max(value, 10.0**lowest)) - lowest) / (highest - lowest)
    return HEIGHT - 20 - min(1.0, share) * (HEIGHT - 20 - TOP)
