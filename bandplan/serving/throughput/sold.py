"""The capacity that a model is sold in, by the platform's answer, or by its name where there is none."""

from __future__ import annotations

from bandplan.planner.capacity import Capacity
from bandplan.serving.throughput.families import GUESSED_INCREMENTS, family_of
from bandplan.serving.throughput.optimization_info import OptimizationInfo


def capacity_of(model: str, info: OptimizationInfo | None) -> Capacity:
    """Return the kind of capacity and its increment; its source is `guess` if nothing is known of the model."""
    if info is not None:
        return Capacity(info.sold_in, info.increment or GUESSED_INCREMENTS[info.sold_in])
    family = family_of(model)
    sold_in = "bands" if family is None else family.kind
    return Capacity(sold_in, GUESSED_INCREMENTS[sold_in], "guess")
