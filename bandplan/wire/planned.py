"""The band, or the number of model units, that a latency target needs, as the planner found it: part of an entity in
the inputs of an endpoint.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bandplan.wire.reader import LENIENT


@dataclass(frozen=True, slots=True)
class Planned:
    """What keeps `target`, in words, at the peak (`high`) and on average (`low`), in bands or model units.

    Model units are one amount: `low` and `high` are equal. `is_for_headroom`: the headroom above the demand needs as
    much as `high`. `source` says what is known of the model's capacity, and what is assumed.
    """

    low: int
    high: int
    target: str
    source: str
    is_for_headroom: bool
    unit: Literal["bands", "model_units"] = "bands"

    @property
    def amount(self) -> str:
        """The amount in words: `2 to 5 bands`, `150 model units`."""
        noun = self.unit.replace("_", " ").removesuffix("s")
        low, high = self.low, self.high
        return f"{high:,} {noun}{'' if high == 1 else 's'}" if low == high else f"{low:,} to {high:,} {noun}s"

    @property
    def reason(self) -> str:
        """What the amount is for, and where its figures are from."""
        headroom = " and the headroom" if self.is_for_headroom else ""
        return f"{self.target}{headroom}; from {self.source}"


def write_planned(planned: Planned | None) -> dict[str, Any] | None:
    """Return the property `planned` of an entity; None if it has no latency target."""
    if planned is None:
        return None
    is_band = planned.unit == "bands"
    return {
        **({"minBands": planned.low, "maxBands": planned.high} if is_band else {"modelUnits": planned.high}),
        "target": planned.target,
        "source": planned.source,
        **({"isForHeadroom": True} if planned.is_for_headroom else {}),
    }


def read_planned(value: Any) -> Planned | None:
    """Return what `write_planned` wrote; None for anything else."""
    if not isinstance(value, Mapping):
        return None
    units = LENIENT.whole(value.get("modelUnits"), "")
    low, high = LENIENT.whole(value.get("minBands"), ""), LENIENT.whole(value.get("maxBands"), "")
    if units is not None:
        low = high = units
    target, source = LENIENT.text(value.get("target"), ""), LENIENT.text(value.get("source"), "")
    if low is None or high is None or target is None or source is None:
        return None
    unit: Literal["bands", "model_units"] = "bands" if units is None else "model_units"
    return Planned(low, high, target, source, LENIENT.flag(value.get("isForHeadroom"), ""), unit)
