"""Plan a stack: load its models file, ask for everything that the plan depends on, size every entry, and collect every
problem.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from bandplan.serving.planning.checked import Checked
from bandplan.serving.planning.record import ReadOnlyRecord
from bandplan.serving.planning.request import PlanRequest, RolloutRequest
from bandplan.serving.planning.resizing import Resize, Resizing
from bandplan.serving.planning.size_record import SizeRecord
from bandplan.serving.spec import rules
from bandplan.serving.spec.fleet import Fleet
from bandplan.serving.spec.loading import load, load_text
from bandplan.serving.spec.problem import Problem, clipped, in_order
from bandplan.serving.spec.suggestion import nearest
from bandplan.serving.throughput.aliases import following_problems, pinned
from bandplan.serving.throughput.registration_rules import placing_problems
from bandplan.serving.throughput.registrations import PlannedModel, planned_models
from bandplan.serving.throughput.registry_answers import RegistryAnswers, Standing
from bandplan.serving.throughput.sizing import EndpointSizing, SizingRequest, size
from bandplan.serving.throughput.waivers import Waived
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.errors import NotConfigured, WorkspaceError
from bandplan.serving.workspace.optimization_info import fetch

if TYPE_CHECKING:
    from bandplan.serving.planning.rollouts import StageLater

_SCHEMA_VALUES = 20_000
"""Number of values of a document to compare with the schema: about a second's worth; arbitrary."""


@dataclass(frozen=True)
class Plan:
    """The plan of a stack: sizings in the order of models.yaml, each at the next stage of its rollout.

    `host` is the workspace's URL, or None. `models` are the models to register into, each with what the workspace
    reports about it; `resize` sizes again the entries that wait for that. `rollouts` reports the state of each rollout,
    `stopped_rollouts` those where somebody has to decide, and `stage_later` stages a version that is still to be
    registered.
    """

    checked: Checked
    sizings: tuple[EndpointSizing, ...]
    host: str | None
    models: tuple[tuple[PlannedModel, Standing], ...]
    resize: Resize | None = None
    rollouts: tuple[str, ...] = ()
    stopped_rollouts: tuple[str, ...] = ()
    stage_later: Mapping[str, "StageLater"] = field(default_factory=dict)

    @property
    def fleet(self) -> Fleet:
        """The whole file, with aliases as the versions that they point to."""
        assert self.checked.checkable is not None
        return self.checked.checkable

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The problems of the file: a plan has no errors."""
        return self.checked.problems

    @property
    def waived(self) -> tuple[Waived, ...]:
        return self.checked.waived


@dataclass(frozen=True)
class Refused:
    """Why a stack has no plan: the problems of its file, and what stopped further checks, if anything."""

    checked: Checked
    error: Exception | None = None


def plan_stack(request: PlanRequest) -> Plan | Refused:
    """Plan the stack as `request` says. Every question goes through the request's workspace."""
    checked = _read(request)
    if checked.checkable is None:
        return Refused(checked)
    try:
        client = request.workspace(checked)
        checked, found = _with_registry(request, checked, checked.checkable, client)
        found += _legacy_problems(request, checked, client)
        answers = fetch(
            client,
            checked.needed,
            request.record,
            refresh=request.refresh,
            offline=request.offline,
            unrecorded=request.cannot_record,
        )
    except WorkspaceError as error:
        return Refused(checked, error)
    return _judged(request, replace(checked, answers=answers), found, client)


def _read(request: PlanRequest) -> Checked:
    """Run the checks that need only the file."""
    if request.text is None:
        loaded = load(request.models, request.stack, request.file)
    else:
        loaded = load_text(request.text, request.file or request.models.name, request.stack)
    problems = loaded.problems
    if request.thorough and loaded.fleet is not None:
        from bandplan.serving.spec.schema import beginning, schema_problems

        # The schema finds nothing wrong in a file that loads; if it does, the two disagree and the user must know.
        # A thousand entries are enough to see that.
        sample = beginning(loaded.data, _SCHEMA_VALUES)
        problems = in_order([*problems, *schema_problems(sample, loaded.source)])
    return Checked(loaded.fleet, loaded.checkable, loaded.source, problems)


def _with_registry(
    request: PlanRequest, checked: Checked, fleet: Fleet, client: WorkspaceClient | None
) -> tuple[Checked, list[Problem]]:
    """Return the file with its aliases resolved, and the problems of the versions that it registers or follows."""
    found = _stack_problems(request, checked, fleet)
    registers = bool(checked.registered) and request.judges_registry
    registry = _registry(request, checked, client)
    if registers:
        from bandplan.serving.registration.checks.fleet_sources import source_problems, with_logged_types

        fleet = with_logged_types(fleet, request.root)
    fleet = pinned(fleet, registry.aliases)
    found += following_problems(fleet, registry.aliases, checked.source)
    found += placing_problems(fleet, registry.models, checked.source)
    if registers:
        found += source_problems(fleet, request.root, checked.source, thorough=request.thorough)
    return replace(checked, checkable=fleet, registry=registry), found


