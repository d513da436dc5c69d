"""Previews for tests, in the shape of `preview --json`: start valid, change one thing."""

import json
from typing import Any

from bandplan.report.load import Given, load_reports
from bandplan.report.price import Prices
from bandplan.report.stack import StackReport
from bandplan.report.threshold import Thresholds

CHUNK = 980
MODEL = "system.ai.llama_v3_3_70b_instruct"
PREFIX = "urn:pulumi:prod::fleet::"
STACK_URN = f"{PREFIX}pulumi:pulumi:Stack::fleet-prod"
FLEET_URN = f"{PREFIX}bandplan:index:Fleet::fleet"
SERVING = "databricks:index/modelServing:ModelServing"
PT = "databricks:index/modelServingProvisionedThroughput:ModelServingProvisionedThroughput"
GUARD = "bandplan:index:EndpointReady"
PERMISSIONS = "databricks:index/permissions:Permissions"


def component_urn(name: str) -> str:
    return f"{PREFIX}bandplan:index:Fleet$bandplan:index:Endpoint::{name}"


def child_urn(name: str, kind: str, suffix: str = "") -> str:
    return f"{PREFIX}bandplan:index:Fleet$bandplan:index:Endpoint${kind}::{name}{suffix}"


def entity(low: int = 2, high: int = 4, **changes: Any) -> dict[str, Any]:
    """A served entity in bands of 980."""
    return {
        "servedName": "main",
        "model": MODEL,
        "version": "1",
        "trafficPercent": 100,
        "chunkTokensPerSecond": CHUNK,
        "minBands": low,
        "maxBands": high,
        "floorTokensPerSecond": low * CHUNK,
        "ceilingTokensPerSecond": high * CHUNK,
        **changes,
    }


def units_entity(units: int = 50, **changes: Any) -> dict[str, Any]:
    return {
        "servedName": "main",
        "model": "system.ai.llama-4-maverick",
        "version": "1",
        "trafficPercent": 100,
        "modelUnits": units,
        **changes,
    }


def inputs(name: str = "chat", *entities: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Inputs of the component, as components/capacity.py states them."""
    served = list(entities) or [entity()]
    in_units = "modelUnits" in served[0]
    sums = {
        key: sum(one[key] for one in served if one.get(key) is not None)
        for key in ("floorTokensPerSecond", "ceilingTokensPerSecond", "modelUnits")
        if any(key in one for one in served)
    }
    stated = {
        "name": name,
        "task": "llm/v1/chat",
        "family": "model_units" if in_units else "bands",
        **sums,
        "burst": False,
        "entities": served,
    }
    return {key: value for key, value in {**stated, **changes}.items() if value is not None}


def step(
    op: str,
    urn: str,
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
    *,
    parent: str = "",
    reasons: tuple[str, ...] = (),
    replace_reasons: tuple[str, ...] = (),
) -> dict[str, Any]:
    kind = urn.split("::")[2].split("$")[-1]

    def state(properties: dict[str, Any] | None) -> dict[str, Any] | None:
        return None if properties is None else {"urn": urn, "type": kind, "inputs": properties, "parent": parent}

    found = {
        "op": op,
        "urn": urn,
        "oldState": state(old),
        "newState": state(new),
        "diffReasons": list(reasons),
        "replaceReasons": list(replace_reasons),
        "detailedDiff": None,
    }
    return {key: value for key, value in found.items() if value not in (None, [])}


def changed(
    name: str = "chat",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    serving: str = SERVING,
    op: str = "",
    replace_reasons: tuple[str, ...] = (),
    reasons: tuple[str, ...] = ("config",),
) -> list[dict[str, Any]]:
    """The steps of one endpoint: component and serving resource. Without `before` it is new, without `after` deleted."""
    op = op or ("create" if before is None else "delete" if after is None else "update")
    component = step("update" if op == "replace" else op, component_urn(name), before, after, parent=FLEET_URN)
    resource = step(
        op,
        child_urn(name, serving),
        {} if before is not None else None,
        {} if after is not None else None,
        parent=component_urn(name),
        reasons=reasons if op in ("update", "replace") else (),
        replace_reasons=replace_reasons,
    )
    return [component, resource]


def fleet_step(floor: int, ceiling: int, units: int = 0, count: int = 1, op: str = "update") -> dict[str, Any]:
    """The step of the fleet, which has the sums of after."""
    sums = {
        "floorTokensPerSecond": floor,
        "ceilingTokensPerSecond": ceiling,
        "modelUnits": units,
        "endpointCount": count,
    }
    return step(op, FLEET_URN, {}, sums, parent=STACK_URN)


def summary_entry(name: str = "chat", floor: int = 1960, ceiling: int = 3920) -> dict[str, Any]:
    """One entry of the stack's output `endpoints`."""
    return {
        "name": name,
        "family": "bands",
        "floor_tokens_per_second": floor,
        "ceiling_tokens_per_second": ceiling,
        "model_units": None,
        "models": [{"model": MODEL, "version": "1", "traffic_percent": 100}],
    }


def document(
    *steps: dict[str, Any], endpoints: list[dict[str, Any]] | None = None, diagnostics: list[Any] | None = None
) -> dict[str, Any]:
    """A preview; the stack's own step comes first, with what its outputs said before."""
    outputs = {} if endpoints is None else {"endpoints": endpoints}
    stack = {
        "op": "same",
        "urn": STACK_URN,
        "oldState": {"urn": STACK_URN, "type": "pulumi:pulumi:Stack", "outputs": outputs},
        "newState": {"urn": STACK_URN, "type": "pulumi:pulumi:Stack"},
        "detailedDiff": None,
    }
    return {"config": {}, "steps": [stack, *steps], "diagnostics": diagnostics or [], "changeSummary": {"same": 1}}


def warning(message: str, urn: str = "") -> dict[str, str]:
    entry = {"message": f"warning: {message}\n", "severity": "warning"}
    return {"urn": urn, **entry} if urn else entry


def report_on(
    preview: dict[str, Any],
    *,
    title: str = "",
    events: str = "",
    prices: Prices | None = None,
    thresholds: Thresholds = Thresholds(),
    environ: dict[str, str] | None = None,
) -> StackReport:
    """The report on one preview, read as the command reads it."""
    logs = [Given("events.jsonl", events)] if events else []
    (report,) = load_reports(
        [Given("preview.json", json.dumps(preview), title)],
        logs,
        environ=environ or {},
        prices=prices,
        thresholds=thresholds,
    )
    return report
