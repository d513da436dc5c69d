"""A hand edit in the workspace is found, by a look that writes nothing anywhere, and mended when asked for."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import SMALL, FleetProject, by_name
from tests.e2e.recording_proxy import RecordingProxy

ROOT = "/api/2.0/serving-endpoints"
MAXIMUM = "entities/llama_v3_3_70b_instruct-1/max_provisioned_throughput"


def drift(fleet: FleetProject, *options: str, status: int, **extra: str) -> dict[str, Any]:
    done = fleet.run("drift", "--json", *options, **extra)
    assert done.returncode == status, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def endpoint(found: dict[str, Any], name: str) -> dict[str, Any]:
    (one,) = [row for row in found["endpoints"] if row["name"] == name]
    return dict(one)


def real(found: dict[str, Any], name: str) -> dict[str, tuple[Any, Any]]:
    fields = endpoint(found, name)["fields"]
    return {one["field"]: (one["deployed"], one["live"]) for one in fields if one["verdict"] == "real"}


def edit_by_hand(fleet: FleetProject) -> None:
    """One chunk instead of two to four, a right given away, one endpoint deleted, another one made in its place."""
    live = fleet.endpoint("support-chat")
    entity = {
        "name": live["config"]["served_entities"][0]["name"],
        "entity_name": "system.ai.llama_v3_3_70b_instruct",
        "entity_version": "1",
        "min_provisioned_throughput": 980,
        "max_provisioned_throughput": 980,
    }
    fleet.request("PUT", f"{ROOT}/support-chat/config", {"served_entities": [entity]})
    fleet.request("POST", "/stub/endpoints/support-chat/settle")
    interns = {"group_name": "interns", "permission_level": "CAN_MANAGE"}
    fleet.request("PATCH", f"/api/2.0/permissions/serving-endpoints/{live['id']}", {"access_control_list": [interns]})
    fleet.request("DELETE", f"{ROOT}/maverick-chat")
    bands = {"min_provisioned_throughput": 1360, "max_provisioned_throughput": 2720}
    entity = {"entity_name": "system.ai.bge_large_en_v1_5", "entity_version": "1", **bands}
    fleet.request("DELETE", f"{ROOT}/passage-embeddings")
    for name in ("passage-embeddings", "by-hand"):
        fleet.request("POST", ROOT, {"name": name, "config": {"served_entities": [entity]}})
        fleet.request("POST", f"/stub/endpoints/{name}/settle")


def test_mail_address_of_a_permission_in_any_letter_case_converges(fleet: FleetProject) -> None:
    jane = "      - {user_name: Jane.Doe@Example.com, permission_level: CAN_QUERY}\n"
    fleet.write_models(SMALL.replace("    permissions:\n", f"    permissions:\n{jane}", 1))
    fleet.bandplan("up", "--no-query")
    live = fleet.endpoint("support-chat")
    kept = [
        {"user_name": "jane.doe@example.com", "permission_level": "CAN_QUERY"},
        {"group_name": "support-apps", "permission_level": "CAN_QUERY"},
    ]
    fleet.request("PUT", f"/api/2.0/permissions/serving-endpoints/{live['id']}", {"access_control_list": kept})

    assert fleet.run("drift").returncode == 0
    steps = by_name(json.loads(fleet.bandplan("preview", "--refresh", "--json")))
    assert set(steps.values()) == {"refresh"}  # nothing is to be changed


def test_hand_edits_are_found_told_apart_from_what_waits_and_put_back(fleet: FleetProject, engine: str) -> None:
    fleet.write_models(SMALL)
    fleet.bandplan("up", "--engine", engine, "--no-query")
    assert drift(fleet, "--engine", engine, status=0)["summary"]["drifted"] == 0
    edit_by_hand(fleet)
    fleet.edit("bands: {min: 2, max: 4}", "bands: {min: 2, max: 5}")

    found = drift(fleet, "--engine", engine, status=3)

    # Deployed: 2 to 4 chunks of 980 tokens/s.
    assert real(found, "support-chat") == {
        MAXIMUM: (3920, 980),
        MAXIMUM.replace("max", "min"): (1960, 980),
        "permissions/group_name:interns": (None, "CAN_MANAGE"),
    }
    assert endpoint(found, "support-chat")["pending"] == [{"field": MAXIMUM, "deployed": 3920, "wanted": 4900}]
    assert endpoint(found, "maverick-chat")["situation"] == "missing"
    assert endpoint(found, "passage-embeddings")["situation"] == "recreated"
    assert [one["name"] for one in found["unmanaged"]] == ["by-hand"]

    mended = fleet.run("drift", "--engine", engine, "--fix")

    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert "now 980" in mended.stdout  # what it corrects is shown first
    assert drift(fleet, "--engine", engine, status=0)["summary"]["pending"] == 0
    assert by_name(fleet.preview(engine)) == {}


def test_throughput_replaced_by_compute_is_fixed_without_a_refresh_first(fleet: FleetProject) -> None:
    fleet.write_models(SMALL)
    fleet.bandplan("up", "--no-query")
    (served,) = fleet.endpoint("support-chat")["config"]["served_entities"]
    compute = {"workload_type": "GPU_LARGE", "workload_size": "Small", "scale_to_zero_enabled": False}
    kept = {name: served[name] for name in ("name", "entity_name", "entity_version")}
    fleet.request("PUT", "/api/2.0/serving-endpoints/support-chat/config", {"served_entities": [{**kept, **compute}]})
    fleet.request("POST", "/stub/endpoints/support-chat/settle")

    fixed = fleet.run("drift", "--fix")

    assert fixed.returncode == 0, fixed.stdout + fixed.stderr
    assert "no drift" in fleet.bandplan("drift") and by_name(fleet.preview("embedded")) == {}


@pytest.fixture
def proxy(fleet: FleetProject) -> Iterator[RecordingProxy]:
    fleet.bandplan("stub", "start", "--settle", "at-once")
    recording = RecordingProxy(fleet.workspace.host)
    yield recording
    recording.close()


def contents(folder: Path) -> dict[str, str]:
    """Every file with its digest, except those of the workspace itself."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "stub" not in path.relative_to(folder).parts and "pulumi-home" not in path.parts
    }


