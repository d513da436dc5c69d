"""What our own deployments have started and not finished: running ones and interrupted ones. Pure.

An `up` changes the workspace before it writes the state, so a comparison during it, or after a kill, finds differences
that nobody made manually. They are reported as such.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bandplan.drift.finding import FieldFinding, Verdict
from bandplan.drift.recorded import RecordedEndpoint, RecordedStack, recorded
from bandplan.wire.types import ENDPOINT_READY, PERMISSIONS, SERVING


@dataclass(frozen=True)
class Begun:
    """Unfinished deployments. `stacks` are what the state would record if they had finished, at one or more moments of
    a comparison.

    `who` names their owner, for a message.
    """

    who: str = ""
    stacks: tuple[RecordedStack, ...] = ()
    names: frozenset[str] = field(default_factory=frozenset)

    def of(self, name: str) -> tuple[RecordedEndpoint, ...]:
        return tuple(one for stack in self.stacks for one in stack.endpoints if one.name == name)


def begun(deployments: Iterable[Mapping[str, Any]], holder: str) -> Begun:
    """Find unfinished work in the deployments of a stack as they were read; `holder` is deploying it now ("" for
    nobody).
    """
    stacks, names = [], set[str]()
    for deployment in deployments:
        unfinished = list(_unfinished(deployment))
        stacks += [recorded(deployment), recorded(_as_if_ended(deployment, unfinished))]
        names |= {name for one in unfinished if (name := _endpoint_of(one, stacks[-1])) is not None}
    if not names and not holder:
        return Begun()
    who = f"a running `up` of this stack ({holder})" if holder else "an interrupted `up` of this stack"
    return Begun(who, tuple(stacks), frozenset(names))


def as_ours(findings: Iterable[FieldFinding], others: Iterable[Iterable[FieldFinding]]) -> tuple[FieldFinding, ...]:
    """Mark as our own the `findings` that are not `real` in `others`, comparisons with unfinished deployments."""
    real = [{one.field for one in found if one.verdict is Verdict.REAL} for found in others]
    return tuple(
        replace(one, verdict=Verdict.OURS)
        if one.verdict is Verdict.REAL and any(one.field not in fields for fields in real)
        else one
        for one in findings
    )


def _unfinished(deployment: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield operations that were started, and written resources that the program still wants to change."""
    for operation in deployment.get("pending_operations") or ():
        if isinstance(operation, Mapping) and isinstance(operation.get("resource"), Mapping):
            yield {"type": str(operation.get("type")), "resource": operation["resource"]}
    for resource in deployment.get("resources") or ():
        if resource.get("initErrors") and isinstance(resource.get("outputs"), Mapping):
            inputs, outputs = resource.get("inputs") or {}, resource["outputs"]
            asked = {**inputs, **{name: outputs[name] for name in _ASKED if name in outputs}}
            yield {"type": "updating", "resource": {**resource, "inputs": asked}}


_ASKED = ("config", "tags", "aiGateway", "declared")
"""Properties whose outputs show what an unfinished update asked for."""


def _as_if_ended(deployment: Mapping[str, Any], unfinished: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    by_urn = {str(one.get("urn")): one for one in deployment.get("resources") or () if not one.get("delete")}
    for operation in unfinished:
        resource = operation["resource"]
        urn = str(resource.get("urn"))
        if operation["type"] == "deleting":
            by_urn.pop(urn, None)
        else:
            outputs = resource.get("outputs") or (by_urn.get(urn) or {}).get("outputs")
            by_urn[urn] = {**resource, "outputs": outputs}
    return {**deployment, "resources": list(by_urn.values())}


def _endpoint_of(operation: Mapping[str, Any], stack: RecordedStack) -> str | None:
    resource = operation["resource"]
    inputs = resource.get("inputs") or {}
    kind = resource.get("type")
    if kind in SERVING:
        return str(resource.get("id") or inputs.get("name"))
    if kind == ENDPOINT_READY:
        return str(inputs.get("endpoint"))
    if kind == PERMISSIONS:
        identity = inputs.get("servingEndpointId")
        return next((one.name for one in stack.endpoints if one.id == identity), None)
    return None
