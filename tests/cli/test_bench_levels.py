"""The table of a running benchmark on a terminal and in a log."""

import io
import re
import sys

import pytest

from bandplan.cli.bench_levels import Levels
from bandplan.embedded.terminal import Door
from tests.bench.curves import curve

LEVELS = {1: 2.0, 2: 2.0, 4: 2.0}
"""Requests in flight -> seconds of each: twice as many at once are twice the throughput."""


def shown(levels: Levels, monkeypatch: pytest.MonkeyPatch) -> str:
    """What reaches the terminal behind the door."""
    stream = io.StringIO()
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setattr(sys, "stdout", Door(stream))
    for point in curve(LEVELS).points:
        levels.show(point)
    return stream.getvalue()


@pytest.mark.parametrize("width", [80, 132])
def test_terminal_draws_every_level_again_over_exactly_what_was_printed(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    told = shown(Levels(width, is_redrawn=True), monkeypatch)
    first, second, third = re.split(r"\x1b\[\d+F\x1b\[J", told)
    heights = [int(height) for height in re.findall(r"\x1b\[(\d+)F", told)]
    assert heights == [first.count("\n"), second.count("\n")]
    assert "\\u001b" not in told
    assert max(map(len, third.splitlines())) <= width
    # A quarter, a half and a whole bar, where there is room for one.
    assert [line.count("#") for line in third.splitlines()] == ([6, 12, 24] if width == 132 else [0, 0, 0])


def test_log_has_each_level_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told = shown(Levels(None, is_redrawn=False), monkeypatch)
    assert "\x1b" not in told
    assert [line.split()[0] for line in told.splitlines()] == ["1", "2", "4"]
