"""What an endpoint is to have: floor and ceiling, chunks, model units, its entities, what its owner says of it.

Tokens per second are input and output tokens together. What is read from which place is in `stated_capacity`.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entity:
    """One served entity. A number is None where it does not apply, or where nothing in the preview says it."""

    served_name: str = ""
    model: str = ""
    version: str | None = None
    alias: str | None = None
    traffic_percent: int | None = None
    chunk_tokens_per_second: int | None = None
    min_bands: int | None = None
    max_bands: int | None = None
    floor_tokens_per_second: int | None = None
    ceiling_tokens_per_second: int | None = None
    model_units: int | None = None
    workload: str = ""

    @property
    def size(self) -> tuple[int | str | None, ...]:
        """What has to be had for this entity; not its version or share of the traffic."""
        band = (self.min_bands, self.max_bands) if self.floor_tokens_per_second is None else ()
        return (self.floor_tokens_per_second, self.ceiling_tokens_per_second, *band, self.model_units, self.workload)


@dataclass(frozen=True, slots=True)
class Waiver:
    """A policy or warning that does not hold for an endpoint, until a day."""

    policy: str
    expires: str
    owner: str
    reason: str


@dataclass(frozen=True, slots=True)
class StepOfRollout:
    """Where the traffic stands between two versions: at step `step` of `steps`, the new one has `percent`."""

    step: int
    steps: int
    percent: int
    version: str
    from_version: str


@dataclass(frozen=True, slots=True)
class Capacity:
    """One side of an endpoint's change. `accepted_` amounts will do while the platform has no GPU capacity for more."""

    name: str
    family: str = ""
    floor_tokens_per_second: int | None = None
    ceiling_tokens_per_second: int | None = None
    model_units: int | None = None
    estimated_tokens_per_second: float | None = None
    demand_tokens_per_second: float | None = None
    headroom: float | None = None
    burst: bool = False
    entities: tuple[Entity, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    accepted_ceiling_tokens_per_second: int | None = None
    accepted_model_units: int | None = None
    step_of_rollout: StepOfRollout | None = None

    @property
    def is_sized(self) -> bool:
        """Whether its size is known; that of a version still to be registered is not, where it is in chunks."""
        in_tokens = self.floor_tokens_per_second is not None and self.ceiling_tokens_per_second is not None
        return in_tokens or self.model_units is not None or self.family == "workload"

    @property
    def wanted(self) -> Sequence[Entity]:
        """The entities that are to stay: in the middle of a rollout in steps, the last one."""
        return self.entities if self.step_of_rollout is None else self.entities[-1:]

    @property
    def chunk_tokens_per_second(self) -> int | None:
        """The chunk of all entities; None when they differ or it is not known."""
        chunks = {entity.chunk_tokens_per_second for entity in self.wanted}
        return chunks.pop() if len(chunks) == 1 else None

    @property
    def bands(self) -> tuple[int, int] | None:
        """(least, most) chunks of all entities together, where they have the same chunk, known or not."""
        bounds = [(entity.min_bands, entity.max_bands) for entity in self.wanted]
        low = [least for least, _ in bounds if least is not None]
        high = [most for _, most in bounds if most is not None]
        one_size = len({entity.chunk_tokens_per_second for entity in self.wanted}) == 1
        return (sum(low), sum(high)) if one_size and len(low) == len(high) == len(bounds) else None


def total(amounts: Sequence[int | None]) -> int | None:
    """The sum; None when a part of it is not known."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known and len(known) == len(amounts) else None
