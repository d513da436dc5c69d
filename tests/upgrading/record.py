"""Record the files of this version as test data of later ones: `python -m tests.upgrading.record`, before a release.

A fleet of a team is deployed to a local workspace; the state, a saved plan, and what else outlives a version go to
`data/<major.minor>/`. The workspace's address becomes `@HOST@`.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bandplan.cli.commands.init import write_all
from bandplan.cli.main import installed_version
from bandplan.cli.starter_files import generated_here
from bandplan.starter.answers import Answers, Model, Stack
from bandplan.starter.files import first_files
from bandplan.starter.manifest import NAME, manifest_of, render
from bandplan.stub import process

DATA = Path(__file__).parent / "data"
ROOT = Path(__file__).parents[2]
STATE = ".bandplan/state/.pulumi/stacks/fleet/local.json"
HOST = "@HOST@"

ANSWERS = Answers("fleet", "ml", "aws", "github", (Stack("dev"), Stack("prod")))
MODELS = (
    Model("chat", "system.ai.llama_v3_3_70b_instruct", "llm/v1/chat", "bands"),
    Model("search", "system.ai.gte_large_en_v1_5", "llm/v1/embeddings", "bands"),
    Model("agent", "system.ai.gpt-oss-20b", "llm/v1/chat", "model_units"),
)
BEFORE, AFTER = "throughput: auto", "throughput: {bands: {min: 1, max: 2}}"


def write_repository(root: Path) -> None:
    """Write a team's repository, as `bandplan init` does."""
    generated = generated_here(ANSWERS, ()).files
    manifest = render(manifest_of(installed_version(), ANSWERS, generated))
    files = {**generated, **first_files(ANSWERS, MODELS)}
    write_all(root, files)
    (root / NAME).write_text(manifest)


def bandplan(root: Path, *arguments: str, status: int = 0) -> str:
    """Run the command of this checkout in the repository, and return its standard output."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATABRICKS_", "BANDPLAN_"))}
    done = subprocess.run(
        [sys.executable, "-m", "bandplan.cli.main", "-C", str(root), *arguments],
        env={**kept, "PYTHONPATH": str(ROOT), "BANDPLAN_ENGINE": "embedded"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def identities(text: str) -> dict[str, str]:
    """Return what the workspace itself chose, in the text of a state: its own id, and that of each endpoint."""
    found = {}
    for resource in json.loads(text)["checkpoint"]["latest"]["resources"]:
        outputs = resource.get("outputs") or {}
        if "servingEndpointId" in outputs:
            found[str(outputs["name"])] = str(outputs["servingEndpointId"])
        workspace = (outputs.get("providerConfig") or {}).get("workspaceId")
        if workspace:
            found[""] = str(workspace)
    return found


def host_of(root: Path) -> str:
    running = process.status(root / ".bandplan" / "stub")
    assert running is not None
    return running.host


def main() -> None:
    data = DATA / ".".join(installed_version().split(".")[:2])
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "fleet"
        write_repository(root)
        try:
            bandplan(root, "up", "--no-query")
            bandplan(root, "validate", "--record")
            shutil.rmtree(data, ignore_errors=True)
            data.mkdir(parents=True)
            shutil.copy(root / "models.yaml", data)
            shutil.copy(root / NAME, data / NAME.removeprefix("."))
            shutil.copy(root / "stacks" / "optimization-info.json", data)
            state = json.loads((root / STATE).read_text().replace(host_of(root), HOST))
            for resource in state["checkpoint"]["latest"]["resources"]:
                resource.pop("sourcePosition", None)  # a path on this machine
            (data / "state.json").write_text(json.dumps(state, indent=1) + "\n")
            models = (root / "models.yaml").read_text()
            (root / "models.yaml").write_text(models.replace(BEFORE, AFTER, 1))
            bandplan(root, "preview", "--save-plan", str(data / "plan.json"))
        finally:
            process.stop(root / ".bandplan" / "stub")


if __name__ == "__main__":
    main()
