"""An unmanaged workspace is taken over with an empty first preview, and without one write to it."""

import json
import shutil
from random import Random
from typing import Any

import pytest
import yaml

from tests.e2e.conftest import FleetProject, by_name
from tests.e2e.recording_proxy import RecordingProxy

ROOT = "/api/2.0/serving-endpoints"
LLAMA = "system.ai.llama_v3_3_70b_instruct"
LLAMA_2 = "system.ai.meta_llama_v3_3_70b_instruct"
EMPTY = "# Ours.\nversion: 1\nmodels: []\n"


def band(model: str, low: int, high: int, **more: Any) -> dict[str, Any]:
    capacity = {"min_provisioned_throughput": low, "max_provisioned_throughput": high}
    return {"entity_name": model, "entity_version": "1", **capacity, **more}


def make(fleet: FleetProject, name: str, *entities: dict[str, Any], pt: bool = False, **settings: Any) -> str:
    """As somebody makes an endpoint by hand; its id."""
    config = {"served_entities": list(entities), **settings.pop("config", {})}
    made = fleet.request("POST", f"{ROOT}/pt" if pt else ROOT, {"name": name, "config": config, **settings})
    fleet.request("POST", f"/stub/endpoints/{name}/settle")
    return str(made["id"])


def make_everything(fleet: FleetProject) -> None:
    """One endpoint of each kind that a workspace may have."""
    make(fleet, "plain", band(LLAMA, 980, 1960))
    routes = [
        {"served_model_name": "next", "traffic_percentage": 10},
        {"served_model_name": "current", "traffic_percentage": 90},
    ]
    rich = make(
        fleet,
        "rich",
        band(LLAMA_2, 0, 1960, name="current"),
        {**band(LLAMA_2, 0, 980, name="next"), "entity_version": "2"},
        config={"traffic_config": {"routes": routes}},
        description='Answers: yes # "no" — é',
        tags=[{"key": "team", "value": "yes"}, {"key": "cost: centre", "value": "0012"}, {"key": "empty"}],
        ai_gateway={
            "usage_tracking_config": {"enabled": True},
            "rate_limits": [{"calls": 100, "key": "user", "renewal_period": "minute"}],
            "inference_table_config": {"enabled": True, "catalog_name": "ml", "schema_name": "logs"},
        },
        email_notifications={"on_update_failure": ["oncall@example.com"]},
    )
    access = [
        {"group_name": "support apps", "permission_level": "CAN_QUERY"},
        {"user_name": "ana@example.com", "permission_level": "CAN_VIEW"},
    ]
    fleet.request("PUT", f"/api/2.0/permissions/serving-endpoints/{rich}", {"access_control_list": access})
    units = {"entity_name": "system.ai.llama-4-maverick", "entity_version": "1", "provisioned_model_units": 50}
    make(fleet, "units", {**units, "burst_scaling_enabled": True}, pt=True)
    make(fleet, "units-told", units, description="Made with the classic API")
    legacy = {"model_name": "system.ai.mpt_7b_instruct", "model_version": "1", "workload_size": "Small"}
    legacy |= {"workload_type": "GPU_LARGE", "scale_to_zero_enabled": False}
    make(fleet, "legacy", config={"served_entities": [], "served_models": [legacy]})
    make(fleet, "fast", band("system.ai.gte_large_en_v1_5", 980, 1960), route_optimized=True)
    external = {"name": "gpt-4o", "provider": "openai", "task": "llm/v1/chat", "openai_config": {"openai_api_key": "x"}}
    make(fleet, "external", {"name": "gpt", "external_model": external})


OURS = {"plain", "rich", "units", "units-told", "legacy", "fast"}


def whole_workspace(fleet: FleetProject) -> dict[str, Any]:
    """Everything that the workspace says of every endpoint, its time of the last change too."""
    found = {}
    for name in fleet.endpoint_names():
        live = fleet.endpoint(name)
        found[name] = (live, fleet.request("GET", f"/api/2.0/permissions/serving-endpoints/{live['id']}"))
    return found


