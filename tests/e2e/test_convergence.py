"""Over every field that the API has: after `up`, after `adopt`, after a hand edit and `up --refresh`, nothing is left to do.

Nothing to do is: the preview is empty, the preview with --refresh is empty, and drift finds nothing.
"""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bandplan.stub import process
from tests.e2e.conftest import FleetProject
from tests.e2e.in_process import ROOT, FleetInProcess
from tests.e2e.test_options import BANDS, CASES, LEGACY, UNITS, entities, models

Edit = Callable[[FleetProject, str], Any]

BEHAVIOURS: dict[str, dict[str, bool]] = {
    "as clients need it": {},
    "as seen on the platform": {
        "shows_burst_scaling": False,
        "shows_budget_policy": True,
        "fills_in_table_prefix": True,
        "resets_scale_to_zero": True,
    },
}
BOTH = pytest.mark.parametrize("behaviour", BEHAVIOURS)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Running]:
    folder = tmp_path_factory.mktemp("workspace")
    yield process.start(folder, settle="at-once")
    process.stop(folder)


@pytest.fixture
def fleet(tmp_path: Path, workspace: process.Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[FleetInProcess]:
    project = FleetInProcess(tmp_path / "fleet", workspace, monkeypatch)
    yield project
    project.request("DELETE", "/stub/behaviour")
    for name in project.endpoint_names():
        project.request("DELETE", f"{ROOT}/{name}")


def behaving(fleet: FleetInProcess, behaviour: str) -> None:
    fleet.request("PATCH", "/stub/behaviour", BEHAVIOURS[behaviour])


def left_to_do(fleet: FleetInProcess) -> dict[str, Any]:
    """What a preview would do, with --refresh and without, and what drift finds."""
    found = {"preview": fleet.changes(), "preview --refresh": fleet.changes("--refresh"), "drift": fleet.drifted()}
    return {look: changes for look, changes in found.items() if changes}


@BOTH
def test_every_option_set_changed_and_taken_away_leaves_nothing_to_do(fleet: FleetInProcess, behaviour: str) -> None:
    behaving(fleet, behaviour)
    for deploy in range(3):
        fleet.write_models(models(deploy))
        fleet.up()
        assert left_to_do(fleet) == {}, f"after deploy {deploy} of {', '.join(CASES)}"


# ---------------------------------------------------------------------- by hand

GATEWAY = {
    "usage_tracking_config": {"enabled": True},
    "rate_limits": [{"calls": 10, "key": "user", "renewal_period": "minute"}],
    "guardrails": {
        "input": {"safety": True, "invalid_keywords": ["a"], "pii": {"behavior": "MASK"}},
        "output": {"valid_topics": ["cooking"]},
    },
    "inference_table_config": {"enabled": True, "catalog_name": "m", "schema_name": "d", "table_name_prefix": "p"},
    "fallback_config": {"enabled": False},
}
RICH = {
    "tags": {"team": "x"},
    "ai_gateway": GATEWAY,
    "notifications": {"on_update_failure": ["a@example.com"]},
    "permissions": [{"group_name": "apps", "permission_level": "CAN_QUERY"}],
}
BURST = {**UNITS, "throughput": {"model_units": 50, "burst": True}}
BASES: dict[str, dict[str, Any]] = {
    "bands": BANDS,
    "floor0": {**BANDS, "throughput": {"bands": {"min": 0, "max": 2}}},
    "split": {key: value for key, value in {**BANDS, **entities(one=90, two=10)}.items() if value is not None},
    "limits": {**BANDS, "rate_limits": [{"calls": 5}]},
    "rich": {**BANDS, **RICH},
    "units": UNITS,
    "burst": BURST,
    "classic": {**UNITS, "description": "model units of the classic API"},
    "richunits": {**UNITS, **RICH},
    "legacy": LEGACY,
}


def config(change: Callable[[dict[str, Any]], Any]) -> Edit:
    """The whole config as it is, with one difference."""

    def act(fleet: FleetProject, name: str) -> None:
        live = fleet.endpoint(name)["config"]
        left_out = ("state", "creator", "creation_timestamp")
        served = [{k: v for k, v in one.items() if k not in left_out} for one in live["served_entities"]]
        body = {"served_entities": served, "traffic_config": copy.deepcopy(live["traffic_config"])}
        change(body)
        fleet.request("PUT", f"{ROOT}/{name}/config", body)
        fleet.settled(name)

    return act


def entity(**fields: Any) -> Edit:
    """The first entity, with these fields; None takes one away."""

    def change(body: dict[str, Any]) -> None:
        stated = {**body["served_entities"][0], **fields}
        body["served_entities"][0] = {key: value for key, value in stated.items() if value is not None}

    return config(change)


def rename(body: dict[str, Any]) -> None:
    body["served_entities"][0]["name"] = "other"
    body["traffic_config"] = {"routes": [{"served_entity_name": "other", "traffic_percentage": 100}]}


def one_more(body: dict[str, Any]) -> None:
    first = body["served_entities"][0]
    body["served_entities"].append({**first, "name": "extra"})
    body["traffic_config"] = {
        "routes": [{"served_entity_name": name, "traffic_percentage": 50} for name in (first["name"], "extra")]
    }


def other_shares(body: dict[str, Any]) -> None:
    first, second = body["traffic_config"]["routes"]
    first["traffic_percentage"], second["traffic_percentage"] = (
        second["traffic_percentage"],
        first["traffic_percentage"],
    )


def inference_log(body: dict[str, Any]) -> None:
    table = {"catalog_name": "m", "schema_name": "d", "table_name_prefix": "p"}
    body["auto_capture_config"] = {**table, "enabled": True}


def call(method: str, path: str, body: Any) -> Edit:
    return lambda fleet, name: fleet.request(method, f"{ROOT}/{name}/{path}", body)


def gateway(**changes: Any) -> Edit:
    stated = {key: value for key, value in {**GATEWAY, **changes}.items() if value is not None}
    return call("PUT", "ai-gateway", stated)


def rights(method: str, *entries: dict[str, str]) -> Edit:
    def act(fleet: FleetProject, name: str) -> None:
        identity = fleet.endpoint(name)["id"]
        path = f"/api/2.0/permissions/serving-endpoints/{identity}"
        fleet.request(method, path, {"access_control_list": list(entries)})

    return act


def minute(**limit: Any) -> dict[str, Any]:
    return {**limit, "renewal_period": "minute"}


# What is edited, on which bases, and whether a look for drift says so: "-" is what deploys leave alone, or cannot know.
EDITS: dict[str, tuple[Edit, str, str]] = {
    "ceiling": (entity(max_provisioned_throughput=2940), "bands", "drift"),
    "floor": (entity(min_provisioned_throughput=0), "bands", "drift"),
    "no-floor": (entity(min_provisioned_throughput=None), "bands", "drift"),
    "a-floor": (entity(min_provisioned_throughput=980), "floor0", "drift"),
    "model-units": (entity(provisioned_model_units=100), "units burst classic", "drift"),
    "burst-on": (entity(burst_scaling_enabled=True), "bands units classic", "-"),
    "burst-off": (entity(burst_scaling_enabled=False), "bands units", "-"),
    "scale-to-zero": (entity(scale_to_zero_enabled=True), "bands units classic", "-"),
    "idle": (entity(workload_type="CPU", scale_to_zero_enabled=True), "legacy", "drift"),
    "size": (entity(workload_size="Large"), "legacy", "drift"),
    "type": (entity(workload_type="GPU_LARGE_2"), "legacy", "drift"),
    "concurrency": (
        entity(workload_size=None, min_provisioned_concurrency=4, max_provisioned_concurrency=8),
        "legacy",
        "drift",
    ),
    "variables": (entity(environment_vars={"A": "b"}), "bands legacy", "drift"),
    "role": (entity(instance_profile_arn="arn:aws:iam::1:instance-profile/x"), "bands legacy", "drift"),
    "version": (entity(entity_version="2"), "split", "drift"),
    "name": (config(rename), "bands units legacy", "drift"),
    "one-more": (config(one_more), "bands units", "drift"),
    "shares": (config(other_shares), "split", "drift"),
    "inference-log": (config(inference_log), "bands legacy", "-"),
    "tag-added": (call("PATCH", "tags", {"add_tags": [{"key": "k", "value": "v"}]}), "bands rich units legacy", "-"),
    "tag-changed": (call("PATCH", "tags", {"add_tags": [{"key": "team", "value": "y"}]}), "rich richunits", "drift"),
    "tag-gone": (call("PATCH", "tags", {"delete_tags": ["team"]}), "rich richunits", "drift"),
    "mail-added": (
        call("PATCH", "notifications", {"email_notifications": {"on_update_success": ["b@example.com"]}}),
        "bands rich units legacy",
        "drift",
    ),
    "mail-gone": (call("PATCH", "notifications", {"email_notifications": {}}), "rich richunits", "drift"),
    "old-limits": (call("PUT", "rate-limits", {"rate_limits": [minute(calls=7, key="user")]}), "bands limits", "-"),
    "no-old-limits": (call("PUT", "rate-limits", {"rate_limits": []}), "limits", "-"),
    "telemetry": (
        call("PATCH", "telemetry-config", {"telemetry_config": {"table_names": {"logs_table": "m.d.l"}}}),
        "bands classic rich legacy",
        "-",
    ),
    "gateway-added": (
        call("PUT", "ai-gateway", {"usage_tracking_config": {"enabled": True}}),
        "bands units legacy",
        "drift",
    ),
    "gateway-gone": (call("PUT", "ai-gateway", {}), "rich richunits", "drift"),
    "usage": (gateway(usage_tracking_config={"enabled": False}), "rich richunits", "drift"),
    "limit-0": (gateway(rate_limits=[minute(calls=0, key="user")]), "rich richunits", "drift"),
    "limit-more": (
        gateway(rate_limits=[minute(calls=10, key="user"), minute(tokens=5, key="endpoint")]),
        "rich richunits",
        "drift",
    ),
    "fallback": (gateway(fallback_config={"enabled": True}), "rich richunits", "drift"),
    "table-gone": (gateway(inference_table_config=None), "rich richunits", "drift"),
    "table-off": (
        gateway(inference_table_config={**GATEWAY["inference_table_config"], "enabled": False}),  # type: ignore[dict-item]
        "rich",
        "drift",
    ),
    "guardrails": (gateway(guardrails={"output": {"safety": True}}), "rich richunits", "drift"),
    "guardrails-gone": (gateway(guardrails=None), "rich richunits", "drift"),
    "right-given": (
        rights("PATCH", {"group_name": "interns", "permission_level": "CAN_MANAGE"}),
        "rich richunits",
        "drift",
    ),
    "right-unmanaged": (rights("PATCH", {"group_name": "interns", "permission_level": "CAN_MANAGE"}), "bands", "-"),
    "right-raised": (rights("PATCH", {"group_name": "apps", "permission_level": "CAN_MANAGE"}), "rich", "drift"),
    "right-gone": (
        rights("PUT", {"user_name": "developer@bandplan.example", "permission_level": "CAN_MANAGE"}),
        "rich richunits",
        "drift",
    ),
    "deleted": (lambda fleet, name: fleet.request("DELETE", f"{ROOT}/{name}"), "bands units rich legacy", "drift"),
}

FAMILIES = ("bands floor0 split limits", "rich", "units burst classic richunits", "legacy")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_field_edited_by_hand_leaves_nothing_to_do_after_up_with_refresh(
    fleet: FleetInProcess, family: str
) -> None:
    cases = {
        f"{base}-{edit}": (base, act, seen)
        for edit, (act, bases, seen) in EDITS.items()
        for base in bases.split()
        if base in family.split()
    }
    fleet.declare(*({"name": name, **BASES[base]} for name, (base, _, _) in cases.items()))
    fleet.up()
    assert left_to_do(fleet) == {}
    identity = {name: fleet.endpoint(name)["id"] for name in cases}

    for name, (_, act, _) in cases.items():
        act(fleet, name)

    assert sorted(fleet.drifted()) == sorted(name for name, (_, _, seen) in cases.items() if seen == "drift")
    fleet.up("--refresh")
    assert left_to_do(fleet) == {}
    replaced = {name for name in cases if fleet.endpoint(name)["id"] != identity[name]}
    assert replaced == {name for name in cases if name.endswith("-deleted")}


# ---------------------------------------------------------------------- adopted

LLAMA = {
    "entity_name": "system.ai.llama_v3_3_70b_instruct",
    "entity_version": "1",
    "min_provisioned_throughput": 980,
    "max_provisioned_throughput": 1960,
}
MAVERICK = {"entity_name": "system.ai.llama-4-maverick", "entity_version": "1", "provisioned_model_units": 50}
MPT = {
    "model_name": "system.ai.mpt_7b_instruct",
    "model_version": "1",
    "workload_type": "GPU_LARGE",
    "workload_size": "Small",
    "scale_to_zero_enabled": False,
}
TABLE = {"catalog_name": "m", "schema_name": "d", "table_name_prefix": "p"}


def serving(*served: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """The body of a create; `routes` and `auto_capture_config` belong to the config."""
    body: dict[str, Any] = {"served_entities": list(served)}
    if "routes" in settings:
        body["traffic_config"] = {"routes": settings.pop("routes")}
    if "auto_capture_config" in settings:
        body["auto_capture_config"] = settings.pop("auto_capture_config")
    return {"config": body, **settings}


def legacy(**fields: Any) -> dict[str, Any]:
    return {"config": {"served_models": [{**MPT, **fields}]}}


BGE = {"entity_name": "system.ai.bge_large_en_v1_5", "entity_version": "1", "max_provisioned_throughput": 2720}
EMPTY = "version: 1\nmodels: []\n"
MADE: dict[str, dict[str, Any]] = {
    "plain": serving(LLAMA),
    "no-floor": serving({**BGE, "name": "connectors-bge"}),
    "floor-to-zero": serving({**BGE, "name": "connectors-bge", "scale_to_zero_enabled": True}),
    "to-zero": serving({**LLAMA, "scale_to_zero_enabled": True}),
    "not-to-zero": serving({**LLAMA, "scale_to_zero_enabled": False}),
    "burst-of-a-band": serving({**LLAMA, "burst_scaling_enabled": True}),
    "own-name": serving({**LLAMA, "name": "x"}, routes=[{"served_entity_name": "x", "traffic_percentage": 100}]),
    "gateway": serving(LLAMA, ai_gateway=GATEWAY),
    "gateway-off": serving(LLAMA, ai_gateway={"usage_tracking_config": {"enabled": False}}),
    "gateway-empty": serving(LLAMA, ai_gateway={"usage_tracking_config": {}}),
    "table-off": serving(LLAMA, ai_gateway={"inference_table_config": {**TABLE, "enabled": False}}),
    "token-limit": serving(
        LLAMA,
        ai_gateway={
            "rate_limits": [minute(tokens=5, key="service_principal", principal="b1f0c2d4-0000-4000-8000-000000000000")]
        },
    ),
    "old-limits": serving(LLAMA, rate_limits=[minute(calls=5, key="user")]),
    "route-optimized": serving(LLAMA, route_optimized=True),
    "description": serving(LLAMA, description="Answers"),
    "no-description": serving(LLAMA, description=""),
    "mail": serving(LLAMA, email_notifications={"on_update_failure": ["a@example.com"], "on_update_success": []}),
    "no-mail": serving(LLAMA, email_notifications={}),
    "budget": serving(LLAMA, budget_policy_id="b1f0c2d4-0000-4000-8000-000000000000"),
    "tags": serving(LLAMA, tags=[{"key": "a"}, {"key": "b", "value": "c"}]),
    "telemetry": serving(LLAMA, telemetry_config={"table_names": {"logs_table": "m.d.l"}}),
    "log-off": serving(LLAMA, auto_capture_config={**TABLE, "enabled": False}),
    "shares": serving(
        {**LLAMA, "name": "x"},
        {**LLAMA, "name": "y"},
        routes=[
            {"served_entity_name": "y", "traffic_percentage": 100},
            {"served_entity_name": "x", "traffic_percentage": 0},
        ],
    ),
    "units": serving(MAVERICK, description="of the classic API"),
    "units-to-zero": serving({**MAVERICK, "scale_to_zero_enabled": True}),
    "pt-units": serving(MAVERICK),
    "pt-burst": serving({**MAVERICK, "burst_scaling_enabled": True}),
    "pt-gateway": serving(MAVERICK, ai_gateway=GATEWAY),
    "pt-mail": serving(MAVERICK, email_notifications={"on_update_failure": ["a@example.com"]}),
    "pt-tags": serving(MAVERICK, tags=[{"key": "a"}]),
    "legacy": legacy(),
    "legacy-large": legacy(workload_size="Large"),
    "legacy-entities": serving({**{k.replace("model_", "entity_"): v for k, v in MPT.items()}}),
}
LEFT_ALONE = {
    "variables": (serving({**LLAMA, "environment_vars": {"A": "b"}}), "environment_vars"),
    "role": (serving({**LLAMA, "instance_profile_arn": "arn:aws:iam::1:instance-profile/x"}), "instance_profile_arn"),
    "log": (serving(LLAMA, auto_capture_config={**TABLE, "enabled": True}), "auto_capture_config"),
    "legacy-variables": (legacy(environment_vars={"A": "b"}), "environment_vars"),
    "nothing": ({}, "serves nothing"),
    "external": (
        serving({"external_model": {"name": "gpt-4o", "provider": "openai", "task": "llm/v1/chat"}}),
        "external model (openai)",
    ),
}
ONCE = {
    "rate limit of its AI gateway has no key": serving(LLAMA, ai_gateway={"rate_limits": [minute(calls=5)]}),
    "its routes name served models": serving(
        {**LLAMA, "name": "x"}, routes=[{"served_model_name": "x", "traffic_percentage": 100}]
    ),
    "x has no route": serving(
        {**LLAMA, "name": "x"}, {**LLAMA, "name": "y"}, routes=[{"served_entity_name": "y", "traffic_percentage": 100}]
    ),
}


def make(fleet: FleetProject, made: dict[str, dict[str, Any]]) -> None:
    for name, body in made.items():
        fleet.request("POST", f"{ROOT}/pt" if name.startswith("pt-") else ROOT, {"name": name, **body})
        fleet.settled(name)


@BOTH
def test_every_field_of_an_endpoint_that_is_adopted_leaves_nothing_to_do_and_the_others_say_why(
    fleet: FleetInProcess, behaviour: str
) -> None:
    behaving(fleet, behaviour)
    make(fleet, MADE | {name: body for name, (body, _) in LEFT_ALONE.items()})
    access = {"group_name": "apps", "permission_level": "CAN_QUERY"}
    for name in ("plain", "pt-units", "legacy"):
        rights("PUT", access)(fleet, name)
    before = {name: fleet.endpoint(name) for name in fleet.endpoint_names()}
    fleet.write_models(EMPTY)

    said = fleet.ok("adopt", "--all", "--write")

    assert "the next preview is empty" in said
    assert left_to_do(fleet) == {}
    assert {entry["name"] for entry in fleet.drift()["endpoints"]} == set(MADE)
    for name, (_, reason) in LEFT_ALONE.items():
        assert any(line.startswith(f"  {name}: ") and reason in line for line in said.splitlines()), name
    assert "telemetry: its telemetry_config is left unchanged" in said
    is_shown = not BEHAVIOURS[behaviour].get("resets_scale_to_zero")
    assert ("to-zero: llama_v3_3_70b_instruct-1: scale_to_zero_enabled is left unchanged" in said) is is_shown
    fleet.up("--refresh")
    assert {name: fleet.endpoint(name) for name in before} == before


def test_what_adoption_cannot_say_in_the_words_of_the_workspace_is_written_once(fleet: FleetInProcess) -> None:
    make(fleet, {f"once-{number}": body for number, body in enumerate(ONCE.values())})
    fleet.write_models(EMPTY)

    said = fleet.ok("adopt", "--all", "--write")

    assert all(f"once-{number}: {reason}" in said.replace(": a rate", ": rate") for number, reason in enumerate(ONCE))
    assert fleet.changes() == {} and fleet.drifted() == {}
    fleet.up("--refresh")
    assert left_to_do(fleet) == {}


def test_two_looks_are_the_same_document_whatever_ran_between(fleet: FleetInProcess) -> None:
    fleet.declare({"name": "chat", **BASES["rich"]})
    fleet.up()
    first = fleet.drift()
    fleet.up("--refresh")
    assert json.dumps(fleet.drift()) == json.dumps(first)


# ---------------------------------------------------------------------- an update that fails


def ceilings(fleet: FleetInProcess) -> dict[str, Any]:
    """What the state says of the ceiling in tokens/s: of each endpoint's component, in the stack's output, of the fleet."""
    resources = fleet.state()["resources"]
    (stack,) = [one for one in resources if one["type"] == "pulumi:pulumi:Stack"]
    components = {
        one["urn"].rsplit("::", 1)[-1]: one["inputs"] for one in resources if not one["custom"] and one.get("inputs")
    }
    found = {name: inputs["ceilingTokensPerSecond"] for name, inputs in components.items()}
    return found | {f"output {one['name']}": one["ceiling_tokens_per_second"] for one in stack["outputs"]["endpoints"]}


def test_failed_update_leaves_nothing_in_the_state_that_never_was(fleet: FleetInProcess) -> None:
    chat, more = {"name": "chat", **BANDS}, {**BANDS, "throughput": {"bands": {"min": 1, "max": 4}}}
    fleet.declare(chat, {"name": "calm", **BANDS})
    fleet.up()
    before = ceilings(fleet)
    # Two chunks of 980 each.
    assert before == {"fleet": 3920, "chat": 1960, "calm": 1960, "output chat": 1960, "output calm": 1960}
    fleet.request("POST", "/stub/faults", {"endpoint": "chat", "reason": "broken image", "operation": "update"})
    fleet.declare({"name": "chat", **more}, {"name": "calm", **BANDS}, {"name": "new", **BANDS})

    status, out, _ = fleet.command("up", "--yes", "--no-query", "--parallel", "1")

    assert status == 1 and "broken image" in out
    after = ceilings(fleet)
    assert {name: after[name] for name in before} == before
    (step,) = [one for one in fleet.plan()["steps"] if one["urn"].endswith("Endpoint::chat")]
    ceiling = [step[side]["inputs"]["ceilingTokensPerSecond"] for side in ("oldState", "newState")]
    assert (step["op"], ceiling) == ("update", [1960, 3920])
    fleet.up()
    assert ceilings(fleet)["output chat"] == 3920
    assert left_to_do(fleet) == {}


# ---------------------------------------------------------------------- fields that came last week

NEW = "new_since_last_week"


def has_new_fields(fleet: FleetInProcess, name: str) -> dict[str, bool]:
    live = fleet.endpoint(name)
    parts = {"config": live["config"], "entity": live["config"]["served_entities"][0], "ai_gateway": live["ai_gateway"]}
    return {part: NEW in value for part, value in parts.items()}


def test_fields_of_the_api_that_are_new_are_adopted_kept_and_said_where_they_would_be_lost(
    fleet: FleetInProcess,
) -> None:
    make(fleet, {name: serving(LLAMA, ai_gateway=GATEWAY) for name in ("calm", "edited", "changed")})
    make(fleet, {"pt-units": serving(MAVERICK, ai_gateway=GATEWAY)})
    fleet.request("PATCH", "/stub/behaviour", {"adds_new_fields": True})
    fleet.write_models(EMPTY)
    before = {name: fleet.endpoint(name) for name in fleet.endpoint_names()}

    said = fleet.ok("adopt", "--all", "--write")

    (note,) = [line for line in said.splitlines() if line.startswith("  calm: ")]
    assert (
        f"ai_gateway/{NEW}, {NEW}, config/{NEW}, " in note and "bandplan does not know; they are left unchanged" in note
    )
    assert left_to_do(fleet) == {}
    fleet.up("--refresh")
    assert {name: fleet.endpoint(name) for name in before} == before

    # By hand, with all fields; what the guard sends to correct it has them too.
    new = {NEW: {"mode": "auto"}}
    live = fleet.endpoint("edited")["config"]["served_entities"][0]
    named = {**LLAMA, "name": live["name"], "max_provisioned_throughput": 2940, **new}
    fleet.request("PUT", f"{ROOT}/edited/config", {"served_entities": [named], **new})
    fleet.settled("edited")
    fleet.request("PUT", f"{ROOT}/edited/ai-gateway", {**GATEWAY, "rate_limits": [], **new})
    fleet.up()
    assert fleet.endpoint("edited")["config"]["served_entities"][0]["max_provisioned_throughput"] == 1960
    assert has_new_fields(fleet, "edited") == {"config": True, "entity": True, "ai_gateway": True}
    assert left_to_do(fleet) == {}

    # What the program changes goes through the published provider, which does not know them.
    wanted = yaml.safe_load(fleet.models)
    (changed,) = [entry for entry in wanted["models"] if entry["name"] == "changed"]
    changed["throughput"] = {"bands": {"min": 1, "max": 3}}
    fleet.write_models(json.dumps(wanted))
    shown = fleet.ok("preview")
    assert f"entities/llama_v3_3_70b_instruct-1/{NEW}, config/{NEW} may be lost" in shown
    fleet.up()
    assert has_new_fields(fleet, "changed") == {"config": False, "entity": False, "ai_gateway": True}
    assert left_to_do(fleet) == {}
