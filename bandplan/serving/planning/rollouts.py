"""Read the state of each rollout of a stack from the workspace, and give the sizings their next stage."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bandplan.serving.spec.problem import Problem
from bandplan.serving.spec.source import Source
from bandplan.serving.throughput.measured_use import MeasuredUse, MeasuredUseError, combined, read_measured_use
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
from bandplan.serving.throughput.rollout import Measured, Running, Target
from bandplan.serving.throughput.rollout_sizing import staged, target_of
from bandplan.serving.throughput.rollout_wording import described
from bandplan.serving.throughput.sizing import Answers, EndpointSizing
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.errors import NotConfigured, WorkspaceError
from bandplan.serving.workspace.running_entities import measured_entities, running_endpoints

Ask = Callable[[Iterable[ModelVersion]], Answers]
"""Asks for the optimization info of model versions."""

DECIDING = ("stop", "unmeasured")
"""Actions after which somebody has to decide."""


@dataclass(frozen=True)
class StagedSizing:
    """A sizing at its next stage, with the line to report, whether somebody has to decide, and its problem."""

    sizing: EndpointSizing
    line: str | None = None
    is_stopped: bool = False
    problem: Problem | None = None


StageLater = Callable[[EndpointSizing], StagedSizing]
"""Stages the sizing of an endpoint once its version is known."""


@dataclass(frozen=True)
class Staged:
    """The sizings in their order, the lines to report about their rollouts, and their problems.

    `stopped` lines are warnings: somebody has to decide. `later` maps the name of an endpoint to the function that
    stages it once the version that this deployment registers is known.
    """

    sizings: tuple[EndpointSizing, ...]
    told: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    later: Mapping[str, StageLater] = field(default_factory=dict)


def stage_all(
    client: WorkspaceClient,
    sizings: Sequence[EndpointSizing],
    source: Source,
    now_ms: int,
    measured_use: MeasuredUse,
    at_once: Collection[str] = (),
    ask: Ask | None = None,
) -> Staged:
    """Put every sizing with a rollout at its next stage; `ask` returns the chunks of the versions that are left.

    Errors: those of the client.
    """
    live = running_endpoints(client, [sizing.entry.name for sizing in sizings if sizing.entry.rollout is not None])
    if ask is not None:
        live = with_chunks(live, {sizing.entry.name: target_of(sizing) for sizing in sizings}, ask)
    exported = measured_entities(client, _with_error_rate(sizings, live))
    found: list[EndpointSizing] = []
    told: list[str] = []
    stopped: list[str] = []
    problems: list[Problem] = []
    later: dict[str, StageLater] = {}
    for sizing in sizings:
        name = sizing.entry.name
        measured: dict[str, Measured] = combined(exported.get(name, {}), measured_use.get(name, {}))
        if sizing.entry.rollout is not None and target_of(sizing) is None:
            later[name] = _later(live.get(name), now_ms, source, measured, at_once=name in at_once)
            if live.get(name) is not None:
                first = sizing.entry.rollout.steps[0]
                told.append(
                    f"models/{name}/rollout: the version that this deployment registers starts at {first} percent"
                )
        now = _later(live.get(name), now_ms, source, measured, at_once=name in at_once)(sizing)
        found.append(now.sizing)
        if now.problem is not None:
            problems.append(now.problem)
        elif now.line is not None:
            (stopped if now.is_stopped else told).append(now.line)
    return Staged(tuple(found), tuple(told), tuple(stopped), tuple(problems), later)


def with_chunks(
    live: Mapping[str, Running | None], targets: Mapping[str, Target | None], ask: Ask
) -> dict[str, Running | None]:
    """Return `live` with the chunk of each version that a rollout leaves, so that its capacity is known in chunks and
    priced.

    Only the display depends on it, so a workspace that does not answer leaves the chunks unknown.
    """
    leaving = {
        ModelVersion(entity.model, entity.version)
        for name, running in live.items()
        for entity in (running.entities if running is not None else ())
        if entity.max_provisioned_throughput and Target(entity.model, entity.version) != targets.get(name)
    }
    try:
        answers = ask(leaving) if leaving else {}
    except WorkspaceError:
        answers = {}
    chunks = {
        version: answer.throughput_chunk_size
        for version, answer in answers.items()
        if isinstance(answer, OptimizationInfo)
    }

    def chunked(running: Running) -> Running:
        entities = tuple(
            replace(one, chunk_tokens_per_second=chunks.get(ModelVersion(one.model, one.version)))
            for one in running.entities
        )
        return replace(running, entities=entities)

    return {name: None if running is None else chunked(running) for name, running in live.items()}


def _later(
    running: Running | None, now_ms: int, source: Source, measured: Mapping[str, Measured], *, at_once: bool
) -> StageLater:
    def stage(sizing: EndpointSizing) -> StagedSizing:
        now, problem = staged(sizing, running, now_ms, source, measured, at_once=at_once)
        if now.rollout is None:
            return StagedSizing(now, problem=problem)
        line = described(sizing.entry.name, now.rollout)
        return StagedSizing(now, line, now.rollout.action in DECIDING, problem)

    return stage


def stage_offline(sizings: Sequence[EndpointSizing], *, is_preview: bool) -> Staged:
    """Return the sizings unchanged, at the end of each rollout. Errors: NotConfigured if they were to be deployed that
    way.
    """
    names = [sizing.entry.name for sizing in sizings if sizing.entry.rollout is not None]
    if names and not is_preview:
        raise NotConfigured(
            f"models/{names[0]}/rollout: the next step depends on the live workspace: run without --offline"
        )
    told = tuple(
        f"models/{name}/rollout: offline, so the current step is unknown; the final state of the rollout is shown"
        for name in names
    )
    return Staged(tuple(sizings), told)


def measured_use_of(root: Path, file: str | None) -> MeasuredUse:
    """Read the file that BANDPLAN_MEASURED names, relative to the project. Errors: MeasuredUseError."""
    if not file:
        return {}
    try:
        text = (root / file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise MeasuredUseError(f"{file}: cannot be read: {reason}") from error
    return read_measured_use(text, file)


def _with_error_rate(sizings: Iterable[EndpointSizing], live: Mapping[str, Running | None]) -> list[str]:
    """List the endpoints whose metrics matter: those in the middle of a rollout that an error rate stops."""
    found = []
    for sizing in sizings:
        rollout, now = sizing.entry.rollout, live.get(sizing.entry.name)
        stop_if = rollout.stop_if if rollout is not None else None
        if stop_if is not None and stop_if.error_rate is not None and now is not None and len(now.entities) > 1:
            found.append(sizing.entry.name)
    return found
