"""The `pulumi` CLI with the published databricks plugin: a plain program, and bandplan's own in place of the stand-in.

The plugin is looked for on PATH and among those that the CLI has installed; nothing is downloaded.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bandplan.stub import process
from tests.contract.commands import CATALOG, SCHEMA, Command, command, found, needs
from tests.contract.target import ENDPOINTS, Target
from tests.e2e.conftest import FleetProject, by_name, plan_of

NAME = "pulumi-resource-databricks"


def plugin_folder() -> Path | None:
    """Where the published plugin lies: on PATH, else the newest that the CLI has installed."""
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    installed = sorted(home.glob(f"plugins/resource-databricks-v*/{NAME}"), key=lambda path: path.stat().st_mtime)
    on_path = found(NAME)
    candidates = [*([Path(on_path)] if on_path else []), *reversed(installed)]
    # A script of that name is a stand-in: the published plugin is a program.
    return next((path.parent for path in candidates if path.read_bytes()[:2] != b"#!"), None)


PLUGIN_FOLDER = plugin_folder()
pytestmark = [
    *needs("pulumi"),
    pytest.mark.skipif(PLUGIN_FOLDER is None, reason=f"no published `{NAME}`, neither on PATH nor installed"),
]

PROGRAM = """
import json, os, pulumi


class Resource(pulumi.CustomResource):
    def __init__(self, token, name, properties):
        outputs = {"servingEndpointId": None} if token.endswith(":ModelServing") else {}
        super().__init__(token, name, {**outputs, **properties})


made = {}
for name, (token, properties) in json.loads(os.environ["RESOURCES"]).items():
    for key, value in properties.items():
        if isinstance(value, str) and value.startswith("$"):
            resource, output = value[1:].split(".")
            properties[key] = getattr(made[resource], output)
    made[name] = Resource(token, name, properties)
