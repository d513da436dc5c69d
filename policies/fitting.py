"""One band for all rules of a stack: what each requires of a band, and the band that a message may suggest.

A rule that suggests a band of its own may contradict the next one in the same output. So each rule states its
requirement (`Bound`), and every suggestion meets all of them, or names the two that no band can meet together.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from bandplan.policies.endpoint import Endpoint, Entity
from bandplan.wire.capacity import COUNTED

HEADROOM = "headroom-low"
FLOOR_ZERO = "floor-zero"
LATENCY = "latency-missed"
"""Ids of warnings of `bandplan validate`, not of this pack: little above the demand, a band that starts at 0, and a
ceiling that misses the latency target."""


RAISE = "lower what the other rules are based on, or have the budget raised"
"""Next step if a budget and the other rules cannot both be met."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A requirement of `rule`, in whole chunks: `min` at least, `max` at least, or `max` at most `chunks`.

    A budget is a `max` of at most what the whole budget buys: a suggestion keeps to it if the other rules allow, and
    names it otherwise. `budget units` is the same for model units, which `chunks` then counts.
    """

    kind: Literal["least min", "least max", "most max", "budget max", "budget units"]
    chunks: int
    rule: str

    def __str__(self) -> str:
        which, bound = self.kind.replace("budget", "most").split()
        return f"{self.rule} (a {bound} of at {which} {self.chunks})"


Bounds = Callable[[Endpoint, Entity], list[Bound]]
"""Returns everything that a stack requires of an entity's band."""


@dataclass(frozen=True, slots=True)
class Band:
    """The band to suggest, in chunks; `conflict` names the rules that it cannot meet together, "" for none.

    `over` names the budget that it exceeds by itself.
    """

    min: int
    max: int
    conflict: str = ""
    over: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """The lowest ceiling in tokens/s that the rules allow for an endpoint, and the rules that require over a chunk."""

    team: str
    tokens_per_second: int
    rules: frozenset[str]


def chunks_for(tokens_per_second: Fraction, headroom_percent: Fraction, chunk_tokens_per_second: int) -> int:
    """Return the whole chunks that cover a demand and its headroom; at least one."""
    wanted = tokens_per_second * (100 + headroom_percent) / 100
    return max(1, -(-wanted.numerator // (wanted.denominator * chunk_tokens_per_second)))


def fitting_band(low: int, high: int, bounds: Iterable[Bound]) -> Band:
    """Return the band nearest to `low` and `high` that meets every bound."""
    listed = list(bounds)
    floor = _tightest(listed, "least min")
    ceiling = max(filter(None, (floor, _tightest(listed, "least max"))), key=lambda bound: bound.chunks, default=None)
    most = _tightest(listed, "most max")
    least_max = max(1, ceiling.chunks if ceiling is not None else 1)
    band_min = max(low, floor.chunks if floor is not None else 0)
    band_max = max(high, least_max)
    if most is not None and ceiling is not None and ceiling.chunks > most.chunks:
        return Band(band_min, band_max, f"no band meets {most} and {ceiling} at once")
    band_max = max(band_max, band_min)
    if most is not None:
        band_max = min(band_max, most.chunks)
    budget = _tightest(listed, "budget max")
    if budget is not None and budget.chunks < band_max:
        if budget.chunks < least_max:
            return Band(min(band_min, band_max), band_max, over=str(budget))
        band_max = budget.chunks
    return Band(min(band_min, band_max), band_max)


def asked(endpoint: Endpoint, bounds: Bounds) -> Asked:
    """Return the least that the rules require of an endpoint; an entity with an unknown chunk counts as nothing."""
    total, rules = 0, set[str]()
    for entity in endpoint.wanted:
        least = [one for one in bounds(endpoint, entity) if one.kind in ("least min", "least max") and one.chunks > 1]
        tightest = max(least, key=lambda bound: bound.chunks, default=None)
        total += (entity.chunk_tokens_per_second or 0) * (tightest.chunks if tightest is not None else 1)
        rules |= {tightest.rule} if tightest is not None else set()
    return Asked(endpoint.tags.get("team", ""), total, frozenset(rules))


def suggestion(endpoint: Endpoint, entity: Entity, settings: Any) -> str:
    """Return the end of a message: the band to write, or why there is none. `settings` are those of the asking rule."""
    band = fitting_band(entity.min_bands or 0, entity.max_bands or 1, settings["bounds"](endpoint, entity))
    if band.conflict:
        return f"{band.conflict}: change what one of them is based on, or waive one"
    over = f", which {band.over} does not allow: {RAISE}" if band.over else ""
    return f"write bands: {{min: {band.min}, max: {band.max}}}{over}"


def headroom_bound(endpoint: Endpoint, entity: Entity) -> Iterable[Bound]:
    """Return what the entry's own headroom requires of its ceiling."""
    demand, percent, chunk = (
        endpoint.demand_tokens_per_second,
        endpoint.headroom_percent,
        entity.chunk_tokens_per_second,
    )
    if demand and percent is not None and chunk:
        yield Bound("least max", chunks_for(demand * endpoint.share(entity), percent, chunk), HEADROOM)


def latency_bound(entity: Entity) -> Iterable[Bound]:
    """Return what the latency target of the demand requires of a ceiling."""
    if entity.planned_bands is not None:
        yield Bound("least max", entity.planned_bands.high, LATENCY)


def budget_bounds(entity: Entity, budget: Mapping[str, Any], rule: str) -> Iterable[Bound]:
    """Return the highest ceiling, or number of model units, of one entity if it had the whole budget."""
    chunk = entity.chunk_tokens_per_second
    if "tokens_per_second" in budget and chunk:
        yield Bound("budget max", int(Fraction(str(budget["tokens_per_second"])) // chunk), rule)
    for unit in COUNTED:
        if unit.key in budget and unit.of(entity)[1] is not None:
            yield Bound("budget units", int(budget[unit.key]), rule)


def over_budget(units: int, endpoint: Endpoint, settings: Any) -> str:
    """Return the end of a message that suggests model units: the budget that they alone exceed; "" for none."""
    bounds = [bound for entity in endpoint.wanted for bound in settings["bounds"](endpoint, entity)]
    budget = _tightest(bounds, "budget units")
    if budget is None or budget.chunks >= units:
        return ""
    return f", which {budget.rule} (at most {budget.chunks} model units) does not allow: {RAISE}"


def _tightest(bounds: Iterable[Bound], kind: str) -> Bound | None:
    of_kind = [bound for bound in bounds if bound.kind == kind]
    pick = max if kind.startswith("least") else min
    return pick(of_kind, key=lambda bound: bound.chunks) if of_kind else None
