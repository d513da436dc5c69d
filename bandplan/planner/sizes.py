"""The planner's numbers, each computed once."""

from collections.abc import Mapping
from dataclasses import dataclass

from bandplan.planner.alone import NoCapacity
from bandplan.planner.capacity import Capacity
from bandplan.planner.load import Load
from bandplan.planner.plan import plan
from bandplan.planner.target import Target


@dataclass(frozen=True, slots=True)
class Wanted:
    """A load on average, what it may take, its peak over its average, and the headroom above the peak in percent."""

    load: Load
    target: Target
    peak_factor: float = 1.0
    headroom_percent: float = 20.0


@dataclass(frozen=True, slots=True)
class Size:
    """Chunks or increments. `is_for_headroom`: the headroom asks for no fewer than the ceiling.

    `refusal` says why no capacity keeps the target; floor and ceiling are then 0.
    """

    floor: int = 0
    ceiling: int = 0
    is_for_headroom: bool = False
    refusal: str = ""


class Sizes:
    """Answers by question. `known` are those of earlier runs; `found` has them and what was asked since."""

    def __init__(self, known: Mapping[str, Size] | None = None) -> None:
        self.found: dict[str, Size] = dict(known or {})

    def of(self, capacity: Capacity, wanted: Wanted) -> Size:
        """Return the smallest size for what is wanted, as `plan` finds it."""
        question = f"{capacity!r} {wanted!r}"
        if question not in self.found:
            self.found[question] = _size(capacity, wanted)
        return self.found[question]


def _size(capacity: Capacity, wanted: Wanted) -> Size:
    try:
        found = plan(
            capacity,
            wanted.load,
            wanted.target,
            peak_factor=wanted.peak_factor,
            headroom_percent=wanted.headroom_percent,
        )
    except NoCapacity as error:
        return Size(refusal=str(error))
    return Size(found.floor_steps, found.ceiling_steps, found.ceiling_steps == found.steps_for_headroom)
