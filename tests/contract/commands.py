"""Clients that are programs: the `databricks` CLI, Terraform, and the `pulumi` CLI with the published plugin.

They are not installed with the project. A test that needs one says so when it is not on PATH, and is skipped.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.contract.target import Target

TIMEOUT_SECONDS = 300
CATALOG, SCHEMA = os.environ.get("BANDPLAN_CONTRACT_SCHEMA", "ml.own").split(".")
"""Where models are registered: a schema that is there; on the stub, one that always is."""

FOREIGN = ("DATABRICKS_", "TF_", "PULUMI_", "BANDPLAN_", "ARM_", "AWS_", "AZURE_", "GOOGLE_")
"""Settings of this machine that these programs would read."""


@dataclass(frozen=True)
class Command:
    """A program, the folder that it runs in, and its whole environment."""

    executable: str
    folder: Path
    environ: Mapping[str, str] = field(repr=False)

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run it, with `more` in the environment; its exit status is left to the caller."""
        return subprocess.run(
            [self.executable, *arguments],
            cwd=self.folder,
            env={**self.environ, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=None if "BANDPLAN_CONTRACT_HOST" in os.environ else TIMEOUT_SECONDS,
        )

    def ok(self, *arguments: str, **more: str) -> str:
        """What it prints; fails the test, showing everything, unless it ends with 0."""
        done = self.run(*arguments, **more)
        assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, *arguments: str, **more: str) -> Any:
        return json.loads(self.ok(*arguments, **more) or "null")

    def refused(self, *arguments: str, **more: str) -> str:
        """All that it prints when it does not end with 0."""
        done = self.run(*arguments, **more)
        assert done.returncode != 0, f"{arguments} succeeded:\n{done.stdout}"
        return done.stdout + done.stderr


def command(executable: str, folder: Path, target: Target, path: str = "", **more: str) -> Command:
    """`executable` in `folder`, which is its home too, pointed at `target` alone; `path` goes in front of PATH."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    environ = {
        **kept,
        "PATH": os.pathsep.join(filter(None, [path, kept.get("PATH", "")])),
        "HOME": str(folder),
        "NO_PROXY": "127.0.0.1,localhost",
        "DATABRICKS_HOST": target.host,
        "DATABRICKS_TOKEN": target.token,
        "DATABRICKS_CONFIG_FILE": os.devnull,
        # The CLI keeps answers about a host for an hour, and the next stub may get the same port.
        "DATABRICKS_CACHE_ENABLED": "false",
        **more,
    }
    return Command(executable, folder, environ)


def found(*names: str) -> str | None:
    """Path of the first of these programs that is on PATH."""
    return next(filter(None, map(shutil.which, names)), None)


def needs(*programs: str) -> list[pytest.MarkDecorator]:
    """Marks of a test module that needs programs on PATH; `a|b` is one of two."""
    missing = [program for program in programs if found(*program.split("|")) is None]
    reason = f"not on PATH: {', '.join(f'`{program}`' for program in missing)}"
    return [pytest.mark.client_program, pytest.mark.timeout(1500), pytest.mark.skipif(bool(missing), reason=reason)]
