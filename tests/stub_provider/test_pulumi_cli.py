"""The provider under the real engine, when it is on PATH: what up leaves, preview and refresh find unchanged."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bandplan.stub.process import Running

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, os, pulumi
resources = json.loads(os.environ["RESOURCES"])
for name, (token, properties) in resources.items():
    pulumi.CustomResource(token, name, properties)
"""
CLASSIC = "databricks:index/modelServing:ModelServing"
PT = "databricks:index/modelServingProvisionedThroughput:ModelServingProvisionedThroughput"


@pytest.fixture
def pulumi(tmp_path: Path, running: Running) -> Callable[..., dict[str, Any]]:
    """(resources, *arguments) -> exit code and change summary of a Pulumi command."""
    binary = shutil.which("pulumi")
    if binary is None:
        pytest.skip("pulumi is not on PATH")
    plugins, project = tmp_path / "plugins", tmp_path / "project"
    for folder in (plugins, project, tmp_path / "state"):
        folder.mkdir()
    executable = plugins / "pulumi-resource-databricks"
    executable.write_text(f'#!/bin/sh\ncd "{ROOT}" && exec "{sys.executable}" -m bandplan.stub.provider "$@"\n')
    executable.chmod(0o755)
    runtime = {"name": "python", "options": {"virtualenv": sys.prefix}}
    (project / "Pulumi.yaml").write_text(json.dumps({"name": "try", "runtime": runtime}))
    (project / "__main__.py").write_text(PROGRAM)
    environ = {
        **os.environ,
        "PATH": os.pathsep.join([str(plugins), str(Path(binary).parent), os.environ["PATH"]]),
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "DATABRICKS_HOST": running.host,
        "DATABRICKS_TOKEN": running.token,
    }

    def run(resources: dict[str, Any], *arguments: str) -> dict[str, Any]:
        done = subprocess.run(
            [binary, *arguments, "--non-interactive"],
            cwd=project,
            env={**environ, "RESOURCES": json.dumps(resources)},
            capture_output=True,
            text=True,
        )
        text = done.stdout + done.stderr
        digest = json.loads(done.stdout) if "--json" in arguments and done.returncode == 0 else {}
        return {"code": done.returncode, "text": text, "changes": digest.get("changeSummary")}

    assert run({}, "stack", "init", "local")["code"] == 0
    return run


def test_up_then_preview_and_refresh_change_nothing_and_a_failed_update_is_planned_again(
    pulumi: Any, endpoint: Any, workspace_call: Any
) -> None:
    units = {"entityName": "system.ai.llama-4-maverick", "entityVersion": "1", "provisionedModelUnits": 50}
    resources = {
        "cli-chat": [CLASSIC, {**endpoint({"minProvisionedThroughput": 0}), "name": "cli-chat"}],
        "cli-units": [PT, {"config": {"servedEntities": [units]}}],
    }
    up = pulumi(resources, "up", "--yes", "--skip-preview")
    assert up["code"] == 0, up["text"]
    # The stack itself is the third resource.
    assert pulumi(resources, "preview", "--json")["changes"] == {"same": 3}
    assert "3 unchanged" in pulumi(resources, "refresh", "--yes", "--skip-preview")["text"]
    assert pulumi(resources, "preview", "--json")["changes"] == {"same": 3}

    wider = {**resources, "cli-chat": [CLASSIC, {**endpoint({"maxProvisionedThroughput": 2910}), "name": "cli-chat"}]}
    workspace_call("POST", "/stub/faults", {"endpoint": "cli-chat", "reason": "no GPU left", "operation": "update"})
    failed = pulumi(wider, "up", "--yes", "--skip-preview")
    assert failed["code"] != 0
    assert "no GPU left" in failed["text"]
    assert pulumi(wider, "preview", "--json")["changes"] == {"same": 2, "update": 1}
    assert pulumi(wider, "up", "--yes", "--skip-preview")["code"] == 0
    assert pulumi(wider, "preview", "--json")["changes"] == {"same": 3}
    assert pulumi(wider, "destroy", "--yes", "--skip-preview")["code"] == 0
