"""The measured use of endpoints; the file's shape is schemas/measurements.schema.json."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from bandplan.policies.document import Document
from bandplan.policies.plain import day, number, text, whole
from bandplan.wire.measured_use import parts_of


@dataclass(frozen=True, slots=True)
class Measurement:
    """`tokens_per_second` (input and output together) at `percentile` of `samples`, from a first day to a last."""

    endpoint: str
    percentile: float
    tokens_per_second: float
    samples: int
    first: date
    last: date
    source: str

    @property
    def days(self) -> int:
        """Length of the window, both days included."""
        return (self.last - self.first).days + 1


@lru_cache(maxsize=4)
def read_measurements(document: Document) -> tuple[dict[str, Measurement], str]:
    """Return (measurements by endpoint, what is wrong with the file); one malformed entry invalidates the file."""
    if document.problem:
        return {}, document.problem
    parts = parts_of(document.content)
    found = {} if parts is None else {name: _measurement(name, one) for name, (_, one) in parts.uses.items()}
    broken = sorted(name for name, one in found.items() if one is None)
    if parts is None or broken:
        where = f": see {', '.join(broken[:5])}" if broken else ""
        return {}, f"{document.path} does not have the shape of schemas/measurements.schema.json{where}"
    return {name: one for name, one in found.items() if one is not None}, ""


def _measurement(endpoint: str, item: Any) -> Measurement | None:
    if not isinstance(item, Mapping):
        return None
    percentile, used = number(item, "percentile"), number(item, "tokens_per_second")
    samples = whole(item, "samples")
    first, last = day(item.get("from")), day(item.get("to"))
    if percentile is None or used is None or samples is None or first is None or last is None or last < first:
        return None
    return Measurement(endpoint, percentile, used, samples, first, last, text(item, "source"))
