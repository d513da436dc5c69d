"""The whole of bandplan as its user has it: a project folder, the `bandplan` command, the stub workspace, an engine.

Every test runs with the embedded engine; with the Pulumi CLI too when there is one on PATH (marked `pulumi_cli`).
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from bandplan.stub import process

ROOT = Path(__file__).parent.parent.parent

SAMPLE = ROOT / "tests" / "sample" / "models.yaml"
"""The sample fleet. A copy, so that the tests pass with any models.yaml at the root."""

ENGINES = [
    "embedded",
    pytest.param(
        "pulumi",
        marks=[
            pytest.mark.pulumi_cli,
            pytest.mark.skipif(shutil.which("pulumi") is None, reason="no `pulumi` on PATH"),
            pytest.mark.timeout(600),
        ],
    ),
]


class FleetProject:
    """A project of its own in a temporary folder, with the files of this repository."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        shutil.copy(ROOT / "Pulumi.yaml", root / "Pulumi.yaml")
        self.write_models(without_registrations(SAMPLE.read_text()))
        shutil.copytree(ROOT / "stacks", root / "stacks", ignore=shutil.ignore_patterns("__pycache__"))
        # No policy is on, except in tests about them.
        for file in (root / "stacks").glob("policies.*.json"):
            file.write_text('{"all": "disabled"}')
        (root / "bandplan").symlink_to(ROOT / "bandplan")
        (root / "examples").symlink_to(ROOT / "examples")
        (root / ".venv").symlink_to(sys.prefix)
        self.stub_folder = root / ".bandplan" / "stub"

    def use_policies(self) -> None:
        """Use this repository's policies, as each stack configures them."""
        (self.root / "policies").symlink_to(ROOT / "policies")
        for file in (ROOT / "stacks").glob("policies.*.json"):
            shutil.copy(file, self.root / "stacks")

    @property
    def models(self) -> str:
        return (self.root / "models.yaml").read_text()

    def write_models(self, text: str) -> None:
        (self.root / "models.yaml").write_text(text)

    def edit(self, old: str, new: str) -> None:
        """Change models.yaml; fails when `old` is not in it, so that no test edits nothing."""
        assert old in self.models, old
        self.write_models(self.models.replace(old, new, 1))

    def environment(self, **extra: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATABRICKS_", "PULUMI_"))}
        return {
            **kept,
            "PYTHONPATH": str(ROOT),
            "PULUMI_HOME": str(self.root / "pulumi-home"),
            "NO_COLOR": "1",
            **extra,
        }

    def run(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """`bandplan` with these arguments; output of both streams is kept apart."""
        return subprocess.run(
            [sys.executable, "-m", "bandplan.cli.main", "-C", str(self.root), *arguments],
            env=self.environment(**extra),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    def bandplan(self, *arguments: str, **extra: str) -> str:
        """Standard output of a run that has to succeed."""
        done = self.run(*arguments, **extra)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def preview(self, engine: str) -> dict[str, Any]:
        digest: dict[str, Any] = json.loads(self.bandplan("preview", "--engine", engine, "--json"))
        return digest

    # ------------------------------------------------------------------ the workspace

    @property
    def workspace(self) -> process.Running:
        running = process.status(self.stub_folder)
        assert running is not None
        return running

    def request(self, method: str, path: str, body: Any = None) -> Any:
        answer = urllib3.request(
            method,
            self.workspace.host + path,
            headers={"Authorization": f"Bearer {self.workspace.token}"},
            json=body,
            retries=False,
        )
        assert answer.status == 200, answer.data
        return answer.json()

    def endpoint(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.request("GET", f"/api/2.0/serving-endpoints/{name}")
        return found

    def settled(self, name: str) -> None:
        self.request("POST", f"/stub/endpoints/{name}/settle")

    def endpoint_names(self) -> set[str]:
        listed = self.request("GET", "/api/2.0/serving-endpoints")
        return {endpoint["name"] for endpoint in listed.get("endpoints", [])}


def without_registrations(models: str) -> str:
    """The sample fleet without its last entries, whose versions take MLflow several seconds each to make."""
    kept, comment, _ = models.partition("  # Versions registered by this deployment:")
    assert comment, "the sample has no entries with `register` under their comment"
    return kept + models[models.index("overrides:\n") :]


def plan_of(digest: dict[str, Any]) -> dict[str, str]:
    """Operation by URN, without what stays the same."""
    return {step["urn"]: step["op"] for step in digest.get("steps", []) if step["op"] != "same"}


def by_name(digest: dict[str, Any]) -> dict[str, str]:
    """Operation by `type name`."""
    named = {}
    for urn, op in plan_of(digest).items():
        parts = urn.split("::")
        named[f"{parts[2].rsplit(':', 1)[-1]} {parts[3]}"] = op
    return named


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[FleetProject]:
    project = FleetProject(tmp_path / "fleet")
    yield project
    process.stop(project.stub_folder)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


SMALL = """\
version: 1
models:
  - name: support-chat
    task: llm/v1/chat
    model: system.ai.llama_v3_3_70b_instruct
    version: "1"
    throughput: {bands: {min: 2, max: 4}}
    notifications: {on_update_failure: [ml-oncall@example.com]}
    permissions:
      - {group_name: support-apps, permission_level: CAN_QUERY}
  - name: maverick-chat
    task: llm/v1/chat
    model: system.ai.llama-4-maverick
    version: "1"
    throughput: {model_units: 50}
  - name: passage-embeddings
    task: llm/v1/embeddings
    model: system.ai.bge_large_en_v1_5
    version: "1"
    throughput: {bands: {min: 1, max: 2}}
"""
"""Three endpoints, one of each kind, for tests that need no whole fleet."""
