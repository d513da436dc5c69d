"""The sizing of an endpoint at a stage of its rollout: the old version beside the new one, each with its share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bandplan.serving.spec.problem import Problem
from bandplan.serving.spec.source import Source
from bandplan.serving.throughput import rules
from bandplan.serving.throughput.entity_sizing import EntitySizing
from bandplan.serving.throughput.rollout import (
    Measured,
    Running,
    RunningEntity,
    Stage,
    Target,
    is_target,
    serves,
    stage,
)
from bandplan.serving.throughput.sizing import EndpointSizing


def target_of(sizing: EndpointSizing) -> Target | None:
    """Return the version to roll out; None for an entry without a rollout, or while its version is unknown."""
    if sizing.entry.rollout is None or len(sizing.entities) != 1 or sizing.entities[0].version is None:
        return None
    return Target(sizing.entities[0].model, sizing.entities[0].version)


def staged(
    sizing: EndpointSizing,
    running: Running | None,
    now_ms: int,
    source: Source,
    measured: Mapping[str, Measured] | None = None,
    *,
    at_once: bool = False,
) -> tuple[EndpointSizing, Problem | None]:
    """Return the sizing with the entities of the next stage, or a problem; `measured` is by served name."""
    target, rollout = target_of(sizing), sizing.entry.rollout
    if target is None or rollout is None:
        return sizing, None
    named = next((e.served_name for e in running.entities if serves(e, target)), "") if running else ""
    next_stage = stage(running, target, rollout, now_ms, (measured or {}).get(named), at_once=at_once)
    problem = _mixed(sizing, next_stage, source)
    return (sizing, problem) if problem is not None else (with_stage(sizing, next_stage), None)


def with_stage(sizing: EndpointSizing, next_stage: Stage) -> EndpointSizing:
    """Apply the stage. The endpoint's floor, ceiling and units stay the wanted ones; the old version's are added
    meanwhile.
    """
    (wanted,) = sizing.entities
    kept = [share.running for share in next_stage.shares if share.running is not None]
    entities = tuple(
        replace(
            wanted,
            served_name=share.running.served_name if share.running is not None else _new_name(wanted, kept),
            traffic_percent=share.traffic_percent,
        )
        if is_target(share, next_stage.target)
        else _old(share.running, share.traffic_percent, wanted)
        for share in next_stage.shares
    )
    return replace(sizing, entities=entities, rollout=next_stage)


def _new_name(wanted: EntitySizing, kept: list[RunningEntity]) -> str:
    """Name the new entity by the model's last part and the version: unlike an alias, it differs for each version."""
    name = f"{wanted.model.rsplit('.', 1)[-1]}-{wanted.version}"
    taken = {entity.served_name for entity in kept}
    return next(one for one in (name, *(f"{name}-{n}" for n in range(2, 100))) if one not in taken)


def _old(running: RunningEntity | None, traffic_percent: int, wanted: EntitySizing) -> EntitySizing:
    """Return the old version exactly as it runs: only its share changes."""
    if running is None:
        raise ValueError("only the wanted version may not run yet")
    low, high = running.bands or (None, None)
    return EntitySizing(
        served_name=running.served_name,
        model=running.model,
        version=running.version,
        traffic_percent=traffic_percent,
        chunk_tokens_per_second=running.chunk_tokens_per_second if running.bands is not None else None,
        min_bands=low,
        max_bands=high,
        min_provisioned_throughput=running.min_provisioned_throughput,
        max_provisioned_throughput=running.max_provisioned_throughput,
        model_units=running.model_units,
        # The platform does not return it; both versions belong to one entry.
        burst=False if running.model_units is None else running.burst if wanted.burst is None else wanted.burst,
    )


def _mixed(sizing: EndpointSizing, next_stage: Stage, source: Source) -> Problem | None:
    """Report a rollout between kinds of capacity: an endpoint serves one kind at a time, so it cannot move in steps."""
    for share in next_stage.shares:
        old = share.running
        if old is None or is_target(share, next_stage.target):
            continue
        kind = "workload" if old.is_legacy else "model_units" if old.model_units is not None else "bands"
        if kind != sizing.family:
            finding = (
                f"{old.model} version {old.version} serves in {kind}, and the wanted version is in {sizing.family}"
            )
            path = f"models/{sizing.entry.name}/rollout"
            step = "remove `rollout` for this change, or serve the new model from another endpoint"
            return rules.ROLLOUT_MIXED.problem(source, path, finding, step)
    return None
