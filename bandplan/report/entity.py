"""Pairs of served entities before and after, and what changes in each: version, alias, share of the traffic, size."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bandplan.report.endpoint_side import Entity


@dataclass(frozen=True, slots=True)
class Pair:
    """One entity before and after; None on the side where it is not served."""

    old: Entity | None
    new: Entity | None

    @property
    def name(self) -> str:
        """The served name to show: the one after the change."""
        entity = self.new or self.old
        return "" if entity is None else entity.served_name or entity.model

    @property
    def is_other_version(self) -> bool:
        old, new = self.old, self.new
        if old is None or new is None:
            return True
        return (old.model, old.version) != (new.model, new.version)

    @property
    def is_other_size(self) -> bool:
        return self.old is None or self.new is None or self.old.size != self.new.size

    @property
    def needs_new_capacity(self) -> bool:
        """Whether the platform has to start new capacity for it while the old one keeps serving."""
        return self.new is not None and (self.is_other_version or self.is_other_size)


def in_chunks_of(entity: Entity, chunk_tokens_per_second: int | None) -> Entity:
    """Return the entity with its band in chunks too, if it does not state that and is a whole number of them."""
    low, high, chunk = entity.floor_tokens_per_second, entity.ceiling_tokens_per_second, chunk_tokens_per_second
    if low is None or high is None or not chunk or entity.min_bands is not None or low % chunk or high % chunk:
        return entity
    return replace(entity, chunk_tokens_per_second=chunk, min_bands=low // chunk, max_bands=high // chunk)


def paired(before: Sequence[Entity], after: Sequence[Entity]) -> tuple[Pair, ...]:
    """Pair the entities in the order of `after`, then those that are no longer served.

    Match by served name; then by model in order, as the name of an unnamed entity contains its version; then pair what
    is left if that is one on each side.
    """
    left = list(before)
    found: dict[int, Entity] = {}
    for key in (_by_name, _by_model):
        for index, new in enumerate(after):
            old = next((entity for entity in left if key(entity) and key(entity) == key(new)), None)
            if index not in found and old is not None:
                found[index] = old
                left.remove(old)
    open_places = [index for index in range(len(after)) if index not in found]
    if len(left) == len(open_places) == 1:
        found[open_places[0]] = left.pop()
    pairs = [Pair(found.get(index), new) for index, new in enumerate(after)]
    return (*pairs, *(Pair(old, None) for old in left))


def is_traffic_moved(pairs: Sequence[Pair]) -> bool:
    """Return whether a share changed; a lone entity always has all of the traffic."""
    shares = [(pair.old and pair.old.traffic_percent, pair.new and pair.new.traffic_percent) for pair in pairs]
    return len(pairs) > 1 and any(old != new for old, new in shares)


def _by_name(entity: Entity) -> str:
    return entity.served_name


def _by_model(entity: Entity) -> str:
    return entity.model