"""
MODEL_SERVING = "databricks:index/modelServing:ModelServing"
PROVISIONED = "databricks:index/modelServingProvisionedThroughput:ModelServingProvisionedThroughput"
PERMISSIONS = "databricks:index/permissions:Permissions"
REGISTERED_MODEL = "databricks:index/registeredModel:RegisteredModel"
GRANTS = "databricks:index/grants:Grants"

OFFLINE = {"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true", "PULUMI_SKIP_UPDATE_CHECK": "true"}


@pytest.fixture
def pulumi(target: Target, tmp_path: Path) -> Iterator[Command]:
    """The CLI in a project of its own; RESOURCES is its program, by name: type and properties."""
    state = tmp_path / "state"
    state.mkdir()
    runtime = {"name": "python", "options": {"virtualenv": sys.prefix}}
    # Without the timeout the provider waits for ever for a workspace that is gone.
    config = {"databricks:retryTimeoutSeconds": {"value": 60}}
    (tmp_path / "Pulumi.yaml").write_text(json.dumps({"name": "try", "runtime": runtime, "config": config}))
    (tmp_path / "__main__.py").write_text(PROGRAM)
    made = command(
        found("pulumi") or "",
        tmp_path,
        target,
        str(PLUGIN_FOLDER),
        **OFFLINE,
        PULUMI_BACKEND_URL=state.as_uri(),
        PULUMI_CONFIG_PASSPHRASE="",
        PULUMI_HOME=str(tmp_path / "pulumi-home"),
        RESOURCES="{}",
    )
    made.ok("stack", "init", "try", "--non-interactive")
    yield made
    made.run("destroy", "--yes", "--skip-preview", "--non-interactive")


def planned(pulumi: Command, resources: Any, *arguments: str) -> dict[str, str]:
    """Operation by `type name`, of what a preview would change."""
    done = pulumi.ok("preview", "--json", "--non-interactive", *arguments, RESOURCES=json.dumps(resources))
    plan = by_name(json.loads(done))
    return {resource: op for resource, op in plan.items() if op != "refresh" and not resource.startswith("Stack ")}


def up(pulumi: Command, resources: Any) -> None:
    pulumi.ok("up", "--yes", "--skip-preview", "--non-interactive", RESOURCES=json.dumps(resources))


def camel(entity: dict[str, Any]) -> dict[str, Any]:
    """A served entity by the names of Pulumi."""
    return {key.split("_")[0] + key.title().replace("_", "")[len(key.split("_")[0]) :]: entity[key] for key in entity}


def test_a_plain_program_from_up_to_destroy(pulumi: Command, target: Target, name: str) -> None:
    units, model_name = target.model("units"), name.replace("-", "_")

    def program(high: int, provisioned: int, comment: str, endpoint_name: str = name) -> dict[str, Any]:
        gateway = {
            "usageTrackingConfig": {"enabled": True},
            "rateLimits": [{"calls": 100, "key": "endpoint", "renewalPeriod": "minute"}],
        }
        chat = {
            "name": endpoint_name,
            "config": {"servedEntities": [camel(target.bands(high=high))]},
            "tags": [{"key": "team", "value": "ml"}, {"key": "empty"}],
            "aiGateway": gateway,
        }
        served = {
            "name": "units",
            "entityName": units.name,
            "entityVersion": units.version,
            "provisionedModelUnits": provisioned,
        }
        routes = [{"servedEntityName": "units", "trafficPercentage": 100}]
        config = {"servedEntities": [served], "trafficConfig": {"routes": routes}}
        tuned = {"catalogName": CATALOG, "schemaName": SCHEMA, "name": model_name, "comment": comment}
        access = [{"groupName": "users", "permissionLevel": "CAN_QUERY"}]
        grants = [{"principal": "account users", "privileges": ["EXECUTE"]}]
        return {
            "chat": [MODEL_SERVING, chat],
            "access": [PERMISSIONS, {"servingEndpointId": "$chat.servingEndpointId", "accessControls": access}],
            "units": [PROVISIONED, {"name": f"{name}-units", "config": config}],
            "model": [REGISTERED_MODEL, tuned],
            "grants": [GRANTS, {"model": "$model.id", "grants": grants}],
        }

    first = program(1, 50, "first")
    assert set(planned(pulumi, first).values()) == {"create"}
    up(pulumi, first)
    assert planned(pulumi, first) == {}
    assert planned(pulumi, first, "--refresh") == {}

    wider = program(2, 100, "second")
    assert planned(pulumi, wider) == {
        "ModelServing chat": "update",
        "ModelServingProvisionedThroughput units": "update",
        "RegisteredModel model": "update",
    }
    up(pulumi, wider)
    assert planned(pulumi, wider, "--refresh") == {}
    served = target.ok("GET", f"{ENDPOINTS}/{name}")["config"]["served_entities"][0]
    assert served["max_provisioned_throughput"] == 2 * target.model("chat").chunk

    renamed = program(2, 100, "second", f"{name}-2")
    assert planned(pulumi, renamed) == {"ModelServing chat": "replace", "Permissions access": "replace"}
    up(pulumi, renamed)
    assert planned(pulumi, renamed, "--refresh") == {}
    assert target.send("GET", f"{ENDPOINTS}/{name}").status == 404

    pulumi.ok("destroy", "--yes", "--skip-preview", "--non-interactive")
    for path in (f"{ENDPOINTS}/{name}-2", f"{ENDPOINTS}/{name}-units"):
        assert target.send("GET", path).status == 404
    assert target.send("GET", f"/api/2.1/unity-catalog/models/{CATALOG}.{SCHEMA}.{model_name}").status == 404


# ---------------------------------------------------------------------------- bandplan's own program


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[FleetProject]:
    project = FleetProject(tmp_path / "fleet")
    yield project
    process.stop(project.stub_folder)


@pytest.fixture
def bandplan(fleet: FleetProject) -> Callable[..., str]:
    """(plugin, *arguments): what `bandplan` prints, deploying the sample fleet with that plugin under the `pulumi` CLI."""

    def run(plugin: str, *arguments: str) -> str:
        environ = {**OFFLINE, "PATH": os.pathsep.join([str(PLUGIN_FOLDER), os.environ["PATH"]])}
        return fleet.bandplan(*arguments, "--engine", "pulumi", BANDPLAN_DATABRICKS_PLUGIN=plugin, **environ)

    return run


@pytest.mark.stub_only
def test_fleet_of_one_plugin_is_unchanged_for_the_other_and_edits_plan_alike(
    fleet: FleetProject, bandplan: Callable[..., str]
) -> None:
    def plans(*arguments: str) -> list[dict[str, str]]:
        """Operation by URN, as each plugin has it."""
        digests = [json.loads(bandplan(plugin, "preview", "--json", *arguments)) for plugin in ("published", "stub")]
        return [{urn: op for urn, op in plan_of(digest).items() if op != "refresh"} for digest in digests]

    bandplan("published", "up", "--no-query")
    assert plans() == [{}, {}]

    fleet.edit("bands: {min: 2, max: 4}", "bands: {min: 0, max: 5}")
    fleet.edit("{model_units: 50}", "{model_units: 100}")
    fleet.edit("tags: {purpose: triage}", "tags: {purpose: routing}")
    fleet.edit("group_name: support-apps", "group_name: sales-apps")
    fleet.edit("[ml-oncall@example.com]", "[night-shift@example.com]")
    fleet.edit("- name: code-completions\n", "- name: code-completions\n    route_optimized: true\n")
    fleet.edit("- name: drafting-chat", "- name: writing-chat")
    theirs, ours = plans()
    assert theirs == ours
    assert {"update", "replace", "create", "delete"} <= set(ours.values())

    bandplan("stub", "up", "--no-query")
    assert plans() == [{}, {}]
    assert plans("--refresh") == [{}, {}]
    assert fleet.endpoint("support-chat")["config"]["served_entities"][0]["max_provisioned_throughput"] == 5 * 980

    bandplan("published", "destroy")
    assert fleet.endpoint_names() == set()
    assert fleet.request("GET", "/stub/status")["unknown_routes"] == {}


@pytest.mark.stub_only
def test_s18_capacity_that_the_guard_raised_survives_a_refresh_and_another_change(
    fleet: FleetProject, bandplan: Callable[..., str]
) -> None:
    """The plugin's own state has the accepted band, then the refreshed one; neither is ever sent."""
    fleet.write_models(
        "version: 1\nmodels:\n"
        "  - {name: chat, task: llm/v1/chat, model: system.ai.llama_v3_3_70b_instruct, version: '1',"
        " throughput: {bands: {min: 1, want: 4, accept: 2}}, tags: {team: a}}\n"
    )

    def runs() -> tuple[int, int]:
        config = fleet.endpoint("chat")["config"]
        return config["config_version"], config["served_entities"][0]["max_provisioned_throughput"]

    bandplan("published", "up", "--no-query")
    assert runs() == (2, 4 * 980)  # made with 2 chunks, then raised
    bandplan("published", "refresh")
    fleet.edit("team: a", "team: b")
    bandplan("published", "up", "--no-query")
    assert runs() == (2, 4 * 980)
    assert fleet.endpoint("chat")["tags"] == [{"key": "team", "value": "b"}]
    assert plan_of(json.loads(bandplan("published", "preview", "--json"))) == {}


