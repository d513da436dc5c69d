"""What one request takes with a chunk for itself: a target below that cannot be bought."""

import math
from collections.abc import Callable, Sequence
from functools import cached_property

from bandplan.planner.capacity import Capacity
from bandplan.planner.load import Load, Shape
from bandplan.planner.rank import nearest_rank
from bandplan.planner.target import Target

UNITS_ALONE = 1_000
"""Model units with which a request is about as fast as more of them make it."""

LENGTHS = 2_000
"""Sampled requests of a load whose lengths vary."""


class NoCapacity(ValueError):
    """No capacity keeps the target; the message says why."""


def refuse_impossible(capacity: Capacity, load: Load, target: Target) -> None:
    """Raise NoCapacity if a request that has a chunk for itself misses the target already."""
    alone = Alone(capacity, load)
    named = {
        "latency": "one request alone takes",
        "ttft": "its first token alone takes",
        "tpot": "an output token takes",
    }
    for name, limit in target.limits.items():
        least = alone.percentile(name, target.percentile)
        if least > limit:
            which = "" if not load.has_lengths else f" at p{target.percentile:g} of the lengths"
            larger = " or one with a larger chunk" if capacity.is_range else ""
            takes, wanted = apart(name, least, limit)
            raise NoCapacity(
                f"no capacity fixes this: {named[name]} {takes}{which}, more than {wanted}; "
                f"raise the target, shorten the requests, or use a faster model{larger}"
            )


class Alone:
    """What requests take with a chunk for themselves."""

    def __init__(self, capacity: Capacity, load: Load) -> None:
        # Few model units take few requests at once, and those are slow; a request has a large pool for itself here.
        steps = 1 if capacity.is_range else math.ceil(UNITS_ALONE / capacity.increment)
        self.service, _ = capacity.served_by(steps, load.shape)
        self.load = load

    @cached_property
    def _parts(self) -> list[tuple[float, float, Shape]]:
        if self.load.trace is not None:
            shapes: Sequence[Shape] = self.load.trace.shapes
        else:
            shapes = self.load.shapes(LENGTHS if self.load.spread_percent else 1, 0)
        return [(*self.service.seconds(shape, self.load.cache_hit_percent), shape) for shape in shapes]

    def percentile(self, name: str, percent: float) -> float:
        of: dict[str, Callable[[float, float, Shape], float]] = {
            "latency": lambda prompt, output, _: prompt + output,
            "ttft": lambda prompt, _, __: prompt,
            "tpot": lambda _, output, shape: output / shape.output_tokens if shape.output_tokens else 0.0,
        }
        values = sorted(of[name](*part) for part in self._parts)
        return values[nearest_rank(len(values), percent)]


def apart(name: str, seconds: float, limit: float, more: int = 0) -> tuple[str, str]:
    """Return a figure and its limit, with `more` digits than usual or as many as it takes to tell them apart."""
    for digits in range(more, more + 9):
        found = shown(name, seconds, digits), shown(name, limit, digits)
        if found[0] != found[1] and float(found[1].split()[0]) > 0:
            return found
    return f"{seconds:g} s", f"{limit:g} s"


def shown(name: str, seconds: float, more: int = 0) -> str:
    """Return a figure in the unit that it is stated in, with `more` digits than usual."""
    if math.isinf(seconds):
        return "without end"
    return f"{seconds * 1000:.{more}f} ms" if name == "tpot" else f"{seconds:.{1 + more}f} s"
