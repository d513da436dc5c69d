"""Plots as inline SVG: a frame with axes, lines, points and bars. Colours are classes; the page's style has them."""

import math
from collections.abc import Sequence
from html import escape
from typing import Final

WIDTH: Final = 560
HEIGHT: Final = 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 16, 16, 44


class Plot:
    """A plot with both axes from zero. Marks are drawn in the order in which they are added."""

    def __init__(self, title: str, x: tuple[str, float], y: tuple[str, float]) -> None:
        self._title = title
        self._x_name, self._x_most = x[0], _round_up(x[1])
        self._y_name, self._y_most = y[0], _round_up(y[1])
        self._marks: list[str] = []
        self._keys: list[tuple[str, str, str]] = []

    def line(self, points: Sequence[tuple[float, float]], kind: str) -> None:
        """Draw a line through points; what is outside of the plot is cut off."""
        if len(points) > 1:
            path = " ".join(f"{self._across(x):.1f},{self._down(y):.1f}" for x, y in points)
            self._marks.append(f'<polyline class="{kind}" points="{path}"/>')

    def points(self, points: Sequence[tuple[float, float, str]], kind: str) -> None:
        """Draw dots, each with a text that shows on hover."""
        for x, y, text in points:
            self._marks.append(
                f'<circle class="{kind}" cx="{self._across(x):.1f}" cy="{self._down(y):.1f}" r="4">'
                f"<title>{escape(text)}</title></circle>"
            )

    def spans(self, spans: Sequence[tuple[float, float, float]], kind: str) -> None:
        """Draw vertical intervals: x, low, high."""
        for x, low, high in spans:
            across = f"{self._across(x):.1f}"
            bottom, top = f"{self._down(low):.1f}", f"{self._down(high):.1f}"
            self._marks.append(f'<line class="{kind}" x1="{across}" x2="{across}" y1="{bottom}" y2="{top}"/>')

    def bars(self, bars: Sequence[tuple[float, float, float]], kind: str) -> None:
        """Draw bars from x to x with a height."""
        for start, end, height in bars:
            left, top = self._across(start), self._down(height)
            width = max(0.5, self._across(end) - left - 0.5)
            self._marks.append(
                f'<rect class="{kind}" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" '
                f'height="{max(0.0, HEIGHT - _BOTTOM - top):.1f}"/>'
            )

    def level(self, y: float, text: str, kind: str) -> None:
        """Draw a horizontal line with a word on it."""
        if 0 <= y <= self._y_most:
            down = self._down(y)
            self._marks.append(
                f'<line class="{kind}" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{down:.1f}" y2="{down:.1f}"/>'
            )
            self._marks.append(
                f'<text class="label" x="{WIDTH - _RIGHT - 4}" y="{down - 5:.1f}" text-anchor="end">'
                f"{escape(text)}</text>"
            )

    def key(self, keys: Sequence[tuple[str, str, str]]) -> None:
        """Say below the plot what its marks are: the kind, a sign that looks like it, and what it shows."""
        self._keys.extend(keys)

    def svg(self) -> str:
        bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
        ticks = []
        for step in range(5):
            x, y = self._x_most * step / 4, self._y_most * step / 4
            ticks.append(
                f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{self._down(y):.1f}" y2="{self._down(y):.1f}"/>'
            )
            ticks.append(f'<text x="{_LEFT - 8}" y="{self._down(y) + 4:.1f}" text-anchor="end">{_number(y)}</text>')
            ticks.append(f'<text x="{self._across(x):.1f}" y="{bottom + 18}" text-anchor="middle">{_number(x)}</text>')
        return (
            f'<figure><figcaption>{escape(self._title)}</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="{escape(self._title)}">{"".join(ticks)}'
            f'<text class="label" x="{(_LEFT + right) / 2}" y="{HEIGHT - 6}" text-anchor="middle">'
            f"{escape(self._x_name)}</text>"
            f'<text class="label" transform="translate(14 {(bottom + _TOP) / 2}) rotate(-90)" text-anchor="middle">'
            f"{escape(self._y_name)}</text>{''.join(self._marks)}</svg>{self._explained()}</figure>"
        )

    def _explained(self) -> str:
        if not self._keys:
            return ""
        words = "".join(f'<span><b class="{kind}">{sign}</b> {escape(text)}</span> ' for kind, sign, text in self._keys)
        return f'<p class="key">{words}</p>'

    def _across(self, x: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * min(max(x / self._x_most, 0.0), 1.0)

    def _down(self, y: float) -> float:
        return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * min(max(y / self._y_most, 0.0), 1.0)


def _round_up(value: float) -> float:
    """Return the next of 1, 2, 4, 5, 8 or 10 times a power of ten, so that quarters of it are short numbers."""
    if value <= 0 or not math.isfinite(value):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 5, 6, 8, 10) if step * power >= value * 0.999999)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