def _registry(request: PlanRequest, checked: Checked, client: WorkspaceClient | None) -> RegistryAnswers:
    """Look up the models to register into and the aliases to follow, and no others."""
    aliases = checked.followed
    if client is None or request.offline or not request.judges_registry:
        if aliases and not request.is_preview:
            raise NotConfigured(
                f"only a workspace knows what the alias {aliases[0].alias} of {aliases[0].model} points to: "
                "run without --offline, or write the version number"
            )
        # It may have changed since it was recorded.
        return RegistryAnswers(aliases=request.record.recorded_aliases() if aliases else {})
    if not checked.registered and not aliases:
        return RegistryAnswers()
    from bandplan.serving.workspace.registry_survey import survey

    return survey(client, checked.registered, aliases)


def _stack_problems(request: PlanRequest, checked: Checked, fleet: Fleet) -> list[Problem]:
    """Find overrides whose stack the project lacks but that resemble one of its stacks: they would have no effect."""
    found = []
    for stack in fleet.overrides if request.known_stacks is not None else ():
        known = request.known_stacks or ()
        meant = None if stack in known else nearest(stack, known)
        if meant is not None:
            finding = f"no stack is named {clipped(stack, 60)}"
            step = f"did you mean {meant}? Otherwise run `bandplan stack new {stack}`"
            found.append(rules.OVERRIDE_STACK.of_key(checked.source, ("overrides", stack), finding, step))
    return found


def _legacy_problems(request: PlanRequest, checked: Checked, client: WorkspaceClient | None) -> list[Problem]:
    """Find problems that the workspace shows in the versions that legacy workloads serve."""
    asks = request.judges_registry and not request.offline and checked.has_legacy
    if client is None or not asks or checked.checkable is None:
        return []
    from bandplan.serving.registration.checks.legacy_versions import legacy_version_problems

    return legacy_version_problems(client, checked.checkable, checked.source)


def _judged(
    request: PlanRequest, checked: Checked, found: Sequence[Problem], client: WorkspaceClient | None
) -> Plan | Refused:
    fleet, answers, source = checked.checkable, checked.answers, checked.source
    assert fleet is not None
    record = SizeRecord(request.root, is_read_only=isinstance(request.record, ReadOnlyRecord))
    unknown = set(checked.unrecorded) if request.takes_unrecorded else ()
    sizing = SizingRequest(request.today, policies=request.policies, unknown=unknown, sizes=record.sizes)
    sized = size(fleet, answers, source, found, sizing)
    record.save()
    checked = replace(checked, problems=in_order([*checked.problems, *sized.problems]), waived=sized.waived)
    if checked.errors or checked.fleet is None:
        return Refused(checked)
    host = client.host if client is not None else None
    models = tuple((planned, checked.registry.models.get(planned.name)) for planned in planned_models(fleet))
    resize = Resizing(checked, request.today, request.policies, record) if models else None
    plan = Plan(checked, sized.endpoints, host, models, resize)
    if request.rollouts is None or all(sizing.entry.rollout is None for sizing in plan.sizings):
        return plan
    return _with_rollouts(request, request.rollouts, plan, client)


def _with_rollouts(
    request: PlanRequest, rollouts: RolloutRequest, plan: Plan, client: WorkspaceClient | None
) -> Plan | Refused:
    """Put every endpoint at the next stage of its rollout."""
    from bandplan.serving.planning.rollouts import measured_use_of, stage_all, stage_offline
    from bandplan.serving.throughput.measured_use import MeasuredUseError

    checked = plan.checked
    try:
        if client is None or request.offline:
            staged = stage_offline(plan.sizings, is_preview=request.is_preview)
        else:
            used = measured_use_of(request.root, rollouts.measured)
            ask = partial(fetch, client, cache=request.record)
            staged = stage_all(client, plan.sizings, checked.source, rollouts.now_ms, used, rollouts.at_once, ask)
    except (WorkspaceError, MeasuredUseError) as error:
        return Refused(checked, error)
    if staged.problems:
        return Refused(replace(checked, problems=(*checked.problems, *staged.problems)))
    return replace(
        plan,
        sizings=staged.sizings,
        rollouts=staged.told,
        stopped_rollouts=staged.stopped,
        stage_later=staged.later,
    )
