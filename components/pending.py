"""A sizing that depends on unknown versions, as outputs that resolve once the versions are known.

Such a version is registered by this deployment, or an alias points to it and an offline preview cannot look it up. The
second stays unknown.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import pulumi

from bandplan.components.model_version import DeclaredVersion
from bandplan.components.pulumi_internals import never_known
from bandplan.components.request import EndpointRequest, Pending, PendingEntity, endpoint_request
from bandplan.components.resources import ModelVersion
from bandplan.serving.planning.resizing import Known, Resize
from bandplan.serving.throughput.optimization_info import OptimizationInfo
from bandplan.serving.throughput.registrations import version_key
from bandplan.serving.throughput.sizing import EndpointSizing, EntitySizing

if TYPE_CHECKING:
    from bandplan.serving.planning.rollouts import StageLater

T = TypeVar("T")


@dataclass(frozen=True)
class PendingSizing:
    """The sizing as it becomes known: as a whole, and each waiting entity, by its place, separately."""

    whole: pulumi.Output[EndpointSizing]
    entities: Mapping[int, pulumi.Output[EntitySizing]]
    before_serving: tuple[pulumi.Resource, ...]


def pending_sizing(
    sizing: EndpointSizing, declared: Mapping[str, DeclaredVersion], resize: Resize | None
) -> PendingSizing | None:
    """Return the pending sizing; None if every version is known. `declared` is by version key.

    Errors: KeyError for a version that nothing declares.
    """
    waiting = {
        index: declared[version_key(entity.register)]
        for index, entity in enumerate(sizing.entry.entities)
        if entity.register is not None
    }
    unknown = [
        index
        for index, entity in enumerate(sizing.entry.entities)
        if entity.register is None and entity.alias is not None and entity.version is None
    ]
    if not waiting and not unknown:
        return None
    if waiting and resize is None:
        raise ValueError(f"{sizing.entry.name}: has versions to register, but nothing to size it with once they exist")
    sized: dict[int, pulumi.Output[EntitySizing]] = {index: never_known() for index in unknown}
    whole: pulumi.Output[EndpointSizing] = never_known()
    if resize is not None:
        for index, one in waiting.items():
            sized[index] = _resized(sizing, {index: one.version}, resize).apply(partial(_entity_at, index))
        if not unknown:
            whole = _resized(sizing, {index: one.version for index, one in waiting.items()}, resize)
    before = dict.fromkeys(resource for one in waiting.values() for resource in one.before_serving)
    return PendingSizing(whole, sized, tuple(before))


def pending_entities(sizing: EndpointSizing, pending: PendingSizing) -> Pending:
    """Return what goes into the endpoint's request: bounds that are already known stay plain."""
    found = {}
    for index, output in pending.entities.items():
        entity = sizing.entities[index]
        found[index] = PendingEntity(
            version=output.apply(lambda known: known.version),
            min_provisioned_throughput=_later(
                entity.min_provisioned_throughput, output, lambda known: known.min_provisioned_throughput
            ),
            max_provisioned_throughput=_later(
                entity.max_provisioned_throughput, output, lambda known: known.max_provisioned_throughput
            ),
            accepted_max_provisioned_throughput=_later(
                entity.accepted_max_provisioned_throughput,
                output,
                lambda known: known.accepted_max_provisioned_throughput,
            )
            if entity.accepts_less
            else None,
        )
    return found


def staged_later(pending: PendingSizing, stage_later: "StageLater") -> pulumi.Output[EndpointSizing]:
    """Stage the sizing once it is known, and log where its rollout stands. Errors, in the output: RunError."""

    def stage(sizing: EndpointSizing) -> EndpointSizing:
        now = stage_later(sizing)
        if now.problem is not None:
            raise pulumi.RunError(now.problem.render())
        if now.line is not None:
            (pulumi.log.warn if now.is_stopped else pulumi.log.info)(now.line)
        return now.sizing

    return pending.whole.apply(stage)


def later_request(request: EndpointRequest, staged: pulumi.Output[EndpointSizing]) -> EndpointRequest:
    """Return `request` with the config, and the guard's copy of it, as outputs of the sizing, which may have others."""

    def config_of(sizing: EndpointSizing) -> Any:
        return endpoint_request(sizing).endpoint["config"]

    def ready_of(name: str) -> pulumi.Output[Any]:
        return staged.apply(lambda sizing: endpoint_request(sizing).ready[name])

    guarded = [name for name in ("declared", "accepted") if name in request.ready]
    return replace(
        request,
        endpoint={**request.endpoint, "config": staged.apply(config_of)},
        ready={**request.ready, **{name: ready_of(name) for name in guarded}},
    )


def later_inputs(
    now: Mapping[str, Any], output: pulumi.Output[T], inputs: Callable[[T], Mapping[str, Any]], names: tuple[str, ...]
) -> dict[str, Any]:
    """Return `now`, with missing `names` as outputs of what `inputs` returns later."""

    def input_named(name: str) -> pulumi.Output[Any]:
        return output.apply(lambda known: inputs(known).get(name))

    return {**now, **{name: input_named(name) for name in names if name not in now}}


def _entity_at(index: int, whole: EndpointSizing) -> EntitySizing:
    return whole.entities[index]


def _later(now: Any, output: pulumi.Output[T], pick: Callable[[T], Any]) -> Any:
    return output.apply(pick) if now is None else now


def _resized(
    sizing: EndpointSizing, versions: Mapping[int, ModelVersion], resize: Resize
) -> pulumi.Output[EndpointSizing]:
    paths = [sizing.entry.entities[index].path for index in versions]
    answers = [pulumi.Output.all(one.version, one.model_type, one.throughput_chunk_size) for one in versions.values()]

    def size(known: list[list[Any]]) -> EndpointSizing:
        now = resize(sizing, {path: _known(*answer) for path, answer in zip(paths, known, strict=True)})
        if now.sizing is None:
            raise pulumi.RunError("\n".join(problem.render() for problem in now.problems))
        for warning in now.problems:
            pulumi.log.warn(warning.render(with_severity=False))
        return now.sizing

    return pulumi.Output.all(*answers).apply(size)


def _known(version: str, model_type: str, chunk: float) -> Known:
    return version, OptimizationInfo(True, model_type or None, int(chunk) or None)