@pytest.mark.stub_only
def test_what_models_yaml_has_no_word_for_is_left_alone_and_nothing_else_is_left_to_do(
    fleet: FleetProject, bandplan: Callable[..., str]
) -> None:
    """Telemetry was planned for ever, an inference log replaced its endpoint, and burst and scale to zero never settled."""
    band = 'task: llm/v1/chat, model: system.ai.llama_v3_3_70b_instruct, version: "1", throughput: {bands: {min: 1, max: 2}}'
    units = (
        'task: llm/v1/chat, model: system.ai.llama-4-maverick, version: "1", throughput: {model_units: 50, burst: true}'
    )
    names = ("telemetry", "log", "idle", "gateway")
    entries = [*(f"{{name: {name}, {band}}}" for name in names), f"{{name: burst, {units}}}"]
    fleet.write_models("version: 1\nmodels:\n" + "".join(f"  - {entry}\n" for entry in entries))
    fleet.bandplan("stub", "start", "--settle", "at-once")
    fleet.request("PATCH", "/stub/behaviour", {"shows_burst_scaling": False})

    def left_to_do(*options: str) -> dict[str, str]:
        planned = plan_of(json.loads(bandplan("published", "preview", "--json", *options)))
        return {urn: op for urn, op in planned.items() if op != "refresh"}

    bandplan("published", "up", "--no-query")
    assert left_to_do() == {} and left_to_do("--refresh") == {}
    before = {name: fleet.endpoint(name)["id"] for name in names}
    telemetry = {"telemetry_config": {"table_names": {"logs_table": "main.default.l"}}}
    fleet.request("PATCH", f"{ENDPOINTS}/telemetry/telemetry-config", telemetry)
    fleet.request("PUT", f"{ENDPOINTS}/gateway/ai-gateway", {"usage_tracking_config": {"enabled": True}})
    log = {"catalog_name": "main", "schema_name": "default", "table_name_prefix": "p", "enabled": True}
    for name, config, more in (
        ("log", {"auto_capture_config": log}, {}),
        ("idle", {}, {"scale_to_zero_enabled": True}),
    ):
        (served,) = fleet.endpoint(name)["config"]["served_entities"]
        sent = {key: value for key, value in served.items() if key not in ("state", "creator", "creation_timestamp")}
        fleet.request("PUT", f"{ENDPOINTS}/{name}/config", {"served_entities": [{**sent, **more}], **config})

    assert {urn.rsplit("::", 1)[-1] for urn in left_to_do("--refresh")} == {"gateway-ready"}
    bandplan("published", "up", "--refresh", "--no-query")

    assert left_to_do() == {} and left_to_do("--refresh") == {}
    assert {name: fleet.endpoint(name)["id"] for name in names} == before
    assert fleet.endpoint("log")["config"]["auto_capture_config"]["enabled"] is True
    assert "telemetry_config" in fleet.endpoint("telemetry") and "ai_gateway" not in fleet.endpoint("gateway")
