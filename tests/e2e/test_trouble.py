"""What goes wrong is said with the platform's own reason, loses nothing, and is mended by the next `up`."""

import json
import os
import subprocess
import sys
import time

from tests.e2e.conftest import SMALL, FleetProject, by_name
from tests.ports import nobody_listening


def fail_next_update(fleet: FleetProject, endpoint: str, reason: str) -> None:
    fleet.request("POST", "/stub/faults", {"endpoint": endpoint, "reason": reason})


def test_s18_failed_update_is_told_with_its_reason_shown_at_the_next_preview_and_mended(
    fleet: FleetProject, engine: str
) -> None:
    fleet.write_models(SMALL)
    fleet.bandplan("up", "--engine", engine, "--no-query")
    fleet.edit("bands: {min: 2, max: 4}", "bands: {min: 2, max: 5}")
    fail_next_update(fleet, "support-chat", "No GPU capacity for 5 chunks in this region")

    failed = fleet.run("up", "--engine", engine, "--no-query")

    assert failed.returncode == 1
    assert "No GPU capacity for 5 chunks in this region" in failed.stdout + failed.stderr
    assert "Traceback" not in failed.stdout + failed.stderr
    old_entity = fleet.endpoint("support-chat")["config"]["served_entities"][0]
    assert old_entity["max_provisioned_throughput"] == 3920  # the old config keeps serving
    assert by_name(fleet.preview(engine)), "the failed update has to show at the next preview"

    fleet.bandplan("up", "--engine", engine, "--no-query")

    assert fleet.endpoint("support-chat")["config"]["served_entities"][0]["max_provisioned_throughput"] == 4900
    assert by_name(fleet.preview(engine)) == {}


def test_renamed_inference_table_is_refused_at_the_preview_and_renamed_in_two_deployments(
    fleet: FleetProject, engine: str
) -> None:
    table = "enabled: true, catalog_name: main, schema_name: default, table_name_prefix: sonnet"
    gateway = f"    ai_gateway: {{inference_table_config: {{{table}}}}}\n"
    fleet.write_models(SMALL.replace("    permissions:\n", f"{gateway}    permissions:\n", 1))
    fleet.bandplan("up", "--engine", engine, "--no-query")
    fleet.edit("prefix: sonnet", "prefix: sonnet2")

    for command in ("preview", "up"):
        refused = fleet.run(command, "--engine", engine, *(["--no-query"] if command == "up" else []))
        said = refused.stdout + refused.stderr
        assert refused.returncode != 0 and "Traceback" not in said
        assert "'sonnet' to 'sonnet2'" in said and "Nothing was changed" in said
    assert fleet.endpoint("support-chat")["ai_gateway"]["inference_table_config"]["table_name_prefix"] == "sonnet"

    for old, new in (
        ("prefix: sonnet2", "prefix: sonnet"),
        ("enabled: true", "enabled: false"),
        ("enabled: false, catalog_name: main, schema_name: default, table_name_prefix: sonnet", table + "2"),
    ):
        fleet.edit(old, new)
        fleet.bandplan("up", "--engine", engine, "--no-query")
    assert fleet.endpoint("support-chat")["ai_gateway"]["inference_table_config"]["table_name_prefix"] == "sonnet2"
    assert by_name(fleet.preview(engine)) == {}


def test_s18_endpoint_that_fails_to_start_is_not_deleted_and_comes_up_with_the_next_run(
    fleet: FleetProject, engine: str
) -> None:
    fleet.write_models(SMALL)
    fleet.bandplan("stub", "start")
    fail_next_update(fleet, "support-chat", "No GPU capacity in this region")

    failed = fleet.run("up", "--engine", engine, "--no-query")

    assert failed.returncode == 1
    assert "No GPU capacity in this region" in failed.stdout + failed.stderr
    assert "support-chat" in fleet.endpoint_names()
    created = fleet.endpoint("support-chat")["id"]

    fleet.bandplan("up", "--engine", engine, "--no-query")

    assert fleet.endpoint("support-chat")["id"] == created
    assert fleet.endpoint("support-chat")["state"]["ready"] == "READY"


def test_endpoint_changed_by_hand_shows_at_the_next_preview_without_refresh(fleet: FleetProject, engine: str) -> None:
    fleet.write_models(SMALL)
    fleet.bandplan("up", "--engine", engine, "--no-query")
    entity = {
        "name": "llama_v3_3_70b_instruct-1",
        "entity_name": "system.ai.llama_v3_3_70b_instruct",
        "entity_version": "1",
        "min_provisioned_throughput": 980,
        "max_provisioned_throughput": 980,
    }
    entity["name"] = fleet.endpoint("support-chat")["config"]["served_entities"][0]["name"]
    fleet.request("PUT", "/api/2.0/serving-endpoints/support-chat/config", {"served_entities": [entity]})

    assert by_name(fleet.preview(engine)) == {"EndpointReady support-chat-ready": "update"}
    fleet.bandplan("up", "--engine", engine, "--no-query")

    assert fleet.endpoint("support-chat")["config"]["served_entities"][0]["max_provisioned_throughput"] == 3920


