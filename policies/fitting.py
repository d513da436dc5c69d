"""One band for all rules of a stack: what each asks of a band, and the band that a message may suggest.

A rule that suggests a band of its own may contradict the next one in the same output. So each rule says what it asks
(`Bound`), and every suggestion goes by all of them at once, or names the two that no band can meet.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from bandplan.policies.endpoint import Endpoint, Entity

HEADROOM = "headroom-low"
"""Id of the warning about a ceiling with too little above the demand: a rule of models.yaml, not of this pack."""


@dataclass(frozen=True, slots=True)
class Bound:
    """In whole chunks: a `min` of at least, a `max` of at least, or a `max` of at most `chunks`, asked by `rule`."""

    kind: Literal["least min", "least max", "most max"]
    chunks: int
    rule: str

    def __str__(self) -> str:
        which, bound = self.kind.split()
        return f"{self.rule} (a {bound} of at {which} {self.chunks})"


Bounds = Callable[[Endpoint, Entity], list[Bound]]
"""Everything that a stack asks of the band of an entity."""


@dataclass(frozen=True, slots=True)
class Band:
    """The band to suggest, in chunks; `conflict` names the rules that it cannot meet at once, "" for none."""

    min: int
    max: int
    conflict: str = ""


def chunks_for(tokens_per_second: Fraction, headroom_percent: Fraction, chunk_tokens_per_second: int) -> int:
    """Whole chunks that cover a demand and its headroom; at least one."""
    wanted = tokens_per_second * (100 + headroom_percent) / 100
    return max(1, -(-wanted.numerator // (wanted.denominator * chunk_tokens_per_second)))


def fitting_band(low: int, high: int, bounds: Iterable[Bound]) -> Band:
    """The band nearest to `low` and `high` that meets every bound."""
    listed = list(bounds)
    floor = _tightest(listed, "least min")
    ceiling = max(filter(None, (floor, _tightest(listed, "least max"))), key=lambda bound: bound.chunks, default=None)
    most = _tightest(listed, "most max")
    least_max = max(1, ceiling.chunks if ceiling is not None else 1)
    band_min = max(low, floor.chunks if floor is not None else 0)
    band_max = max(high, least_max)
    if most is None:
        return Band(band_min, max(band_max, band_min))
    if ceiling is not None and ceiling.chunks > most.chunks:
        return Band(band_min, band_max, f"no band meets {most} and {ceiling} at once")
    band_max = min(max(band_max, band_min), most.chunks)
    return Band(min(band_min, band_max), band_max)


def suggestion(endpoint: Endpoint, entity: Entity, settings: Any) -> str:
    """The last part of a message: the band to write, or why there is none. `settings` are those of the asking rule."""
    band = fitting_band(entity.min_bands or 0, entity.max_bands or 1, settings["bounds"](endpoint, entity))
    if band.conflict:
        return f"{band.conflict}: change what one of them goes by, or waive one"
    return f"write bands: {{min: {band.min}, max: {band.max}}}"


def headroom_bound(endpoint: Endpoint, entity: Entity) -> Iterable[Bound]:
    """What the entry's own headroom asks of its ceiling."""
    demand, percent, chunk = (
        endpoint.demand_tokens_per_second,
        endpoint.headroom_percent,
        entity.chunk_tokens_per_second,
    )
    if demand and percent is not None and chunk:
        yield Bound("least max", chunks_for(demand * endpoint.share(entity), percent, chunk), HEADROOM)


def _tightest(bounds: Iterable[Bound], kind: str) -> Bound | None:
    of_kind = [bound for bound in bounds if bound.kind == kind]
    pick = min if kind == "most max" else max
    return pick(of_kind, key=lambda bound: bound.chunks) if of_kind else None