def test_unmanaged_workspace_is_adopted_with_an_empty_first_preview_and_s28_migrated_in_place(
    fleet: FleetProject, engine: str
) -> None:
    fleet.write_models(EMPTY)
    fleet.bandplan("stub", "start")
    make_everything(fleet)
    before = whole_workspace(fleet)

    shown = fleet.bandplan("adopt", "--all", "--engine", engine)
    assert fleet.models == EMPTY  # without --write the diff is all there is
    said = fleet.bandplan("adopt", "--all", "--write", "--engine", engine)

    assert "+  - name: rich" in shown and "external model (openai)" in shown
    assert "the next preview is empty" in said
    assert fleet.models.startswith("# Ours.\nversion: 1\nmodels:\n")
    assert {entry["name"] for entry in yaml.safe_load(fleet.models)["models"]} == OURS
    assert by_name(fleet.preview(engine)) == {}
    assert "unchanged" in fleet.bandplan("up", "--engine", engine, "--no-query")
    assert whole_workspace(fleet) == before
    assert json.loads(fleet.bandplan("drift", "--json"))["summary"]["drifted"] == 0

    shown = fleet.bandplan("migrate")
    fleet.bandplan("migrate", "--write")

    assert "+    throughput: {bands: {min: 1, max: 1}}" in shown and "in place" in shown
    written = f'model: {LLAMA}\n    version: "1"\n    throughput: {{bands: {{min: 1, max: %s}}}}'
    fleet.edit(written % 2, written % 3)
    plan = by_name(fleet.preview(engine))
    assert (plan["ModelServing legacy"], plan["ModelServing plain"]) == ("update", "update")
    fleet.bandplan("up", "--engine", engine, "--no-query")
    # 3 chunks of 980, and the one chunk of 880 that a legacy workload without a demand becomes.
    for name, ceiling in (("plain", 2940), ("legacy", 880)):
        live = fleet.endpoint(name)
        assert live["id"] == before[name][0]["id"]
        assert live["config"]["served_entities"][0]["max_provisioned_throughput"] == ceiling
    assert by_name(fleet.preview(engine)) == {}


def test_the_platforms_own_endpoints_are_nobodys_business(fleet: FleetProject) -> None:
    fleet.write_models(EMPTY)
    fleet.bandplan("stub", "start", "--settle", "at-once")
    fleet.request("PATCH", "/stub/behaviour", {"lists_pay_per_token": True})
    make(fleet, "plain", band(LLAMA, 980, 1960))

    there = fleet.bandplan("adopt")
    refused = fleet.run("adopt", "databricks-gte-large-en")
    fleet.bandplan("adopt", "--all", "--write")
    found = json.loads(fleet.bandplan("drift", "--json"))

    assert "plain" in there and "databricks-" not in there
    assert "pay-per-token endpoint that Databricks manages" in refused.stdout + refused.stderr
    assert (found["summary"]["drifted"], found["unmanaged"]) == (0, [])
    assert "unchanged" in fleet.bandplan("up", "--no-query")


def test_adoption_sends_nothing_but_get_and_keeps_what_the_stack_has(fleet: FleetProject) -> None:
    managed = f'version: 1\nmodels:\n  - {{name: ours, task: llm/v1/chat, model: {LLAMA}, version: "1", throughput: {{bands: {{min: 1, max: 1}}}}}}\n'
    fleet.write_models(
        managed + "defaults:\n  tags: {team: ml}\n  budget_policy_id: b1f0c2d4-0000-4000-8000-000000000001\n"
    )
    fleet.bandplan("stub", "start", "--settle", "at-once")
    proxy = RecordingProxy(fleet.workspace.host)
    remote = {"DATABRICKS_HOST": proxy.host, "DATABRICKS_TOKEN": fleet.workspace.token}
    stack = ("--stack", "dev", "--engine", "embedded")
    try:
        fleet.bandplan("up", *stack, "--yes", "--no-query", **remote)
        make_everything(fleet)
        # A change that waits must go on waiting: taking over deploys nothing.
        fleet.edit("bands: {min: 1, max: 1}", "bands: {min: 1, max: 2}")
        proxy.seen.clear()

        said = fleet.bandplan("adopt", "rich", "units", "--write", *stack, **remote)
        plan = json.loads(fleet.bandplan("preview", "--json", *stack, **remote))

        assert proxy.methods == {"GET"}
        assert "taken over: rich, units" in said and "update ours" in said
        waiting = by_name(plan)
        assert set(waiting) == {"Fleet fleet", "Endpoint ours", "ModelServing ours", "EndpointReady ours-ready"}
        # The defaults of the file stay away from what is live without them, in this stack alone.
        overrides = yaml.safe_load(fleet.models)["overrides"]
        assert overrides == {
            "dev": {"rich": {"budget_policy_id": None}, "units": {"tags": None, "budget_policy_id": None}}
        }
        again = fleet.run("adopt", "rich", *stack, **remote)
        assert again.returncode == 2 and "already in the stack" in again.stderr
    finally:
        proxy.close()


# ---------------------------------------------------------------------- any fleet


