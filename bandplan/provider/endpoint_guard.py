"""The resource EndpointReady: connects Pulumi's calls with the pure modules and the workspace."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from pulumi.provider.experimental import provider as sdk
from pulumi.provider.experimental.property_value import PropertyValue

from bandplan.plugin.errors import InitFailed, ProviderError
from bandplan.plugin.requests import recorded
from bandplan.plugin.values import UNKNOWN, plain, property_values
from bandplan.provider.context import Context, told_to_user
from bandplan.provider.detailed_diff import property_diffs, top_level_name, top_level_names
from bandplan.provider.endpoint_ready import (
    Surroundings,
    make_ready,
    short_of_capacity,
)
from bandplan.provider.input_kinds import is_known
from bandplan.provider.inputs import Wanted, findings
from bandplan.provider.property_changes import property_changes
from bandplan.serving.endpoint.comparison import (
    description_difference,
    differences,
    fields_at_risk,
    is_burst_unstated,
    task_difference,
    undeclared_parts,
)
from bandplan.serving.endpoint.declared import Declared
from bandplan.serving.endpoint.difference import Difference
from bandplan.serving.endpoint.foreign_capacity import (
    compute_by_hand,
    is_external,
    unconvertible,
    unsendable_beside_compute,
)
from bandplan.serving.endpoint.inference_table import renamed_while_enabled, unrenamable
from bandplan.serving.endpoint.live_endpoint import READY, LiveEndpoint
from bandplan.serving.endpoint.readiness import Failed, Ready, assess
from bandplan.serving.endpoint.shortfall import Shortfall, shortfalls
from bandplan.serving.endpoint.unchangeable import (
    taken_name,
    unchangeable_api,
    unchangeable_description,
    unchangeable_setting,
    unkept_fields,
    unremovable_description,
    unsendable_task,
)
from bandplan.serving.workspace.endpoints import Endpoints
from bandplan.serving.workspace.errors import NotFound, WorkspaceError
from bandplan.wire.guard import CONFIG_PARTS, INPUTS, KEPT
from bandplan.wire.names import to_properties
from bandplan.wire.property_path import PathStep, property_path

_COMPARED = tuple(name for name in INPUTS if name != "timeoutSeconds")
"""Compared inputs. A new timeout alone changes nothing on the platform, so it is not a change."""

_TABLE = "declared.aiGateway.inferenceTableConfig"
_MOST_SHOWN = 10


class EndpointGuard:
    """The calls on EndpointReady resources; synchronous."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._is_silent = False

    def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        failures = [sdk.CheckFailure(f.property_path, f.reason) for f in findings(plain(request.new_inputs))]
        return sdk.CheckResponse(inputs=request.new_inputs, failures=failures)

    def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        old, new = plain(recorded(request)), plain(request.new_inputs)
        changed = property_changes(old, new, _COMPARED)
        detailed = property_diffs(changed)
        if changed.get("endpoint") == "update" and new["endpoint"] is not UNKNOWN:
            detailed["endpoint"] = sdk.PropertyDiff(sdk.PropertyDiffKind.UPDATE_REPLACE, True)
            return sdk.DiffResponse(
                changes=True,
                replaces=["endpoint"],
                detailed_diff=detailed,
                diffs=["endpoint"],
            )
        if "api" in changed and new.get("servingEndpointId") is UNKNOWN:
            self._refuse_other_api(old, new)
        if any(path.startswith(_TABLE) for path in changed) and "endpoint" not in changed:
            self._refuse_renamed_table(old, new)
        if "declared.description" in changed and "endpoint" not in changed and "servingEndpointId" not in changed:
            is_removed = changed["declared.description"] == "delete"
            said = unremovable_description if is_removed else unchangeable_description
            self._context.warn(request.urn, said(str(new["endpoint"])))
        if "endpoint" not in changed and "servingEndpointId" not in changed:
            for setting in KEPT:
                if f"declared.{setting.name}" in changed:
                    self._context.warn(request.urn, unchangeable_setting(str(new["endpoint"]), setting))
        if all(is_known(new.get(name)) for name in _COMPARED):
            for path in self._live_differences(request.urn, Wanted.from_inputs(new), old, frozenset(changed)):
                # The engine shows the values of an input diff from the inputs, which the outputs do not repeat.
                is_input = top_level_name(path) in INPUTS
                detailed.setdefault(path, sdk.PropertyDiff(sdk.PropertyDiffKind.UPDATE, is_input))
        return sdk.DiffResponse(
            changes=bool(detailed),
            detailed_diff=detailed,
            diffs=top_level_names(detailed),
            stables=["endpoint"],
        )

    def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        if request.preview:
            known = plain(request.properties)
            name = known["endpoint"]
            if known.get("servingEndpointId") is UNKNOWN and name is not UNKNOWN:
                self._warn_of_taken_name(request.urn, name)
            return sdk.CreateResponse("" if name is UNKNOWN else name, _foreseen(request.properties))
        live = self._make_ready(request.urn, request.properties, None, request.timeout)
        return sdk.CreateResponse(live.name, _outputs(live, _short(request.properties, live)))

    def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        if request.preview:
            return sdk.UpdateResponse(_foreseen(request.news))
        state = plain(recorded(request))
        previous = state.get("declared")
        try:
            live = self._make_ready(
                request.urn,
                request.news,
                Declared.from_inputs(previous) if previous else None,
                request.timeout,
                recorded_version(state),
            )
        except ProviderError as error:
            if not self._context.cancelled.is_set():
                raise
            # The platform continues what was sent: the state must record whose it is. The engine keeps the old inputs.
            known = {"configVersion": recorded_version(state) or 0, "ready": False, "shortfall": []}
            kept = {**request.news, **property_values(known)}
            raise InitFailed(request.resource_id, kept, [str(error)]) from error
        return sdk.UpdateResponse(_outputs(live, _short(request.news, live)))

    def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        """Read what the endpoint runs: in state and inputs, declared properties that differ get their live values."""
        with told_to_user(request.resource_id):
            try:
                live = Endpoints(self._context.client).get(request.resource_id)
            except NotFound:
                return sdk.ReadResponse(resource_id="")
        state = recorded(request)
        known = plain(state)
        if not known.get("declared"):
            raise ProviderError(
                f"{request.resource_id}: an EndpointReady cannot be imported, because it has no state of its own; "
                "declare it and run `up`, which takes over an existing endpoint"
            )
        declared = Declared.from_inputs(known["declared"])
        other_task = task_difference(declared, live)
        found = (*differences(declared, live), *((other_task,) if other_task else ()))
        inputs = {name: value for name, value in state.items() if name in INPUTS}
        short = _short(inputs, live)
        added = undeclared_parts(declared, live)
        if found or added:
            now = {**_as_live(known["declared"], found), **added}
            inputs["declared"] = property_values({"declared": now})["declared"]
        outputs = _outputs(live, short)
        is_unstated = is_burst_unstated(declared, declared, live, recorded_version(known))
        if is_unstated and "configVersion" in state:
            # From the version, the next `up` sees that a false must be resent.
            outputs["configVersion"] = state["configVersion"]
        return sdk.ReadResponse(live.name, outputs, inputs)

    def delete(self, request: sdk.DeleteRequest) -> None:
        """Do nothing: the endpoint belongs to another resource."""

    def _warn_of_taken_name(self, urn: str, name: str) -> None:
        """Warn, at a preview that creates the endpoint, if its name is taken; ignore a workspace without a response."""
        if self._is_silent:
            return
        try:
            live = Endpoints(self._context.client).get(name)
        except NotFound:
            return
        except WorkspaceError:
            self._is_silent = True  # a preview of a new stack needs no workspace
            return
        self._context.warn(urn, taken_name(live.name))

    def _refuse_other_api(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        """Refuse, at a preview, to create a resource of another type while the endpoint still exists."""
        if new["endpoint"] is UNKNOWN or new["api"] is UNKNOWN:
            return
        with told_to_user(new["endpoint"]):
            try:
                live = Endpoints(self._context.client).get(new["endpoint"])
            except NotFound:
                return
        if live.id == old.get("servingEndpointId"):
            raise ProviderError(unchangeable_api(live.name, old["api"], new["api"]))

    def _refuse_renamed_table(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        """Refuse, at a preview, to rename an inference table while it is enabled."""
        before, gateway = ((one.get("declared") or {}).get("aiGateway") for one in (old, new))
        if new["endpoint"] is UNKNOWN or new.get("servingEndpointId") is UNKNOWN or not is_known(gateway):
            return
        with told_to_user(new["endpoint"]):
            try:
                live = Endpoints(self._context.client).get(new["endpoint"])
            except NotFound:
                return
        found = renamed_while_enabled(before, gateway, live.ai_gateway)
        if found and gateway is not None:
            is_kept = bool(gateway["inferenceTableConfig"].get("enabled"))
            raise ProviderError(unrenamable(live.name, found, is_kept=is_kept))

    def _live_differences(
        self, urn: str, wanted: Wanted, old: dict[str, Any], changed: frozenset[str]
    ) -> tuple[str, ...]:
        """Return property paths in which the endpoint differs from `wanted`, including `ready` if it is not ready.

        Warns of what already differs from the state and is not `changed` by the program: the engine can show only the
        state's value of it.
        """
        with told_to_user(wanted.endpoint):
            try:
                live = Endpoints(self._context.client).get(wanted.endpoint)
            except NotFound:
                self._context.warn(
                    urn,
                    f"{wanted.endpoint}: the endpoint no longer exists; refresh the stack",
                )
                return ("ready",)
        if is_external(live):
            raise ProviderError(unconvertible(live.name))
        compute = compute_by_hand(wanted.declared, live)
        if compute:
            self._context.warn(urn, unsendable_beside_compute(live.name, compute))
        paths = []
        if wanted.serving_endpoint_id and live.id and wanted.serving_endpoint_id != live.id:
            paths.append("servingEndpointId")
        found = differences(wanted.declared, live)
        # The program's changes are already in the plan, where the engine can show both values.
        paths += [difference.property_path for difference in found if not _is_changed(difference, changed)]
        before = Declared.from_inputs(old["declared"]) if old.get("declared") else wanted.declared
        if before == wanted.declared and is_burst_unstated(before, before, live, recorded_version(old)):
            paths += self._burst_again(urn, wanted)
        short = () if live.is_updating else shortfalls(wanted.declared, wanted.accepted, live.config) or ()
        failed = assess(live)
        # An amount that only this plan wants was never tried, so the endpoint is not short of it yet. A refresh also
        # makes the recorded amounts differ from the wanted ones; then a failure on the platform shows they were tried.
        was_short = short if before == wanted.declared else shortfalls(before, wanted.accepted, live.config)
        if short and (was_short or isinstance(failed, Failed)):
            reasons = [one.reason for one in failed.entities if one.reason] if isinstance(failed, Failed) else []
            said = dict.fromkeys(map(self._context.client.presentable, reasons))
            self._context.warn(urn, short_of_capacity(wanted.endpoint, short, said))
        as_before = found if before == wanted.declared else differences(before, live)
        told = {one.path for one in short}
        drifted = [one for one in as_before if not _is_changed(one, changed) and one.path not in told]
        for difference in drifted[:_MOST_SHOWN]:
            self._context.warn(urn, f"{wanted.endpoint}: not as declared: {difference}")
        at_risk = fields_at_risk(
            wanted.declared,
            live,
            config=wanted.accepted is None and _changes_any(changed, CONFIG_PARTS),
            ai_gateway=_changes_any(changed, ("aiGateway",)),
        )
        if at_risk:
            self._context.warn(urn, unkept_fields(wanted.endpoint, at_risk))
        if description_difference(wanted.declared, live) is not None:
            # Not a difference for the guard: it explains why the endpoint's own resource keeps planning one update.
            self._context.warn(urn, unchangeable_description(wanted.endpoint))
        other_task = task_difference(wanted.declared, live)
        if other_task is not None:
            paths.append(other_task.property_path)
            self._context.warn(urn, unsendable_task(wanted.endpoint, other_task))
        verdict = assess(live)
        if not isinstance(verdict, Ready) and not short:
            self._context.warn(urn, f"{wanted.endpoint}: {_in_short(verdict, self._context.client.presentable)}")
            paths.append("ready")
        return tuple(paths)

    def _burst_again(self, urn: str, wanted: Wanted) -> list[str]:
        """Return property paths of each `false` to resend, because the config was changed since it was last sent."""
        self._context.warn(
            urn,
            f"{wanted.endpoint}: the config was changed since the last deployment, and the platform does not report "
            "whether bursting is still off; `burst: false` is sent again",
        )
        declared = wanted.declared
        return [
            property_path(("declared", declared.entity_key, index, "burstScalingEnabled"))
            for index, entity in enumerate(declared.entities)
            if entity.get("burstScalingEnabled") is False
        ]

    def _make_ready(
        self,
        urn: str,
        inputs: dict[str, PropertyValue],
        previous: Declared | None,
        timeout_seconds: float,
        version: int | None = None,
    ) -> LiveEndpoint:
        known = plain(inputs)
        if timeout_seconds > 0 and not known.get("timeoutSeconds"):
            known["timeoutSeconds"] = int(timeout_seconds)
        wanted = Wanted.from_inputs(known)
        surroundings = Surroundings(
            progress=lambda text: self._context.progress(urn, f"{wanted.endpoint}: {text}"),
            warn=lambda text: self._context.warn(urn, text),
            sleep=self._context.cancelled.wait,
        )
        with told_to_user(wanted.endpoint):
            return make_ready(Endpoints(self._context.client), wanted, previous, surroundings, version)


def recorded_version(state: dict[str, Any]) -> int | None:
    """Return the config version in the state, or None if it holds none."""
    version = state.get("configVersion")
    return int(version) if isinstance(version, (int, float)) else None


def _foreseen(inputs: dict[str, PropertyValue]) -> dict[str, PropertyValue]:
    short: Any = UNKNOWN if "accepted" in inputs else []
    return property_values({"configVersion": UNKNOWN, "ready": True, "shortfall": short})


def _outputs(live: LiveEndpoint, short: tuple[Shortfall, ...] = ()) -> dict[str, PropertyValue]:
    """Return the outputs. With `short`, the endpoint runs the accepted capacity and counts as ready.

    That is as ready as it gets, though its last update failed. The inputs are not repeated: the engine hands them over.
    """
    is_ready = isinstance(assess(live), Ready) or bool(short and live.ready == READY)
    version = live.config.version if live.config else None
    return property_values(
        {"configVersion": version or 0, "ready": is_ready, "shortfall": [one.as_output() for one in short]}
    )


def _short(inputs: dict[str, PropertyValue], live: LiveEndpoint) -> tuple[Shortfall, ...]:
    wanted = Wanted.from_inputs(plain(inputs))
    return shortfalls(wanted.declared, wanted.accepted, live.config) or ()


def _is_changed(difference: Difference, changed: frozenset[str]) -> bool:
    """Report whether the program changes this very property, one inside it, or one that contains it."""
    steps: tuple[PathStep, ...] = difference.path
    above = {property_path(steps[:length]) for length in range(1, len(steps) + 1)}
    inside = tuple(difference.property_path + mark for mark in (".", "["))
    if steps[-1] == "trafficPercentage":  # a route that now leads to another entity is a different route
        above |= {property_path((*steps[:-1], target)) for target in ("servedEntityName", "servedModelName")}
    return bool(above & changed) or any(path.startswith(inside) for path in changed)


def _changes_any(changed: Iterable[str], parts: Iterable[str]) -> bool:
    """Report whether the program changes one of these parts of `declared`."""
    starts = tuple(f"declared.{part}" for part in parts)
    return any(path.startswith(starts) for path in changed)


def _as_live(declared: dict[str, Any], found: tuple[Difference, ...]) -> dict[str, Any]:
    """Return `declared` with the live value in place of each difference that a value can express."""
    result: dict[str, Any] = json.loads(json.dumps(declared))
    for difference in found:
        *steps, last = difference.path[1:]
        place: Any = result
        for step in steps:
            place = place[step] if isinstance(step, int) else place.setdefault(step, {})
        if (
            isinstance(last, str)
            and isinstance(place, dict)
            and last not in ("servedEntities", "servedModels", "routes")
        ):
            place[last] = to_properties(difference.live) if difference.part == "aiGateway" else difference.live
    return result


def _in_short(verdict: Any, presentable: Callable[[str], str]) -> str:
    if not isinstance(verdict, Failed):
        return f"not ready: {presentable(verdict.text)}"
    reasons = "; ".join(
        f"{e.served_name} {e.deployment}: {presentable(e.reason) or 'no reason given'}" for e in verdict.entities
    )
    return f"the last update failed ({verdict.text})" + (f": {reasons}" if reasons else "")
