"""A stack's state with existing endpoints added: resources as a deployment would have recorded them. Pure.

Their inputs come from a preview, which plans to create them. Taken over, they have the ids of what exists, and the
outputs of a deployment that created exactly that. Nothing is sent anywhere, and the next preview finds them as
declared. Source of the shapes: sdk/go/common/apitype in github.com/pulumi/pulumi (read 2026-11).
"""

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bandplan.wire.sentinels import UNKNOWN, is_unknown
from bandplan.wire.types import ENDPOINT, ENDPOINT_READY, FLEET, PERMISSIONS, PROVIDER_PREFIX, SERVING, STACK
from bandplan.wire.urn import name_of, type_of

_LEFT_OUT = ("sourcePosition", "stackTrace", "id", "outputs")


class NotTakenOver(Exception):
    """The plan does not match the endpoints to take over; the message is for the user. Nothing was changed."""


@dataclass(frozen=True)
class Existing:
    """An endpoint of the workspace: the values that its resources get as outputs."""

    name: str
    id: str
    config_version: int
    url: str | None = None


@dataclass(frozen=True)
class Planned:
    """A preview: its steps and the stack's configuration, both as in `preview --json`."""

    steps: Sequence[Mapping[str, Any]]
    config: Mapping[str, str]

    @property
    def changes(self) -> tuple[Mapping[str, Any], ...]:
        """The steps that do something."""
        return tuple(step for step in self.steps if step.get("op") != "same")


def taken_over(
    deployment: Mapping[str, Any],
    planned: Planned,
    existing: Sequence[Existing],
    summaries: Mapping[str, Any],
    now: str,
    new_id: Callable[[], str],
) -> dict[str, Any]:
    """Add the resources of `existing` to the deployment; resources that are already there stay unchanged.

    `summaries` are what the stack's output `endpoints` says about every endpoint of models.yaml, by name and in its
    order. Errors: NotTakenOver.
    """
    writer = _Writer(deployment, planned.config, now, new_id)
    by_name = {one.name: one for one in existing}
    steps = {str(step["urn"]): step for step in planned.changes}
    components = {urn: name for urn in steps if type_of(urn) == ENDPOINT and (name := name_of(urn)) in by_name}
    missing = [name for name in by_name if name not in components.values()]
    if missing:
        raise NotTakenOver(
            f"the preview does not plan to create {', '.join(missing)}: check that models.yaml contains it"
        )
    for kind in (STACK, FLEET):
        writer.add_component(next((step for urn, step in steps.items() if type_of(urn) == kind), None))
    children: dict[str, list[Mapping[str, Any]]] = {urn: [] for urn in components}
    for step in steps.values():
        children.get(_parent(step), []).append(step)
    for urn, name in components.items():
        writer.add_component(steps[urn])
        writer.add_children(children[urn], by_name[name])
    own = {*components, *(urn for urn, step in steps.items() if _parent(step) in components)}
    is_all = all(urn in own or type_of(urn) in (STACK, FLEET) for urn in steps)
    writer.state_outputs(summaries, set(by_name))
    if is_all:
        writer.update_fleet(next((step for urn, step in steps.items() if type_of(urn) == FLEET), None))
    return writer.deployment