def test_look_sends_nothing_but_get_writes_no_file_state_or_lock_and_loads_no_heavy_package(
    fleet: FleetProject, proxy: RecordingProxy
) -> None:
    fleet.write_models(SMALL)
    remote = {"DATABRICKS_HOST": proxy.host, "DATABRICKS_TOKEN": fleet.workspace.token}
    stack = ("--stack", "dev", "--engine", "embedded")
    fleet.bandplan("up", *stack, "--yes", "--no-query", **remote)
    edit_by_hand(fleet)
    # An answer that is not recorded yet has to be asked for, and must not be recorded by a look.
    for recorded in (fleet.root / ".bandplan" / "optimization-info").glob("*"):
        recorded.unlink()
    before = contents(fleet.root)
    proxy.seen.clear()

    program = (
        "import sys\nfrom bandplan.cli.main import main\n"
        f"status = main({['-C', str(fleet.root), 'drift', *stack]!r})\n"
        "heavy = ('pulumi', 'grpc', 'pulumi_databricks', 'databricks', 'mlflow', 'pandas', 'requests', 'rich')\n"
        "print(status, [name for name in heavy if name in sys.modules], file=sys.stderr)"
    )
    looked = subprocess.run(
        [sys.executable, "-c", program], env=fleet.environment(**remote), capture_output=True, text=True
    )

    assert looked.stderr.strip() == "3 []", looked.stderr  # the exit status, and no package that costs seconds
    assert "now 980" in looked.stdout
    assert len(proxy.seen) > 6 and proxy.methods == {"GET"}
    assert contents(fleet.root) == before
    assert fleet.workspace.token not in looked.stdout


def test_wrong_models_yaml_is_exit_status_2_and_nothing_is_written(fleet: FleetProject) -> None:
    fleet.write_models(SMALL.replace("bands: {min: 2, max: 4}", "bands: {min: 5, max: 4}"))
    before = fleet.models
    fleet.bandplan("stub", "start")
    for command in (("drift",), ("adopt", "--all", "--write")):
        done = fleet.run(*command)
        assert done.returncode == 2
        assert "models.yaml:" in done.stderr and "max 4 is less than min 5" in done.stderr
        assert "Traceback" not in done.stderr
    assert fleet.models == before


def test_workspace_that_does_not_answer_is_exit_status_1(fleet: FleetProject) -> None:
    fleet.write_models(SMALL)
    nobody = {"DATABRICKS_HOST": "http://127.0.0.1:9", "DATABRICKS_TOKEN": "not-a-token"}
    done = fleet.run("drift", "--stack", "dev", "--engine", "embedded", **nobody)
    assert done.returncode == 1
    assert "could not be read" in done.stderr and "127.0.0.1" in done.stderr and "not-a-token" not in done.stderr
