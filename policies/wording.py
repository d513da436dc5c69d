"""Numbers in the form that a reviewer reads."""

from fractions import Fraction


def grouped(amount: float | Fraction) -> str:
    """Format a number with separators and at most one decimal: `5,880`, `2,764.8`."""
    rounded = round(float(amount), 1)
    return f"{int(rounded):,}" if rounded == int(rounded) else f"{rounded:,}"


def times(amount: float | Fraction) -> str:
    """Format a ratio, such as the `2.1` of 2.1 times; with two decimals if one would hide that it is not whole."""
    value = float(amount)
    return f"{value:.2f}".rstrip("0").rstrip(".") if value < 10 else f"{value:,.0f}"


def tokens(amount: float | Fraction) -> str:
    """Format tokens per second, input and output together, with the unit."""
    return f"{grouped(amount)} tokens/s"