def some_text(random: Random) -> str:
    letters = "abz09_- .:,;#&*!|>'\"%@`{}[]?~\\éßж字😀"
    text = "".join(random.choice(letters) for _ in range(random.randint(1, 12))).strip()
    return random.choice([text or "x", "yes", "null", "0012", "1e3", "2026-01-31", "- a", "a: b", "x #y"])


def some_band(random: Random) -> dict[str, Any]:
    low = random.randint(0, 3)
    return {"bands": {"min": low, "max": max(1, low + random.randint(0, 3))}}


def some_capacity(random: Random) -> dict[str, Any]:
    """Task, models and capacity of one of the kinds that an entry may have."""
    share = random.randint(0, 100)
    return random.choice(
        [
            {"task": "llm/v1/chat", "model": LLAMA, "version": "1", "throughput": some_band(random)},
            {"task": "llm/v1/embeddings", "model": "system.ai.gte_large_en_v1_5", "version": "1", "throughput": some_band(random)},
            {"task": "llm/v1/completions", "model": "system.ai.mpt_7b_instruct", "version": "1", "throughput": some_band(random)},
            {"task": "llm/v1/chat", "model": "system.ai.llama-4-maverick", "version": "1", "throughput": {"model_units": 100}},
            {
                "task": "llm/v1/completions", "model": "system.ai.mpt_7b_instruct", "version": "1", "allow_legacy": True,
                "workload": {"type": "GPU_LARGE", "size": "Medium", "parameters_billion": 7},
            },
            {
                "task": "llm/v1/chat",
                "entities": [
                    {"name": name, "model": LLAMA_2, "version": version, "throughput": some_band(random), "traffic_percent": part}
                    for name, version, part in (("champion", "1", share), ("challenger", "2", 100 - share))
                ],
            },
        ]
    )  # fmt: skip


def some_settings(random: Random) -> dict[str, Any]:
    groups = random.sample(["a", "b c", "yes"], random.randint(1, 3))
    found = {
        "description": some_text(random),
        "tags": {some_text(random): random.choice(["", some_text(random)]) for _ in range(random.randint(1, 3))},
        "permissions": [{"group_name": group, "permission_level": "CAN_QUERY"} for group in groups],
        "notifications": {"on_update_success": ["a@example.com"]},
        "ai_gateway": random.choice(
            [
                {"usage_tracking_config": {"enabled": True}},
                {"rate_limits": [{"calls": 5, "key": "user"}]},
                {"guardrails": {"input": {"pii": {"behavior": "MASK"}, "invalid_keywords": ["no", "1"]}}},
            ]
        ),
        "route_optimized": True,
    }
    return {name: value for name, value in found.items() if random.random() < 0.4}


def some_fleet(random: Random, count: int) -> list[dict[str, Any]]:
    names = [f"{random.choice(['chat', 'A_b', '0', '1e'])}-{index}" for index in range(count)]
    return [{"name": name, **some_capacity(random), **some_settings(random)} for name in names]


def recorded(fleet: FleetProject) -> tuple[Any, dict[str, Any]]:
    """The sizings that the stack states, and what each guard declares, tags without their order."""
    state = json.loads(fleet.bandplan("stack", "export", "--engine", "embedded"))
    resources = state["deployment"]["resources"]
    (outputs,) = [one["outputs"]["endpoints"] for one in resources if one["type"] == "pulumi:pulumi:Stack"]
    guards = {one["id"]: one["inputs"]["declared"] for one in resources if one["type"].endswith(":EndpointReady")}
    return sorted(outputs, key=lambda one: str(one["name"])), guards


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [20261122])
def test_any_fleet_deployed_and_adopted_from_nothing_is_the_same_fleet(fleet: FleetProject, seed: int) -> None:
    models = some_fleet(Random(seed), 40)
    fleet.write_models(json.dumps({"version": 1, "models": models}, ensure_ascii=False))
    fleet.bandplan("stub", "start", "--settle", "at-once")
    fleet.bandplan("up", "--engine", "embedded", "--no-query")
    before = recorded(fleet)
    shutil.rmtree(fleet.root / ".bandplan" / "state")
    (fleet.root / "models.yaml").unlink()

    said = fleet.bandplan("adopt", "--all", "--write", "--engine", "embedded")

    assert "the next preview is empty" in said and "skipped" not in said
    assert by_name(fleet.preview("embedded")) == {}
    assert recorded(fleet) == before
    # The file alone is enough, as on another machine: then only the state is written.
    written = fleet.models
    shutil.rmtree(fleet.root / ".bandplan" / "state")
    assert "the next preview is empty" in fleet.bandplan("adopt", "--all", "--write", "--engine", "embedded")
    assert fleet.models == written
