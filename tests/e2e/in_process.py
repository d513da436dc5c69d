"""The commands of bandplan in this process, on a project and a workspace of the test's own: no process a command."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from bandplan.cli.main import main
from bandplan.stub import process
from tests.e2e.conftest import FleetProject, by_name

STACK = ("--stack", "dev", "--engine", "embedded")
ROOT = "/api/2.0/serving-endpoints"


class FleetInProcess(FleetProject):
    """A fleet whose stack is `dev`, so that commands take the workspace from the environment and start none."""

    def __init__(self, root: Path, workspace: process.Running, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(root)
        self._workspace = workspace
        (root / ".bandplan").mkdir()
        for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("DATABRICKS_HOST", workspace.host)
        monkeypatch.setenv("DATABRICKS_TOKEN", workspace.token)
        monkeypatch.chdir(root)

    @property
    def workspace(self) -> process.Running:
        return self._workspace

    def declare(self, *entries: dict[str, Any], **more: Any) -> None:
        """Write models.yaml (JSON is YAML)."""
        self.write_models(json.dumps({"version": 1, "models": list(entries), **more}))

    def command(self, *arguments: str) -> tuple[int, str, str]:
        """Exit status, standard output and standard error."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = main([*arguments, *STACK])
            except SystemExit as ended:
                status = int(ended.code or 0)
        return status, out.getvalue(), err.getvalue()

    def ok(self, *arguments: str) -> str:
        status, out, err = self.command(*arguments)
        assert status == 0, out + err
        return out

    def up(self, *options: str) -> str:
        return self.ok("up", "--yes", "--no-query", *options)

    def plan(self, *options: str) -> dict[str, Any]:
        """The document of a preview."""
        document: dict[str, Any] = json.loads(self.ok("preview", "--json", *options))
        return document

    def state(self) -> dict[str, Any]:
        """The deployment that the checkpoint holds."""
        file = self.root / ".bandplan" / "state" / ".pulumi" / "stacks" / "bandplan" / "dev.json"
        deployment: dict[str, Any] = json.loads(file.read_text())["checkpoint"]["latest"]
        return deployment

    def changes(self, *options: str) -> dict[str, str]:
        """Operation by `type name` of what a preview would do."""
        planned = by_name(self.plan(*options))
        return {name: op for name, op in planned.items() if op != "refresh"}

    def drift(self) -> dict[str, Any]:
        """The document of `drift`, whatever it found."""
        status, out, err = self.command("drift", "--json")
        assert status in (0, 3), out + err
        found: dict[str, Any] = json.loads(out)
        return found

    def drifted(self) -> dict[str, Any]:
        """What is not as it was deployed, by endpoint; only what counts as drift."""
        return {
            one["name"]: [
                one["situation"],
                one["condition"],
                *(f["field"] for f in one["fields"] if f["verdict"] == "real"),
            ]
            for one in self.drift()["endpoints"]
            if one["drift"]
        }
