"""Numbers as a reviewer reads them."""

from fractions import Fraction


def grouped(amount: float | Fraction) -> str:
    """`5,880`, `2,764.8`: at most one decimal."""
    rounded = round(float(amount), 1)
    return f"{int(rounded):,}" if rounded == int(rounded) else f"{rounded:,}"


def times(amount: float | Fraction) -> str:
    """`2.1` of 2.1 times; two decimals where one would hide the difference from a whole."""
    value = float(amount)
    return f"{value:.2f}".rstrip("0").rstrip(".") if value < 10 else f"{value:,.0f}"


def tokens(amount: float | Fraction) -> str:
    """With the unit: input and output tokens together."""
    return f"{grouped(amount)} tokens/s"
