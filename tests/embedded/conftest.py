"""A project with toys, run by the embedded engine or by the Pulumi CLI over the same state and the same world."""

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bandplan.embedded.events import Event
from bandplan.embedded.run import Engine, Hooks, Outcome
from tests.embedded.toy import Toys

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


class ToyProject:
    """One project folder, one stack named `local`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.state_dir = folder / "state"
        self.toys = Toys(folder / "world")
        self.events: list[Event] = []
        (folder / "stacks").mkdir(parents=True)
        (folder / "Pulumi.yaml").write_text(
            "name: toys\n"
            f"runtime: {{name: python, options: {{virtualenv: '{sys.prefix}'}}}}\n"
            "main: stacks/\nstackConfigDir: stacks\n"
        )
        (folder / "stacks" / "Pulumi.local.yaml").write_text("config:\n  toy:colour: red\n")
        shutil.copy(HERE / "program.py", folder / "stacks" / "__main__.py")
        monkeypatch.setenv("TOY_PLAN", str(folder / "plan.json"))

    def declare(self, *resources: dict[str, Any]) -> None:
        (self.folder / "plan.json").write_text(json.dumps(resources))

    def engine(self, parallel: int = 8, listen: Callable[[Event], None] | None = None, **hooks: Any) -> Engine:
        self.events.clear()
        listen = listen or self.events.append
        return Engine(self.folder, "local", self.state_dir, {"toy": self.toys}, listen, parallel, Hooks(**hooks))

    def up(self) -> Outcome:
        return self.engine().up()

    def preview(self) -> Outcome:
        return self.engine().preview()

    def checkpoint(self) -> dict[str, Any]:
        return json.loads((self.state_dir / ".pulumi/stacks/toys/local.json").read_text())

    def resources(self) -> dict[str, dict[str, Any]]:
        entries = self.checkpoint()["checkpoint"]["latest"]["resources"]
        return {entry["urn"].rsplit("::", 1)[-1]: entry for entry in entries}

    def edit_state(self, change: Callable[[dict[str, dict[str, Any]]], Any]) -> None:
        """Change the checkpoint's entries, by logical name."""
        path = self.state_dir / ".pulumi/stacks/toys/local.json"
        document = json.loads(path.read_text())
        change({entry["urn"].rsplit("::", 1)[-1]: entry for entry in document["checkpoint"]["latest"]["resources"]})
        path.write_text(json.dumps(document))

    def messages(self) -> str:
        return "\n".join(str(getattr(event, "message", "")) for event in self.events)

    def pulumi(self, *arguments: str) -> str:
        """Run the real CLI on this project; fails the test when it fails."""
        plugins = self.folder / "plugins"
        plugins.mkdir(exist_ok=True)
        executable = plugins / "pulumi-resource-toy"
        executable.write_text(f'#!/bin/sh\nexec {sys.executable} {HERE / "toy.py"} "$@"\n')
        executable.chmod(executable.stat().st_mode | stat.S_IXUSR)
        self.state_dir.mkdir(exist_ok=True)
        environment = {
            **os.environ,
            "PATH": f"{plugins}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PULUMI_BACKEND_URL": f"file://{self.state_dir}",
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_HOME": str(self.folder / "pulumi-home"),
            "TOY_WORLD": str(self.toys.world),
        }
        done = subprocess.run(
            ["pulumi", "--non-interactive", *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def pulumi_preview_of_new_stack(self) -> dict[str, Any]:
        self.pulumi("stack", "init", "local")
        return self.pulumi_preview()

    def pulumi_preview(self, *arguments: str) -> dict[str, Any]:
        return json.loads(self.pulumi("preview", "--stack", "local", "--json", *arguments))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToyProject:
    return ToyProject(tmp_path / "project", monkeypatch)


def thing(name: str, **props: Any) -> dict[str, Any]:
    """A toy whose physical name is its logical one."""
    return {"name": name, "props": {"name": name, **props}}


def box(name: str, **props: Any) -> dict[str, Any]:
    return {"name": name, "props": props, "component": True}


def plan_of(digest: dict[str, Any]) -> dict[str, str]:
    """Operation by logical name; what is only read, or stays as it is, is no part of a plan."""
    steps = [step for step in digest.get("steps", []) if step["op"] not in ("same", "refresh")]
    return {step["urn"].rsplit("::", 1)[-1]: step["op"] for step in steps}
