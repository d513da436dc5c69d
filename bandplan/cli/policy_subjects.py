"""A models file as the policies see a stack, without an engine, a workspace or a state.

Sizes come from optimization info that is recorded on this machine; what is not recorded is unknown, as is what hangs on
a version still to be registered, and the rules say that they wait for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bandplan.components.capacity import capacity_inputs, waiver_inputs
from bandplan.components.fleet import endpoint_summary
from bandplan.components.shares import capacity_shares
from bandplan.serving.spec.fleet import Fleet
from bandplan.serving.spec.problem import Problem, in_order
from bandplan.serving.spec.source import Source
from bandplan.serving.throughput.needed import model_versions
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
from bandplan.serving.throughput.sizing import Answers, EndpointSizing, size_entry
from bandplan.wire.sentinels import UNKNOWN
from bandplan.wire.types import ENDPOINT, FLEET, STACK
from bandplan.wire.urn import write_urn

_OF_BANDS = ("chunkTokensPerSecond", "minBands", "maxBands", "floorTokensPerSecond", "ceilingTokensPerSecond")


@dataclass(frozen=True)
class Subjects:
    """`endpoints` and `stack` are (URN, type token, properties), as an engine shows them to an analyzer."""

    endpoints: tuple[tuple[str, str, Mapping[str, Any]], ...]
    stack: tuple[tuple[str, str, Mapping[str, Any]], ...]
    problems: tuple[Problem, ...]
    unrecorded: tuple[ModelVersion, ...]


def policy_subjects(fleet: Fleet, answers: Answers, source: Source, project: str, stack: str) -> Subjects:
    """Every entry that can be judged. `answers` holds what is recorded."""
    sizings: list[EndpointSizing] = []
    problems: list[Problem] = []
    unrecorded: dict[ModelVersion, None] = {}
    needed = frozenset(model_versions(fleet))
    for entry in fleet.models:
        missing: dict[str, str | None] = {}
        for entity in entry.entities:
            if entity.version is None:
                continue
            version = ModelVersion(entity.model, entity.version)
            if version in needed and not isinstance(answers.get(version), OptimizationInfo):
                missing[entity.path], unrecorded[version] = None, None
        sized, found = size_entry(entry, answers, missing, source, allow_legacy=fleet.allow_legacy)
        problems += found
        sizings += [sized] if sized is not None else []
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
        in_order(problems),
        tuple(unrecorded),
    )


def inputs_of(sizing: EndpointSizing) -> dict[str, Any]:
    """Inputs of the endpoint's component, unknown where a size is not known yet."""
    inputs = capacity_inputs(sizing)
    if sizing.family != "bands":
        return inputs
    return {**inputs, "entities": [_open(entity, sizing.family) for entity in inputs["entities"]]}


def _open(properties: Mapping[str, Any], family: str) -> dict[str, Any]:
    """With every figure of a band that is left out as unknown."""
    if family != "bands" or "ceilingTokensPerSecond" in properties:
        return dict(properties)
    return {**dict.fromkeys(_OF_BANDS, UNKNOWN), **properties}


def _summary(sizing: EndpointSizing) -> dict[str, Any]:
    summary = endpoint_summary(sizing, None)
    if sizing.family == "bands" and summary["ceiling_tokens_per_second"] is None:
        summary["ceiling_tokens_per_second"] = UNKNOWN
    return summary
