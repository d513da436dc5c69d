"""Two stacks in two workspaces with two ways to log in, and nobody changes a variable in between."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.stub import process
from tests.e2e.conftest import FleetProject

PRINCIPAL = "00000000-0000-4000-8000-000000000003"
"""The service principal that the local workspace knows."""

ONE = """\
version: 1
models:
  - name: NAME
    task: llm/v1/chat
    model: system.ai.llama_v3_3_70b_instruct
    version: "1"
    throughput: {bands: {min: 1, max: 1}}
"""


@pytest.fixture
def workspaces(tmp_path: Path) -> Iterator[tuple[process.Running, process.Running]]:
    yield process.start(tmp_path / "one"), process.start(tmp_path / "other")
    process.stop(tmp_path / "one")
    process.stop(tmp_path / "other")


def test_each_stack_is_deployed_to_its_own_workspace(
    fleet: FleetProject, tmp_path: Path, workspaces: tuple[process.Running, process.Running]
) -> None:
    dev, prod = workspaces
    file = tmp_path / "cfg"
    file.write_text(
        f"[dev]\nhost = {dev.host}\ntoken = {dev.token}\n"
        f"[prod]\nhost = {prod.host}\nclient_id = {PRINCIPAL}\nclient_secret = {prod.token}\n"
    )
    for stack, workspace in (("dev", dev), ("prod", prod)):
        (fleet.root / "stacks" / f"Pulumi.{stack}.yaml").write_text(
            f"config:\n  databricks:host: {workspace.host}\n  databricks:profile: {stack}\n"
        )
        fleet.write_models(ONE.replace("NAME", f"chat-{stack}"))
        stray = {"DATABRICKS_HOST": "https://stray.invalid", "DATABRICKS_TOKEN": "stray-token"}
        fleet.bandplan(
            "up", "--stack", stack, "--engine", "embedded", "--yes", DATABRICKS_CONFIG_FILE=str(file), **stray
        )

    names = [
        [
            one["name"]
            for one in WorkspaceClient(workspace.host, workspace.token).get("/api/2.0/serving-endpoints")["endpoints"]
        ]
        for workspace in workspaces
    ]
    assert [[name for name in found if name.startswith("chat-")] for found in names] == [["chat-dev"], ["chat-prod"]]
    for path in fleet.root.glob(".bandplan/state/**/*"):
        if path.is_file():
            text = path.read_bytes()
            assert not any(secret.encode() in text for secret in (dev.token, prod.token, "stray-token")), path
