"""A temporary project with a fleet of a given size, its own stub workspace, and the programs to compare."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bandplan.cli.engines.plugin_executable import write_plugin_executable
from bandplan.cli.engines.pulumi import local_pulumi_environment
from bandplan.cli.environment import local_environment
from bandplan.cli.project import Project
from bandplan.stub import process
from benchmarks.fleets import models_yaml
from benchmarks.measuring import Sample, run
from benchmarks.peer_environment import peer_environment, with_byte_code
from benchmarks.peers import FLOOR, PACKAGE, endpoints, resources

ROOT = Path(__file__).parent.parent

PULUMI_YAML = """\
name: {name}
runtime: {{name: python, options: {{virtualenv: .venv}}}}
main: stacks/
stackConfigDir: stacks
plugins: {{providers: [{{name: bandplan, path: ./bandplan/provider}}]}}
"""


@dataclass(frozen=True)
class Program:
    """The text of a `__main__.py` (None is ours) and the virtual environment it runs in."""

    text: str | None
    environment: Path


OURS = Program(None, Path(sys.prefix))


@dataclass(frozen=True)
class BenchProject:
    """One project folder; `pulumi` runs here against the stub, as the local stack does.

    Nothing writes byte code during a run: each environment stays in the state that its name describes.
    """

    root: Path
    running: process.Running

    @property
    def environ(self) -> dict[str, str]:
        """Environment of a run: the stub's host and token, a backend and plugins of this project."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "DATABRICKS_"))}
        kept |= {"PYTHONPATH": str(ROOT), "PULUMI_HOME": str(self.root / "pulumi-home")}
        kept["PYTHONDONTWRITEBYTECODE"] = "1"
        environ = local_environment(kept, self.running.host, self.running.token)
        return local_pulumi_environment(environ, Project(self.root))

    def bandplan(self, *arguments: str, engine: str = "embedded") -> Sample:
        """Time one `bandplan` command."""
        command = [sys.executable, "-m", "bandplan.cli.main", arguments[0], "--engine", engine, *arguments[1:]]
        return run(command, self.root, self.environ)

    def warm(self, *arguments: str) -> Sample:
        """Time one `bandplan` command in a warm process. Its CPU seconds are those of the process that asks for it."""
        command = [
            sys.executable,
            "-P",
            "-m",
            "bandplan.cli.start",
            arguments[0],
            "--engine",
            "embedded",
            *arguments[1:],
        ]
        return run(command, self.root, {**self.environ, "BANDPLAN_WARM": "always"})

    def command(self, *arguments: str) -> Sample:
        """Time one `bandplan` command that deploys nothing."""
        return run([sys.executable, "-m", "bandplan.cli.main", *arguments], self.root, self.environ)

    def pulumi(self, *arguments: str) -> Sample:
        """Time one `pulumi` command on the local stack."""
        return run(["pulumi", *arguments, "--stack", "local", "--non-interactive"], self.root, self.environ)

    def digest(self) -> dict[str, object]:
        """Return the preview of a new stack, as JSON."""
        command = [sys.executable, "-m", "bandplan.cli.main", "preview", "--engine", "embedded", "--json"]
        done = subprocess.run(command, cwd=self.root, env=self.environ, capture_output=True, check=True)
        document: dict[str, object] = json.loads(done.stdout)
        return document

    def use(self, program: Program) -> None:
        """Install a program and the environment that it runs in."""
        main = self.root / "stacks" / "__main__.py"
        main.write_text(program.text if program.text is not None else (ROOT / "stacks" / "__main__.py").read_text())
        link = self.root / ".venv"
        link.unlink()
        link.symlink_to(program.environment)

    def programs(self) -> dict[str, Program]:
        """Return the programs to compare, by name: ours, the floor, and the peer in both states of its environment."""
        fresh = peer_environment(self.root / "peer-fresh")
        compiled = with_byte_code(peer_environment(self.root / "peer-compiled"))
        return {
            "ours": OURS,
            "floor": Program(FLOOR, Path(sys.prefix)),
            "pulumi_databricks": Program(PACKAGE, compiled),
            "pulumi_databricks without byte code": Program(PACKAGE, fresh),
        }

    def forget_state(self) -> None:
        """Reset the stack to a new one; the workspace keeps what it has."""
        shutil.rmtree(self.root / ".bandplan" / "state", ignore_errors=True)

    def init(self) -> None:
        """Create the stack for `pulumi`, which a user does once."""
        (self.root / ".bandplan" / "state").mkdir(parents=True, exist_ok=True)
        write_plugin_executable(self.root / ".bandplan" / "plugins", sys.executable, ROOT)
        self.pulumi("stack", "init", "--no-select")


@contextmanager
def bench_project(folder: Path, count: int) -> Iterator[BenchProject]:
    """Provide a project with `count` endpoints in models.yaml and a stub that settles immediately."""
    folder.mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text(PULUMI_YAML.format(name="bandplan"))
    (folder / "models.yaml").write_text(models_yaml(count))
    shutil.copytree(ROOT / "stacks", folder / "stacks", ignore=shutil.ignore_patterns("__pycache__"))
    for room in ("bandplan", "policies"):
        (folder / room).symlink_to(ROOT / room)
    (folder / ".venv").symlink_to(sys.prefix)
    stub_folder = folder / ".bandplan" / "stub"
    running = process.start(stub_folder, settle="at-once")
    try:
        project = BenchProject(folder, running)
        digest = project.digest()
        (folder / "resources.json").write_text(json.dumps(resources(digest)))
        (folder / "endpoints.json").write_text(json.dumps(endpoints(digest)))
        yield project
    finally:
        process.stop(stub_folder)
