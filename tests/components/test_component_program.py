"""The program as the engine runs it, against a workspace that answers optimization info over HTTP."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import pulumi
import pytest

from bandplan.components.fleet import Fleet
from bandplan.components.program import run
from bandplan.components.pulumi_internals import bulk_declaration
from tests.answering import JsonHandler, answering
from tests.components.conftest import plan_stack
from tests.ports import nobody_listening

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 1, 1)
CHUNKS = {"meta_llama_v3_1_8b_instruct": 970, "llama-4-maverick": None, "gpt-oss-120b": None}

BAND = {
    "task": "llm/v1/chat",
    "model": "ml.prod.a_llama",
    "version": "1",
    "throughput": {"bands": {"min": 1, "max": 2}},
}


class _Workspace(JsonHandler):
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body: dict[str, Any] = {"userName": "ana@example.com"}
        if "get-model-optimization-info" in self.path:
            chunk = CHUNKS.get(self.path.split("/")[-2].split(".")[-1], 980)
            body = {"optimizable": True, **({} if chunk is None else {"throughput_chunk_size": chunk})}
        self.reply(200, body)


@pytest.fixture
def environ() -> Iterator[dict[str, str]]:
    _Workspace.asked.clear()
    with answering(_Workspace) as url:
        yield {"DATABRICKS_HOST": url, "DATABRICKS_TOKEN": "secret-token"}


def models(root: Path, *entries: dict[str, Any], name: str = "models.yaml", **more: Any) -> None:
    (root / name).write_text(json.dumps({"version": 1, "models": list(entries), **more}))


def refusal(root: Path, environ: dict[str, str]) -> str:
    with pytest.raises(pulumi.RunError) as error:
        plan_stack(root, None, "local", environ, TODAY)
    return str(error.value)


def sample(tmp_path: Path) -> Path:
    (tmp_path / "models.yaml").write_text((ROOT / "tests" / "sample" / "models.yaml").read_text())
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    return tmp_path


@pytest.mark.parametrize("stack", ["local", "dev", "prod"])
def test_sample_fleet_is_sound_in_every_stack(tmp_path: Path, environ: dict[str, str], stack: str) -> None:
    plan = plan_stack(sample(tmp_path), None, stack, environ, TODAY)
    assert {warning.severity for warning in plan.warnings} <= {"warning"}
    assert {sizing.entry.task for sizing in plan.sizings} == {"llm/v1/chat", "llm/v1/completions", "llm/v1/embeddings"}
    assert {sizing.family for sizing in plan.sizings} == {"bands", "model_units"}
    assert len({entity.model for sizing in plan.sizings for entity in sizing.entities}) >= 8


def test_sample_fleet_is_declared_with_three_resources_per_endpoint_or_four(
    tmp_path: Path, environ: dict[str, str], record: Any
) -> None:
    plan = plan_stack(sample(tmp_path), None, "local", environ, TODAY)
    versioned = [sizing for sizing in plan.sizings if all(entity.version for entity in sizing.entities)]
    recording = record(lambda: Fleet(replace(plan, sizings=tuple(versioned))))
    for sizing in versioned:
        name = sizing.entry.name
        named = {
            item.name for item in recording.resources if item.name in (name, f"{name}-ready", f"{name}-permissions")
        }
        assert named == {name, f"{name}-ready"} | ({f"{name}-permissions"} if sizing.entry.permissions else set())
    maverick = recording.named("maverick-chat", "ModelServingProvisionedThroughput").inputs
    assert maverick["config"]["servedEntities"][0]["provisionedModelUnits"] == 50
    fleet = recording.named("fleet", "Fleet")
    assert fleet.inputs["endpointCount"] == len(versioned)
    outputs = recording.component_outputs[fleet.urn]
    assert {key: value for key, value in outputs.items() if key != "capacity"} == fleet.inputs
    assert (
        sum(share.get("ceilingTokensPerSecond", 0) for share in outputs["capacity"])
        == fleet.inputs["ceilingTokensPerSecond"]
    )


def test_capacity_is_plain_input_of_the_component_at_preview(
    tmp_path: Path, environ: dict[str, str], record: Any
) -> None:
    demand = {"requests_per_second": 0.5, "input_tokens": 2048, "output_tokens": 256}
    waiver = {"policy": "headroom", "reason": "a test", "owner": "ana@example.com", "expires": "2026-12-31"}
    models(tmp_path, {"name": "chat", **BAND, "demand": demand, "tags": {"team": "ml"}, "waivers": [waiver]})
    plan = plan_stack(tmp_path, None, "local", environ, TODAY)
    recording = record(lambda: Fleet(plan), preview=True)
    inputs = recording.named("chat", "Endpoint").inputs
    assert inputs.pop("headroom") == 1.701  # 1960 / 1152 = 1.7013...
    assert inputs == {
        "name": "chat",
        "task": "llm/v1/chat",
        "family": "bands",
        "floorTokensPerSecond": 980,
        "ceilingTokensPerSecond": 1960,
        "chunkTokensPerSecond": 980,
        "burst": False,
        "demandTokensPerSecond": 1152,  # 0.5 x (2048 + 256)
        "headroomPercent": 20,  # the default
        "entities": [
            {
                "servedName": "a_llama-1",
                "model": "ml.prod.a_llama",
                "version": "1",
                "trafficPercent": 100,
                "chunkTokensPerSecond": 980,
                "minBands": 1,
                "maxBands": 2,
                "floorTokensPerSecond": 980,
                "ceilingTokensPerSecond": 1960,
            }
        ],
        "tags": {"team": "ml"},
        "waivers": [waiver],
    }


def test_what_policies_ask_of_an_endpoint_is_among_its_inputs(
    tmp_path: Path, environ: dict[str, str], record: Any
) -> None:
    permission = {"group_name": "analysts", "permission_level": "CAN_QUERY"}
    table = {"enabled": True, "catalog_name": "ml", "schema_name": "logs", "table_name_prefix": "chat"}
    gateway = {"usage_tracking_config": {"enabled": True}, "inference_table_config": table}
    models(tmp_path, {"name": "chat", **BAND, "permissions": [permission], "ai_gateway": gateway}, region="us-east-1")
    plan = plan_stack(tmp_path, None, "local", environ, TODAY)
    inputs = record(lambda: Fleet(plan)).named("chat", "Endpoint").inputs
    assert inputs["access"] == [{"groupName": "analysts", "permissionLevel": "CAN_QUERY"}]
    assert inputs["gateway"] == {"tracksUsage": True, "inferenceTable": "ml.logs.chat"}
    assert inputs["region"] == "us-east-1"


def test_outputs_of_the_fleet_say_what_each_team_has_of_each_model(
    tmp_path: Path, environ: dict[str, str], record: Any
) -> None:
    waiver = {"policy": "stack-budget", "reason": "a test", "owner": "ana@example.com", "expires": "2026-12-31"}
    models(
        tmp_path,
        {"name": "a", **BAND, "tags": {"team": "ml"}},
        {"name": "b", **BAND, "tags": {"team": "ml"}},
        {"name": "c", **BAND},
        waivers=[waiver],
    )
    plan = plan_stack(tmp_path, None, "local", environ, TODAY)
    recording = record(lambda: Fleet(plan))
    outputs = recording.component_outputs[recording.named("fleet", "Fleet").urn]
    one = {"minBands": 1, "maxBands": 2, "floorTokensPerSecond": 980, "ceilingTokensPerSecond": 1960}
    of_model = {"model": "ml.prod.a_llama", "family": "bands"}
    assert outputs["capacity"] == [
        {"team": "", **of_model, **one},
        {"team": "ml", **of_model, **{key: 2 * amount for key, amount in one.items()}},
    ]
    assert outputs["waivers"] == [waiver]


def test_guard_and_permissions_wait_for_the_endpoint_and_are_its_siblings(
    tmp_path: Path, environ: dict[str, str], record: Any
) -> None:
    permission = {"group_name": "analysts", "permission_level": "CAN_QUERY"}
    models(tmp_path, {"name": "chat", **BAND, "permissions": [permission]})
    plan = plan_stack(tmp_path, None, "local", environ, TODAY)
    recording = record(lambda: Fleet(plan))
    serving = recording.named("chat", "ModelServing")
    component = recording.named("chat", "Endpoint")
    for name, kind in (("chat-ready", "EndpointReady"), ("chat-permissions", "Permissions")):
        child = recording.named(name, kind)
        assert child.parent == component.urn
        assert child.dependencies == {serving.urn}
        assert child.inputs["servingEndpointId"] == "id-of-chat"
    assert component.parent == recording.named("fleet", "Fleet").urn


def test_s18_endpoint_and_guard_carry_timeouts_in_hours(tmp_path: Path, environ: dict[str, str], record: Any) -> None:
    models(tmp_path, {"name": "chat", **BAND}, {"name": "slow", **BAND, "timeouts": {"create": "90m", "delete": "45s"}})
    plan = plan_stack(tmp_path, None, "local", environ, TODAY)
    recording = record(lambda: Fleet(plan))
    usual, own = {"create": "4h", "update": "4h", "delete": "1h"}, {"create": "90m", "update": "4h", "delete": "45s"}
    for name, timeouts in (("chat", usual), ("slow", own)):
        assert recording.named(name, "ModelServing").timeouts == timeouts
        assert recording.named(f"{name}-ready", "EndpointReady").timeouts == timeouts


def test_changed_notifications_are_the_guards_alone(tmp_path: Path, environ: dict[str, str], record: Any) -> None:
    """The published plugin would plan them, send nothing, and plan them again."""
    models(tmp_path, {"name": "chat", **BAND})
    plan = plan_stack(tmp_path, None, "local", environ, TODAY)
    recording = record(lambda: Fleet(plan))
    assert recording.named("chat", "ModelServing").ignore_changes[:3] == (
        "emailNotifications",
        "aiGateway",
        "description",
    )
    assert recording.named("chat-ready", "EndpointReady").ignore_changes == ()


def test_what_models_yaml_has_no_word_for_is_left_as_somebody_else_set_it(
    tmp_path: Path, environ: dict[str, str], record: Any
) -> None:
    """The published plugin would replace the endpoint for an inference log, and plan telemetry for ever."""
    legacy = {"workload": {"type": "GPU_LARGE", "size": "Small", "parameters_billion": 7}, "allow_legacy": True}
    mpt = {"task": "llm/v1/completions", "model": "system.ai.mpt_7b_instruct", "version": "1", **legacy}
    models(tmp_path, {"name": "chat", **BAND}, {"name": "old", **mpt})
    plan = plan_stack(tmp_path, None, "local", environ, TODAY)
    recording = record(lambda: Fleet(plan))
    band, workload = (set(recording.named(name, "ModelServing").ignore_changes) for name in ("chat", "old"))
    assert {"telemetryConfig", "config.autoCaptureConfig"} <= band & workload
    of_entities = {path.rpartition(".")[2] for path in band if path.startswith("config.servedEntities[0].")}
    assert of_entities == {
        "burstScalingEnabled",
        "maxProvisionedConcurrency",
        "minProvisionedConcurrency",
        "scaleToZeroEnabled",
        "workloadSize",
    }
    assert not any("served" in path for path in workload)


def test_gateway_is_the_guards_where_none_is_stated_as_clearing_it_crashes_the_published_plugin(
    tmp_path: Path, environ: dict[str, str], record: Any
) -> None:
    models(tmp_path, {"name": "chat", **BAND, "ai_gateway": {"usage_tracking_config": {"enabled": True}}})
    plan = plan_stack(tmp_path, None, "local", environ, TODAY)
    stated = record(lambda: Fleet(plan)).named("chat", "ModelServing")
    assert "aiGateway" in stated.inputs and "aiGateway" not in stated.ignore_changes


def test_s30_summary_has_the_query_url_without_api_in_front(
    tmp_path: Path, environ: dict[str, str], record: Any
) -> None:
    models(tmp_path, {"name": "chat", **BAND}, {"name": "fast", **BAND, "route_optimized": True})
    plan = plan_stack(tmp_path, None, "local", environ, TODAY)

    def program() -> None:
        pulumi.export("endpoints", Fleet(plan).summary)

    chat, fast = record(program).exports["endpoints"]
    assert chat.pop("model_units", None) is None
    assert chat == {
        "name": "chat",
        "task": "llm/v1/chat",
        "family": "bands",
        "models": [{"model": "ml.prod.a_llama", "version": "1", "traffic_percent": 100}],
        "floor_tokens_per_second": 980,
        "ceiling_tokens_per_second": 1960,
        "url": f"{environ['DATABRICKS_HOST']}/serving-endpoints/chat/invocations",
    }
    assert fast["url"] == "https://fast.route.example.com/invocations"


def test_problems_of_the_file_and_of_the_bands_are_reported_in_one_go(tmp_path: Path, environ: dict[str, str]) -> None:
    models(
        tmp_path,
        {"name": "chat", **BAND, "throughput": {"tokens_per_second": {"min": 980, "max": 1500}}},
        {"name": "other", **BAND, "descripton": "x"},
    )
    message = refusal(tmp_path, environ)
    assert "1500 is not a multiple of 980" in message
    assert "descripton" in message
    assert len(message.splitlines()) == 3


def test_errors_come_before_warnings_that_stop_nothing(tmp_path: Path, environ: dict[str, str]) -> None:
    models(
        tmp_path,
        {"name": "slow", **BAND, "throughput": {"bands": {"min": 0, "max": 1}}},
        {"name": "wrong", **BAND, "descripton": "x"},
    )
    lines = refusal(tmp_path, environ).splitlines()
    assert [": error " in line for line in lines[1:]] == [True, False]
    assert "floor-zero" in lines[2]


def test_nothing_is_declared_when_an_entry_is_refused(
    tmp_path: Path, environ: dict[str, str], record: Any, recording: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    models(tmp_path, {"name": "sound", **BAND}, {"name": "chat", **BAND, "task": "llm/v2/chat"})
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(pulumi.RunError, match=r"models\.yaml:"):
        record(run, root=tmp_path, into=recording)
    assert recording.resources == []


def test_run_reads_the_configured_file_for_its_stack(
    tmp_path: Path, environ: dict[str, str], record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = {"dev": {"chat": {"throughput": {"bands": {"max": 5}}}}}
    models(tmp_path, {"name": "chat", **BAND}, name="fleet.yaml", overrides=overrides)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    recording = record(run, root=tmp_path, stack_name="dev", config={"bandplan:models": "fleet.yaml"})
    assert recording.named("chat", "Endpoint").inputs["ceilingTokensPerSecond"] == 4900  # 5 x 980
    assert [endpoint["name"] for endpoint in recording.exports["endpoints"]] == ["chat"]


def test_waived_warnings_are_told_and_not_warned_of(
    tmp_path: Path, environ: dict[str, str], record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiver = {"policy": "floor-zero", "reason": "idle", "owner": "ana@example.com", "expires": "2999-12-31"}
    band = {"throughput": {"bands": {"min": 0, "max": 1}}}
    models(tmp_path, {"name": "chat", **BAND, **band, "waivers": [waiver]})
    (waived,) = plan_stack(tmp_path, None, "local", environ, TODAY).waived
    assert waived.render().endswith("the band starts at 0; waived until 2999-12-31 by ana@example.com: idle")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert record(run, root=tmp_path).logged == [waived.render()]


def test_models_file_of_the_environment_wins(tmp_path: Path, environ: dict[str, str]) -> None:
    models(tmp_path, {"name": "chat", **BAND})
    models(tmp_path, {"name": "bench", **BAND}, name="bench.yaml")
    plan = plan_stack(
        tmp_path, "models.yaml", "local", {**environ, "BANDPLAN_MODELS": str(tmp_path / "bench.yaml")}, TODAY
    )
    assert [sizing.entry.name for sizing in plan.sizings] == ["bench"]


def test_workspace_that_does_not_listen_is_named_with_host_and_port(tmp_path: Path) -> None:
    models(tmp_path, {"name": "chat", **BAND})
    with nobody_listening() as port:
        message = refusal(tmp_path, {"DATABRICKS_HOST": f"http://127.0.0.1:{port}", "DATABRICKS_TOKEN": "secret-token"})
    assert "127.0.0.1" in message and str(port) in message
    assert "secret-token" not in message


def test_missing_workspace_is_reported_together_with_the_file_s_problems(tmp_path: Path) -> None:
    models(tmp_path, {"name": "chat", **BAND, "descripton": "x"})
    message = refusal(tmp_path, {})
    assert "DATABRICKS_HOST" in message and "descripton" in message


def test_offline_uses_what_was_recorded_and_asks_nobody(tmp_path: Path, environ: dict[str, str]) -> None:
    models(tmp_path, {"name": "chat", **BAND})
    offline = {**environ, "BANDPLAN_OFFLINE": "1"}
    assert "ml.prod.a_llama" in refusal(tmp_path, offline)
    plan_stack(tmp_path, None, "local", environ, TODAY)
    asked = len(_Workspace.asked)
    (sizing,) = plan_stack(tmp_path, None, "local", offline, TODAY).sizings
    assert sizing.ceiling_tokens_per_second == 1960
    assert len(_Workspace.asked) == asked
    (anywhere,) = plan_stack(tmp_path, None, "local", {"BANDPLAN_OFFLINE": "1"}, TODAY).sizings
    assert anywhere.ceiling_tokens_per_second == 1960


def test_preview_path_imports_none_of_the_slow_packages() -> None:
    script = (
        "import sys, bandplan.components.program\n"
        "slow = {'pulumi_databricks', 'databricks', 'mlflow', 'pandas', 'requests', 'httpx', 'rich', 'jsonschema'}\n"
        "print(sorted(slow & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_traceback_limit_is_back_in_place_after_a_bulk_declaration() -> None:
    with pytest.raises(ValueError), bulk_declaration():
        raise ValueError
    assert not hasattr(sys, "tracebacklimit")
