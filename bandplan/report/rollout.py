"""How a change reaches the endpoint, and what it needs from the platform until then.

The worst case is reported. During an update of the config, the old config serves (`config`) while the new one starts
beside it (`pending_config` of GET /api/2.0/serving-endpoints/{name}), so both need capacity at the same time; whether a
band that merely grows is recreated is up to the platform.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bandplan.report.entity import Pair
from bandplan.report.number import amount, count
from bandplan.wire.capacity import UNITS, Unit
from bandplan.wire.endpoint import Entity

Kind = Literal["new", "adopted", "replaced", "in_place", "same_capacity", "guard", "deleted"]


@dataclass(frozen=True, slots=True)
class Rollout:
    """The rollout of a change. `is_risky`: the endpoint stops serving, or serves only if old and new both find
    capacity.

    `because` names the properties that force a replacement; `at_once` says how much runs at the same time.
    """

    kind: Kind
    because: tuple[str, ...] = ()
    at_once: str = ""

    @property
    def stops_serving(self) -> bool:
        return self.kind in ("replaced", "deleted")

    @property
    def title(self) -> str:
        return _TITLES[self.kind]

    @property
    def consequence(self) -> str:
        return self.at_once or _CONSEQUENCES[self.kind]


_TITLES = {
    "new": "new",
    "adopted": "adopted",
    "replaced": "replaced",
    "in_place": "in place",
    "same_capacity": "in place",
    "guard": "repaired",
    "deleted": "deleted",
}
_CONSEQUENCES = {
    "new": "serves once it is ready",
    "adopted": "already runs",
    "replaced": "does not serve until the new one is ready",
    "in_place": "the old one keeps serving until the new one is ready",
    "same_capacity": "keeps serving, no new capacity",
    "guard": "values that differ in the workspace are sent again",
    "deleted": "stops serving",
}


def in_place(pairs: Sequence[Pair], *, is_rollout: bool = False) -> Rollout:
    """Describe an update of the endpoint's config, or of anything else that needs no replacement.

    During a rollout in steps (`is_rollout`), what already runs stays beside what is new.
    """
    if not any(pair.needs_new_capacity for pair in pairs):
        return Rollout("same_capacity")
    old = [
        pair.old
        for pair in pairs
        if pair.old is not None and (pair.new is None or pair.needs_new_capacity or is_rollout)
    ]
    new = [pair.new for pair in pairs if pair.new is not None and pair.needs_new_capacity]
    parts = [
        f"{_sum(before)} + {_sum(after)} {unit.label}{' (floors)' if unit.is_range else ''}"
        for unit in UNITS
        for before, after in [(_amounts(old, unit), _amounts(new, unit))]
        if any(one != 0 for one in (*before, *after))
    ]
    how_much = f": {', '.join(parts)}" if parts else ""
    return Rollout("in_place", at_once=f"old + new at the same time{how_much}" if old else _brought_up(len(new)))


def _amounts(entities: Sequence[Entity], unit: Unit) -> list[int | None]:
    """Return what each entity needs of a unit; None if its size in whole chunks is not known yet."""
    found: list[int | None] = []
    for entity in entities:
        is_open = unit.is_range and entity.min_bands is not None and entity.chunk_tokens_per_second is None
        stated = unit.of(entity)[0]
        found.append(None if stated is None and is_open else stated or 0)
    return found


def _sum(amounts: Sequence[int | None]) -> str:
    known = [one for one in amounts if one is not None]
    return amount(sum(known)) if len(known) == len(amounts) else "(not known yet)"


def _brought_up(number: int) -> str:
    return f"starts {count(number, 'more entity', 'more entities')}"
