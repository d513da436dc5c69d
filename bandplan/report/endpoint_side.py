"""An endpoint's capacity as a report shows it: sizes, chunks, the entities that stay.

Tokens per second are input and output tokens together. `stated_capacity` defines which figure is read from where.
"""

from collections.abc import Sequence
from fractions import Fraction

from bandplan.wire.capacity import UNITS
from bandplan.wire.endpoint import Endpoint, Entity, StepOfRollout, Waiver

__all__ = ["Entity", "Side", "StepOfRollout", "Waiver", "total"]


class Side(Endpoint):
    """One side of an endpoint's change."""

    @property
    def is_sized(self) -> bool:
        """Whether its size is known; the size in chunks of an unregistered version is not."""
        has_figures = any(None not in unit.of(self) for unit in UNITS)
        return has_figures or self.family == "workload"

    @property
    def times_of_demand(self) -> Fraction | None:
        """The ceiling divided by the demand, as policies compute it; `headroom` is rounded."""
        if self.ceiling_tokens_per_second is None or not self.demand_tokens_per_second:
            return None
        return self.ceiling_tokens_per_second / self.demand_tokens_per_second

    @property
    def wanted(self) -> Sequence[Entity]:
        """The entities that stay: during a rollout in steps, only the last one."""
        return self.entities if self.step_of_rollout is None else self.entities[-1:]

    @property
    def chunk_tokens_per_second(self) -> int | None:
        """The chunk of all entities; None if they differ or it is unknown."""
        chunks = {entity.chunk_tokens_per_second for entity in self.wanted}
        return chunks.pop() if len(chunks) == 1 else None

    @property
    def bands(self) -> tuple[int, int] | None:
        """(least, most) chunks of all entities together, if all have the same chunk, known or not."""
        bounds = [(entity.min_bands, entity.max_bands) for entity in self.wanted]
        low = [least for least, _ in bounds if least is not None]
        high = [most for _, most in bounds if most is not None]
        one_size = len({entity.chunk_tokens_per_second for entity in self.wanted}) == 1
        return (sum(low), sum(high)) if one_size and len(low) == len(high) == len(bounds) else None


def total(amounts: Sequence[int | None]) -> int | None:
    """Add up the amounts; None if one of them is unknown."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known and len(known) == len(amounts) else None
