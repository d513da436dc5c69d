"""Figures as text: thousands with commas, a sign on every difference, a true minus."""

from decimal import Decimal
from fractions import Fraction

from bandplan.wire.capacity import Unit

MINUS = "\N{MINUS SIGN}"


def amount(number: float | Decimal | Fraction) -> str:
    """Format 1960 as 1,960 and 2764.8 as 2,765: fractions of tokens are meaningless."""
    return f"{round(number):,}".replace("-", MINUS)


def signed(number: float) -> str:
    """Format +1,960, −980 or ±0."""
    return f"{number:+,}".replace("-", MINUS) if number else "±0"


def percent(before: float, after: float) -> str:
    """Format +50%; "" if there is nothing to compare with or nothing changed."""
    if not before or before == after:
        return ""
    share = (after - before) / before * 100
    return f"{share:+,.0f}%".replace("-", MINUS) if abs(share) >= 0.5 else f"{'+' if share > 0 else MINUS}<1%"


def ratio(number: Fraction) -> str:
    """Format a multiple: 1.418 is 1.42×."""
    return f"{float(number):,.2f}×"


def span(low: float, high: float) -> str:
    """Format 1,960 to 3,920; one number if both are equal."""
    return amount(low) if low == high else f"{amount(low)} to {amount(high)}"


def count(number: int, noun: str, plural: str = "") -> str:
    """Format 1 endpoint, 2 endpoints."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def size(unit: Unit, low: float, high: float) -> str:
    """Format 1,960 to 3,920 tokens/s, or 50 model units."""
    return f"{span(low, high)} {unit.label}" if unit.is_range else count(round(high), unit.noun)


def money(value: Decimal) -> str:
    """Format 12.40; from 1,000 on without the fraction."""
    text = f"{value:,.2f}" if abs(value) < 1_000 else f"{value:,.0f}"
    return text.replace("-", MINUS)


def signed_money(value: Decimal) -> str:
    """Format +12.40, −3.00 or ±0."""
    return f"+{money(value)}" if value > 0 else money(value) if value < 0 else "±0"