def test_no_workspace_listening_is_said_with_host_and_port(fleet: FleetProject, engine: str) -> None:
    """A provider alone would wait for ever; that ours waits for two seconds is tested on a clock of its own."""
    with nobody_listening() as port:
        run = preview_at(port, fleet, engine)

    said = run.stdout + run.stderr
    assert run.returncode != 0
    assert "127.0.0.1" in said and str(port) in said
    assert "Traceback" not in said


def preview_at(port: int, fleet: FleetProject, engine: str) -> "subprocess.CompletedProcess[str]":
    """Preview a stack whose workspace is at that port."""
    fleet.write_models(SMALL)
    extra = {
        "DATABRICKS_HOST": f"http://127.0.0.1:{port}",
        "DATABRICKS_TOKEN": "not-a-token",
        "PULUMI_BACKEND_URL": f"file://{fleet.root}",
        "PULUMI_CONFIG_PASSPHRASE": "",
    }
    if engine == "pulumi":
        subprocess.run(
            ["pulumi", "stack", "init", "dev", "--non-interactive"],
            cwd=fleet.root,
            env=fleet.environment(**extra),
            check=True,
            capture_output=True,
        )

    return fleet.run("preview", "--stack", "dev", "--engine", engine, **extra)


def test_every_problem_of_models_yaml_is_told_before_anything_is_created(fleet: FleetProject, engine: str) -> None:
    fleet.write_models(
        SMALL.replace("bands: {min: 1, max: 2}", "tokens_per_second: {min: 100, max: 2720}").replace(
            "{model_units: 50}", "{bands: {min: 1, max: 2}}"
        )
    )

    run = fleet.run("up", "--engine", engine)

    said = run.stdout + run.stderr
    assert run.returncode != 0 and "Traceback" not in said
    assert "models.yaml:" in said
    assert "models/passage-embeddings" in said and "models/maverick-chat" in said
    assert fleet.endpoint_names() == set()


def test_interrupted_up_loses_no_endpoint(fleet: FleetProject) -> None:
    entries = "".join(
        f"  - {{name: e{number}, task: llm/v1/chat, model: system.ai.llama_v3_3_70b_instruct, version: '1',"
        " throughput: {bands: {min: 1, max: 2}}}\n"
        for number in range(60)
    )
    fleet.write_models(f"version: 1\nmodels:\n{entries}")
    # No update ends by itself: the run comes as far as four endpoints, however slow or fast the machine is.
    fleet.bandplan("stub", "start", "--settle", "manual")
    child = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "bandplan.cli.main",
            "-C",
            str(fleet.root),
            "up",
            "--engine",
            "embedded",
            "--parallel",
            "4",
        ],
        env=fleet.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 90
    while len(fleet.endpoint_names()) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    child.terminate()
    said, _ = child.communicate(timeout=60)
    assert child.returncode != 0
    made = {name: fleet.endpoint(name)["id"] for name in fleet.endpoint_names()}
    assert len(made) == 4, said
    fleet.bandplan("stub", "stop")
    fleet.bandplan("stub", "start", "--settle", "at-once")

    outcome = fleet.bandplan("up", "--engine", "embedded", "--no-query")

    assert "RESOURCE_ALREADY_EXISTS" not in outcome
    assert len(fleet.endpoint_names()) == 60
    assert {name: fleet.endpoint(name)["id"] for name in made} == made


def test_endpoint_that_a_killed_run_was_making_is_taken_over_and_in_nobodys_way(
    fleet: FleetProject, engine: str
) -> None:
    fleet.write_models(SMALL)
    fleet.bandplan("up", "--engine", engine, "--no-query")
    made = fleet.endpoint("support-chat")["id"]
    path = fleet.root / ".bandplan/state/.pulumi/stacks/bandplan/local.json"
    document = json.loads(path.read_text())
    latest = document["checkpoint"]["latest"]
    # As a kill leaves it: the request was answered, and nobody wrote the answer down.
    begun = next(one for one in latest["resources"] if one["urn"].endswith("ModelServing::support-chat"))
    latest["resources"] = [one for one in latest["resources"] if "support-chat-" not in one["urn"] and one is not begun]
    open_one = {key: value for key, value in begun.items() if key not in ("id", "outputs", "created", "modified")}
    latest["pending_operations"] = [{"resource": open_one, "type": "creating"}]
    path.write_text(json.dumps(document))

    planned = by_name(fleet.preview(engine))
    said = fleet.bandplan("up", "--engine", engine, "--no-query")

    assert planned == {"Permissions support-chat-permissions": "create", "EndpointReady support-chat-ready": "create"}
    assert "interrupted while creating" not in said and "uncertain" not in said
    assert fleet.endpoint("support-chat")["id"] == made
    assert "pending_operations" not in json.loads(path.read_text())["checkpoint"]["latest"]


def test_token_is_nowhere_but_in_its_own_file(fleet: FleetProject, engine: str) -> None:
    fleet.write_models(SMALL)
    said = fleet.bandplan("up", "--engine", engine)
    token = fleet.workspace.token

    assert token not in said
    holders = [
        path.relative_to(fleet.root)
        for folder, _, files in os.walk(fleet.root)
        for path in (fleet.root / folder / name for name in files)
        if not path.is_symlink() and token.encode() in path.read_bytes()
    ]
    assert [str(path) for path in holders] == [".bandplan/stub/token"]
