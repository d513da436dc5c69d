"""The capacity of one served entity according to its configuration: a band of chunks, or model units."""

import math
from dataclasses import dataclass
from typing import cast

from bandplan.stub.capacity.chunk import Kind
from bandplan.stub.capacity.settings import Settings
from bandplan.stub.capacity.shape import BANDS_REFERENCE, UNITS_REFERENCE
from bandplan.stub.capacity.work import PROMPT_ALONE, Basis, Work

REQUESTS_PER_CHUNK = 4
"""One chunk is four units of provisioned concurrency: 8 x 850 / 4 = 1,700 tokens/s (docs.databricks.com, legacy
provisioned throughput). It is inferred that each unit is one request in flight: 8 chunks of 980 then give the published
plateau.
"""

TOKENS_PER_SECOND_PER_UNIT = 3250 / 50
"""Llama 4 Maverick, 50 model units, 3,250 tokens/s at 3500/300: the only published row (docs.databricks.com)."""


@dataclass(frozen=True, slots=True)
class Supply:
    """Minimum and maximum number of chunks of one kind, the burst chunk, and the weights of requests."""

    kind: Kind
    lowest: int
    highest: int
    work: Work
    burst: Kind | None = None

    @property
    def floor(self) -> float:
        """Tokens/s that are always provided."""
        return self.lowest * self.kind.rate

    @property
    def ceiling(self) -> float:
        """Tokens/s that may be provided, including bursts."""
        return self.highest * self.kind.rate + (self.burst.rate if self.burst is not None else 0.0)

    @property
    def at_start(self) -> int:
        """Chunks of a deployment that has just become ready: at least one, even if it may scale to zero."""
        return min(max(self.lowest, 1), self.highest)


def bands(chunk: float, lowest: float, highest: float, ratios: Work, settings: Settings) -> Supply:
    """Return the supply of a band from `lowest` to `highest` tokens/s in whole chunks of `chunk` tokens/s."""
    kind = Kind(float(chunk), REQUESTS_PER_CHUNK, settings.solo_speedup)
    work = _calibrated(ratios, settings, is_units=False)
    return Supply(kind, int(lowest // chunk), int(highest // chunk), work)


def model_units(units: int, ratios: Work, settings: Settings, *, bursts: bool) -> Supply:
    """Return the supply of model units: all of them always, plus as many as bursting allows while they are needed."""
    rate = units * TOKENS_PER_SECOND_PER_UNIT
    slots = math.ceil(units * settings.in_flight_per_50_units / 50)
    work = _calibrated(ratios, settings, is_units=True)
    if units <= 0:
        return Supply(Kind(0.0, 0, settings.solo_speedup), 0, 0, work)
    extra = settings.burst_factor - 1
    burst = Kind(extra * rate, max(1, round(extra * slots)), settings.solo_speedup) if bursts and extra > 0 else None
    return Supply(Kind(rate, slots, settings.solo_speedup), 1, 1, work, burst)


def _calibrated(ratios: Work, settings: Settings, *, is_units: bool) -> Work:
    if ratios == PROMPT_ALONE:
        return PROMPT_ALONE
    return ratios.calibrated(UNITS_REFERENCE if is_units else BANDS_REFERENCE, cast(Basis, settings.basis))