class _Writer:
    """A deployment to which resources are added."""

    def __init__(
        self, deployment: Mapping[str, Any], config: Mapping[str, str], now: str, new_id: Callable[[], str]
    ) -> None:
        self.deployment: dict[str, Any] = copy.deepcopy(dict(deployment))
        self._resources: list[dict[str, Any]] = self.deployment.setdefault("resources", None) or []
        self.deployment["resources"] = self._resources
        self._by_urn = {str(one["urn"]): one for one in self._resources if not one.get("delete")}
        self._config, self._now, self._new_id = config, now, new_id

    def has(self, urn: str) -> bool:
        return urn in self._by_urn

    def add_component(self, step: Mapping[str, Any] | None) -> None:
        """Add the stack, the fleet or an endpoint's component unless it is already there."""
        if step is None or self.has(str(step["urn"])):
            return
        self._add(_planned_state(step))

    def add_children(self, steps: Sequence[Mapping[str, Any]], existing: Existing) -> None:
        """Add the endpoint first: the others depend on it."""
        for step in sorted(steps, key=lambda one: type_of(str(one["urn"])) not in SERVING):
            if step.get("op") != "create":
                raise NotTakenOver(
                    f"{existing.name}: the preview plans to {step.get('op')} {name_of(str(step['urn']))}"
                )
            state = _with_id(_planned_state(step), existing)
            self._add({**state, **_identity(state, existing), "provider": self._provider(str(state["provider"]))})

    def state_outputs(self, summaries: Mapping[str, Any], added: set[str]) -> None:
        """Set the stack's output `endpoints` for those in the state, in the order of models.yaml."""
        stack = next((one for one in self._resources if one.get("type") == STACK), None)
        if stack is None:
            return
        outputs = stack.setdefault("outputs", {})
        before = {one.get("name"): one for one in outputs.get("endpoints") or () if isinstance(one, dict)}
        outputs["endpoints"] = [
            summary if name in added else before[name]
            for name, summary in summaries.items()
            if name in added or name in before
        ]
        outputs["endpoints"] += [one for name, one in before.items() if name not in summaries]

    def update_fleet(self, step: Mapping[str, Any] | None) -> None:
        """Update the fleet's sums if nothing else is pending; its outputs are the same."""
        if step is None or not step.get("newState"):
            return
        urn = str(step["urn"])
        inputs = copy.deepcopy(step["newState"].get("inputs") or {})
        self._by_urn[urn]["inputs"] = inputs
        self._by_urn[urn]["outputs"] = dict(inputs)

    def _provider(self, reference: str) -> str:
        """Return the reference of a default provider in the state, and create it if it is missing."""
        urn = reference.rsplit("::", 1)[0]
        if not self.has(urn):
            package = type_of(urn).removeprefix(PROVIDER_PREFIX)
            inputs = {
                key.removeprefix(f"{package}:"): value
                for key, value in self._config.items()
                if key.startswith(f"{package}:")
            }
            version = re.fullmatch(r"default_(\d+_\d+_\d+.*)", name_of(urn))
            if version is not None:
                inputs["version"] = version[1].replace("_", ".", 2)
            state = {"urn": urn, "custom": True, "id": self._new_id(), "type": type_of(urn)}
            self._add({**state, "inputs": {**inputs, "__internal": {}}, "outputs": inputs})
        return f"{urn}::{self._by_urn[urn]['id']}"

    def _add(self, state: dict[str, Any]) -> None:
        known = {**state, "created": self._now, "modified": self._now}
        self._resources.append(known)
        self._by_urn[str(known["urn"])] = known


def _planned_state(step: Mapping[str, Any]) -> dict[str, Any]:
    state = copy.deepcopy(dict(step.get("newState") or {}))
    return {key: value for key, value in state.items() if key not in _LEFT_OUT}


def _identity(state: Mapping[str, Any], existing: Existing) -> dict[str, Any]:
    """Return id and outputs as the resource's provider would."""
    inputs = state.get("inputs") or {}
    kind = type_of(str(state["urn"]))
    if kind in SERVING:
        url = {"endpointUrl": existing.url} if existing.url else {}
        return {"id": existing.name, "outputs": {**inputs, "servingEndpointId": existing.id, **url}}
    if kind == PERMISSIONS:
        return {"id": f"/serving-endpoints/{existing.id}", "outputs": {**inputs, "objectType": "serving-endpoint"}}
    if kind == ENDPOINT_READY:
        outputs = {"configVersion": existing.config_version, "ready": True, "shortfall": []}
        return {"id": existing.name, "outputs": outputs}
    raise NotTakenOver(f"{existing.name}: a {kind} cannot be taken over")


def _with_id(state: dict[str, Any], existing: Existing) -> dict[str, Any]:
    """Return the state with the endpoint's id, the only input that a plan of its resources does not know.

    Errors: NotTakenOver if another input is unknown, such as a version that is not registered yet.
    """
    inputs = dict(state.get("inputs") or {})
    if inputs.get("servingEndpointId") == UNKNOWN:
        inputs["servingEndpointId"] = existing.id
    if is_unknown(inputs):
        raise NotTakenOver(
            f"{existing.name}: what it serves is known only after a deployment (it has `register`): "
            "write the model and "
            "version that it serves now, take it over, then put `register` back"
        )
    return {**state, "inputs": inputs}


def _parent(step: Mapping[str, Any]) -> str:
    return str((step.get("newState") or step.get("oldState") or {}).get("parent") or "")
