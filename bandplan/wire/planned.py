"""The band that a latency target needs, as the planner found it: part of an entity in the inputs of an endpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bandplan.wire.reader import LENIENT


@dataclass(frozen=True, slots=True)
class Planned:
    """Chunks that keep `target`, in words, at the peak (`max_bands`) and on average (`min_bands`).

    `is_for_headroom`: the headroom above the demand needs as many as `max_bands`. `source` says what is known of the
    model's capacity.
    """

    min_bands: int
    max_bands: int
    target: str
    source: str
    is_for_headroom: bool

    @property
    def bands(self) -> str:
        """The band in words: `2 to 5 bands`."""
        low, high = self.min_bands, self.max_bands
        return f"{high} band{'' if high == 1 else 's'}" if low == high else f"{low} to {high} bands"

    @property
    def reason(self) -> str:
        """What the band is for, and where its figures are from."""
        headroom = " and the headroom" if self.is_for_headroom else ""
        return f"{self.target}{headroom}; from {self.source}"


def write_planned(planned: Planned | None) -> dict[str, Any] | None:
    """Return the property `planned` of an entity; None if it has no latency target."""
    if planned is None:
        return None
    return {
        "minBands": planned.min_bands,
        "maxBands": planned.max_bands,
        "target": planned.target,
        "source": planned.source,
        **({"isForHeadroom": True} if planned.is_for_headroom else {}),
    }


def read_planned(value: Any) -> Planned | None:
    """Return what `write_planned` wrote; None for anything else."""
    if not isinstance(value, Mapping):
        return None
    low, high = LENIENT.whole(value.get("minBands"), ""), LENIENT.whole(value.get("maxBands"), "")
    target, source = LENIENT.text(value.get("target"), ""), LENIENT.text(value.get("source"), "")
    if low is None or high is None or target is None or source is None:
        return None
    return Planned(low, high, target, source, LENIENT.flag(value.get("isForHeadroom"), ""))
