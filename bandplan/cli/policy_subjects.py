"""A models file as the policies see a stack, without an engine, a workspace or a state.

Sizes come from optimization info recorded on this machine; unrecorded values are unknown, as are values that depend on
unregistered versions, and the rules say that they are deferred.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bandplan.components.capacity import capacity_inputs, waiver_inputs
from bandplan.components.fleet import endpoint_summary
from bandplan.components.shares import capacity_shares
from bandplan.serving.planning.plan import Plan
from bandplan.serving.throughput.sizing import EndpointSizing
from bandplan.wire.sentinels import UNKNOWN
from bandplan.wire.types import ENDPOINT, FLEET, STACK
from bandplan.wire.urn import write_urn

_OF_BANDS = ("chunkTokensPerSecond", "minBands", "maxBands", "floorTokensPerSecond", "ceilingTokensPerSecond")


@dataclass(frozen=True)
class Subjects:
    """What the policies judge: `endpoints` and `stack` are (URN, type token, properties), as an engine passes them to
    an analyzer.
    """

    endpoints: tuple[tuple[str, str, Mapping[str, Any]], ...]
    stack: tuple[tuple[str, str, Mapping[str, Any]], ...]


def policy_subjects(plan: Plan, project: str, stack: str) -> Subjects:
    """Convert a plan that left unrecorded versions unsized to the subjects that it declares."""
    fleet, sizings = plan.fleet, plan.sizings
    region = {} if fleet.region is None else {"region": fleet.region}
    endpoints = tuple(
        (write_urn(stack, project, (FLEET, ENDPOINT), one.entry.name), ENDPOINT, {**inputs_of(one), **region})
        for one in sizings
    )
    outputs = {
        "capacity": [_open(row, row["family"]) for row in capacity_shares(sizings, [None] * len(sizings))],
        "waivers": waiver_inputs(fleet.waivers),
    }
    summaries = [_summary(sizing) for sizing in sizings]
    return Subjects(
        endpoints,
        (
            (write_urn(stack, project, (FLEET,), "fleet"), FLEET, outputs),
            (write_urn(stack, project, (STACK,), f"{project}-{stack}"), STACK, {"endpoints": summaries}),
        ),
    )


def inputs_of(sizing: EndpointSizing) -> dict[str, Any]:
    """Return the inputs of the endpoint's component, unknown where a size is not known yet."""
    inputs = capacity_inputs(sizing)
    if sizing.family != "bands":
        return inputs
    return {**inputs, "entities": [_open(entity, sizing.family) for entity in inputs["entities"]]}


def _open(properties: Mapping[str, Any], family: str) -> dict[str, Any]:
    """Mark every missing figure of a band as unknown."""
    if family != "bands" or "ceilingTokensPerSecond" in properties:
        return dict(properties)
    return {**dict.fromkeys(_OF_BANDS, UNKNOWN), **properties}


def _summary(sizing: EndpointSizing) -> dict[str, Any]:
    summary = endpoint_summary(sizing, None)
    if sizing.family == "bands" and summary["ceiling_tokens_per_second"] is None:
        summary["ceiling_tokens_per_second"] = UNKNOWN
    return summary
