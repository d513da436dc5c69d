"""The program of every stack: reads models.yaml, sizes it, and declares the fleet, or stops with every problem at once.

Reads the stack's configuration (`bandplan:models`) and the environment:
- `DATABRICKS_HOST`, `DATABRICKS_TOKEN`: the workspace;
- `BANDPLAN_MODELS`: another models file, relative to the project root, instead of the configured one;
- `BANDPLAN_OFFLINE=1`: asks no workspace and uses recorded optimization info only;
- `BANDPLAN_MEASURED`: a file of measured use, relative to the project root, for `stop_if` of rollouts;
- `BANDPLAN_AT_ONCE`: names of endpoints, by commas, that go to the wanted version at once, without steps;
- `BANDPLAN_ROLLOUTS_AS_OF`: the moment (ms since 1970) that decides about holds, for a plan that was reviewed.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from bandplan.components.fleet import Fleet as FleetComponent
from bandplan.components.model_version import Standing
from bandplan.components.pending import Resize
from bandplan.components.pulumi_internals import bulk_declaration
from bandplan.components.resizing import Resizing
from bandplan.serving.spec.fleet import Fleet
from bandplan.serving.spec.loading import load
from bandplan.serving.spec.models_file import KEY, NAMESPACE, models_file
from bandplan.serving.spec.problem import Problem, in_order
from bandplan.serving.spec.settings import Waiver
from bandplan.serving.spec.source import Source
from bandplan.serving.throughput.following import followed, following_problems, pinned
from bandplan.serving.throughput.needed import has_legacy, model_versions
from bandplan.serving.throughput.registering import placing_problems
from bandplan.serving.throughput.registrations import PlannedModel, planned_models, registering
from bandplan.serving.throughput.registry_answers import RegistryAnswers
from bandplan.serving.throughput.sizing import EndpointSizing, size
from bandplan.serving.throughput.waiving import Waived
from bandplan.serving.workspace.cache import Cache
from bandplan.serving.workspace.client import WorkspaceClient, from_environment
from bandplan.serving.workspace.errors import NotConfigured, WorkspaceError
from bandplan.serving.workspace.optimization_info import fetch
from bandplan.wire.band_policies import band_policies_of

if TYPE_CHECKING:
    from bandplan.components.rollouts import Ask, Staged, StageLater

CACHE_DIRECTORY = Path(".bandplan") / "optimization-info"
COMMITTED_ANSWERS = Path("stacks") / "optimization-info.json"


@dataclass(frozen=True)
class Plan:
    """What a stack is to declare: sizings in the order of models.yaml, what to warn of, and what has been waived.

    `models` are to be registered into, each with what the workspace says of it; `resize` sizes what waits for that.
    `region` and `waivers` are those of the whole file. `rollouts` says where each rollout stands, `stopped_rollouts`
    where somebody has to decide, `stage_later` how to go on where that hangs on a version still to be registered.
    """

    sizings: tuple[EndpointSizing, ...]
    warnings: tuple[Problem, ...]
    host: str | None
    waived: tuple[Waived, ...] = ()
    models: tuple[tuple[PlannedModel, Standing], ...] = ()
    resize: Resize | None = None
    region: str | None = None
    waivers: tuple[Waiver, ...] = ()
    rollouts: tuple[str, ...] = ()
    stopped_rollouts: tuple[str, ...] = ()
    stage_later: Mapping[str, "StageLater"] = field(default_factory=dict)


def run() -> None:
    """Declares the current stack's fleet and exports `endpoints`; RunError, before any resource, when it cannot."""
    end_quietly_when_called_off()
    root = Path(pulumi.runtime.get_root_directory())
    configured = pulumi.Config(NAMESPACE).get(KEY)
    is_preview = pulumi.runtime.is_dry_run()
    now_ms = rollouts_as_of(os.environ, time.time_ns() // 1_000_000)
    plan = plan_stack(
        root, configured, pulumi.get_stack(), os.environ, date.today(), now_ms=now_ms, is_preview=is_preview
    )
    for warning in plan.warnings:
        pulumi.log.warn(warning.render(with_severity=False))
    for waived in plan.waived:
        pulumi.log.info(waived.render())
    for line in (*followed_aliases(plan.sizings, offline=is_offline(os.environ)), *plan.rollouts):
        pulumi.log.info(line)
    for line in plan.stopped_rollouts:
        pulumi.log.warn(line)
    with bulk_declaration():
        fleet = FleetComponent(
            plan.sizings,
            plan.host,
            models=plan.models,
            resize=plan.resize,
            region=plan.region,
            waivers=plan.waivers,
            stage_later=plan.stage_later,
        )
    pulumi.export("endpoints", fleet.summary)


def rollouts_as_of(environ: Mapping[str, str], now_ms: int) -> int:
    """The moment (ms since 1970) that decides whether a rollout may go on: now, or that of the plan being applied.

    A hold that passes between a review and its deployment must not add a step that nobody has seen; a moment that is
    yet to come counts as now, so that no plan hurries a rollout.
    """
    text = environ.get("BANDPLAN_ROLLOUTS_AS_OF", "")
    return min(int(text), now_ms) if text.isascii() and text.isdigit() and len(text) < 16 else now_ms


def is_offline(environ: Mapping[str, str]) -> bool:
    return environ.get("BANDPLAN_OFFLINE") == "1"


def end_quietly_when_called_off() -> None:
    """Take the engine's SIGINT as the end of the program, not as a traceback under the error that was the reason.

    The Pulumi CLI interrupts the program when a step has failed. Whoever set a handler of its own keeps it.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda number, frame: sys.exit(128 + number))


def plan_stack(
    root: Path,
    configured: str | None,
    stack: str,
    environ: Mapping[str, str],
    today: date,
    *,
    now_ms: int = 0,
    is_preview: bool = True,
) -> Plan:
    """Every entry of the stack's models file as a sizing, at the next stage of its rollout.

    `configured` is the path in the stack's configuration; `today` decides which waivers hold, `now_ms` (since 1970)
    whether a rollout may go on.
    Errors: RunError with every problem of the file, or with what keeps the workspace from answering.
    """
    loaded = load(root / models_file(configured, environ), stack)
    if loaded.checkable is None:
        raise refused(loaded.problems)
    offline = is_offline(environ)
    source = loaded.source
    try:
        client = workspace(environ, offline)
        if client and not offline:
            # The published provider retries a workspace that does not listen for minutes, without a word.
            client.require_answer()
        cache = Cache(root / CACHE_DIRECTORY, committed=root / COMMITTED_ANSWERS)
        if offline or client is None:
            standing = recorded_registry(cache, loaded.checkable, is_preview=is_preview)
        else:
            standing = ask_registry(client, loaded.checkable)
        fleet = pinned(with_sources_read(loaded.checkable, root), standing.aliases)
        answers = fetch(client, model_versions(fleet), cache, offline=offline)
        of_legacy = legacy_problems(None if offline else client, fleet, source)
    except WorkspaceError as error:
        raise refused(loaded.problems, str(error)) from error
    found = [
        *following_problems(fleet, standing.aliases, source),
        *placing_problems(fleet, standing.models, source),
        *missing_sources(fleet, root, source),
        *of_legacy,
    ]
    policies = band_policies_of(root, stack)
    sized = size(fleet, answers, source, today=today, found=found, policies=policies)
    problems = in_order([*loaded.problems, *sized.problems])
    if any(problem.severity == "error" for problem in problems):
        raise refused(problems)
    ask = partial(fetch, client, cache=cache)
    rollouts = plan_rollouts(client, sized.endpoints, source, root, environ, now_ms, ask, is_preview=is_preview)
    if rollouts is not None and rollouts.problems:
        raise refused([*problems, *rollouts.problems])
    models = tuple((planned, standing.models.get(planned.name)) for planned in planned_models(fleet))
    resize = Resizing(fleet, answers, source, today, problems, policies) if models else None
    host = client.host if client else None
    plan = Plan(
        sized.endpoints, problems, host, sized.waived, models, resize, region=fleet.region, waivers=fleet.waivers
    )
    if rollouts is None:
        return plan
    return replace(
        plan,
        sizings=rollouts.sizings,
        rollouts=rollouts.told,
        stopped_rollouts=rollouts.stopped,
        stage_later=rollouts.later,
    )


def plan_rollouts(
    client: WorkspaceClient | None,
    sizings: Sequence[EndpointSizing],
    source: Source,
    root: Path,
    environ: Mapping[str, str],
    now_ms: int,
    ask: "Ask",
    *,
    is_preview: bool,
) -> "Staged | None":
    """The sizings at the next stage of their rollouts; None for a fleet without any. Errors: RunError."""
    if all(sizing.entry.rollout is None for sizing in sizings):
        return None
    from bandplan.components.rollouts import measured_use_of, stage_all, stage_offline
    from bandplan.serving.throughput.measured_use import MeasuredUseError

    at_once = [name.strip() for name in environ.get("BANDPLAN_AT_ONCE", "").split(",") if name.strip()]
    try:
        if client is None or is_offline(environ):
            return stage_offline(sizings, is_preview=is_preview)
        measured_use = measured_use_of(root, environ.get("BANDPLAN_MEASURED"))
        return stage_all(client, sizings, source, now_ms, measured_use, at_once, ask)
    except (WorkspaceError, MeasuredUseError) as error:
        raise refused((), str(error)) from error


def ask_registry(client: WorkspaceClient, fleet: Fleet) -> RegistryAnswers:
    """What the workspace says of the models to register into and of the aliases to follow; nothing of others is asked.

    Errors: those of the client.
    """
    models = dict.fromkeys(registration.name for _, _, registration in registering(fleet))
    aliases = followed(fleet)
    if not models and not aliases:
        return RegistryAnswers()
    from bandplan.serving.workspace.registry_survey import survey

    return survey(client, models, aliases)


def with_sources_read(fleet: Fleet, root: Path) -> Fleet:
    """The fleet with what the MLflow models that it registers were logged with; of one without any, itself."""
    if not any(True for _ in registering(fleet)):
        return fleet
    from bandplan.serving.registration.checks.fleet_sources import with_logged_types

    return with_logged_types(fleet, root)


def recorded_registry(cache: Cache, fleet: Fleet, *, is_preview: bool) -> RegistryAnswers:
    """What was recorded of the aliases to follow, for a run that asks nobody; it may have changed since.

    Errors: NotConfigured where that would be deployed.
    """
    aliases = followed(fleet)
    if not aliases:
        return RegistryAnswers()
    if not is_preview:
        raise NotConfigured(
            f"what the alias {aliases[0].alias} of {aliases[0].model} points to has to be asked of a workspace: "
            "run without --offline, or write the version's number"
        )
    recorded = cache.recorded_aliases()
    return RegistryAnswers(aliases={alias: recorded[alias] for alias in aliases if alias in recorded})


def missing_sources(fleet: Fleet, root: Path, source: Source) -> list[Problem]:
    """Sources of versions to be registered that are not there, or are none; of a fleet without any, nothing."""
    if not any(True for _ in registering(fleet)):
        return []
    from bandplan.serving.registration.checks.fleet_sources import source_problems

    return source_problems(fleet, root, source)


def legacy_problems(client: WorkspaceClient | None, fleet: Fleet, source: Source) -> list[Problem]:
    """What the workspace shows of the versions that legacy workloads serve; nothing without one, or without any."""
    if client is None or not has_legacy(fleet):
        return []
    from bandplan.serving.registration.checks.legacy_versions import legacy_version_problems

    return legacy_version_problems(client, fleet, source)


def followed_aliases(sizings: Iterable[EndpointSizing], *, offline: bool = False) -> tuple[str, ...]:
    """What each followed alias points to, one line each; `offline`: as far as that was recorded."""
    lines = []
    for sizing in sizings:
        for entity in sizing.entry.entities:
            place = f"models/{sizing.entry.name}: {entity.model}@{entity.alias}"
            if entity.alias is None or entity.register is not None:
                continue
            if entity.version is None:
                lines.append(
                    f"{place} is not recorded, so its version is unknown; `bandplan validate --record` records it"
                )
            else:
                aside = " as recorded; it may have moved since" if offline else ""
                lines.append(f"{place} is version {entity.version}{aside}")
    return tuple(lines)


def workspace(environ: Mapping[str, str], offline: bool) -> WorkspaceClient | None:
    """The workspace of the environment; None when it names none and none is needed (offline), else NotConfigured."""
    try:
        return from_environment(environ)
    except NotConfigured:
        if offline:
            return None
        raise


def refused(problems: Sequence[Problem], *findings: str) -> pulumi.RunError:
    """Everything that is wrong, one a line, errors first, as the one error that engines print without a traceback."""
    errors_first = sorted(problems, key=lambda problem: problem.severity != "error")
    lines = [*findings, *(problem.render() for problem in errors_first)]
    return pulumi.RunError("\n".join(["nothing was deployed:", *lines]))
