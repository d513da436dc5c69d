"""Readers of numbers on the command line, for `type` of an argument."""

import argparse
import math
from collections.abc import Callable


def number(low: float, high: float, *, least: bool = False) -> Callable[[str], float]:
    """Return the reader of a number from `low` (itself only if `least`) to `high`."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (low <= value <= high) or (value == low and not least):
            bounds = f"from {low:g}" if least else f"above {low:g}"
            raise argparse.ArgumentTypeError(f"{text[:40]!r} must be a number {bounds}, up to {high:g}")
        return value

    return read


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return the reader of an integer from `low` to `high`."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"{text[:40]!r} must be an integer from {low:,} to {high:,}")
        return int(text)

    return read


def digits(text: str) -> str:
    """Read a number that is a name, such as that of a workspace."""
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} must be digits alone")
    return text
