"""The jobs of `.gitlab-ci.yml` that need no Pulumi, as `bandplan init` writes them: their lines in a shell, as GitLab runs
them.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from bandplan.stub import process
from tests.e2e.conftest import ROOT

VOLUME = "/Volumes/ops/bandplan/usage"
OLD = "2026-01-01T00:00:00Z"
"""When the band was committed, so that it is not too new to be lowered."""

MODELS = """\
version: 1
models:
  - name: support-chat   # the first
    task: llm/v1/chat
    model: system.ai.llama_v3_3_70b_instruct
    version: "1"
    throughput: {bands: {min: 3, max: 4}}
"""


class _Loader(yaml.BaseLoader):
    """Knows GitLab's own tag."""


_Loader.add_constructor("!reference", lambda loader, node: loader.construct_sequence(node))


class Team:
    """A repository that `bandplan init` made for GitLab, and a local workspace in place of a real one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run("init", str(folder), "--ci", "gitlab", "--stack", "prod", "--yes")
        (folder / "models.yaml").write_text(MODELS)
        for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "Begin the fleet"]):
            self.git(*command)
        self.run("-C", str(folder), "stub", "start")
        running = process.status(folder / ".bandplan" / "stub")
        assert running is not None
        self.workspace = running

    def environment(self, **extra: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATABRICKS_", "PULUMI_"))}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**kept, "PATH": path, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **extra}

    def run(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "bandplan.cli.main", *arguments]
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def git(self, *arguments: str) -> str:
        who = {f"GIT_{part}_{key}": "ana" for part in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
        dates = {"GIT_AUTHOR_DATE": OLD, "GIT_COMMITTER_DATE": OLD}
        done = subprocess.run(
            ["git", "-C", str(self.folder), *arguments],
            env=self.environment(**who, **dates),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def job(self, name: str, **variables: str) -> "tuple[int, str, dict[str, Any]]":
        """Run the lines of a job in one shell; return (status, output, the job). A runner has an identity, we a token."""
        document = yaml.load((self.folder / ".gitlab-ci.yml").read_text(), Loader=_Loader)
        job: dict[str, Any] = document[name]
        given = {**document["variables"], **job.get("variables", {}), **variables, "DATABRICKS_AUTH_TYPE": "pat"}
        given |= {"DATABRICKS_HOST": self.workspace.host, "DATABRICKS_TOKEN": self.workspace.token, "STACK": "prod"}
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", "\n".join(job["script"])],
            cwd=self.folder,
            env=self.environment(**given),
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr, job

    def keep_usage(self, minutes: int) -> None:
        """Rows in a volume, as a job of the workspace writes them: a request of 2,000 tokens a minute."""
        now = int(time.time() // 60)
        header = "request_time,endpoint_name,served_entity_name,status_code,input_token_count,output_token_count\n"
        rows = [f"{minute * 60 + 30},support-chat,llama-1,200,1500,500\n" for minute in range(now - minutes, now)]
        address = f"{self.workspace.host}/api/2.0/fs/files{VOLUME}/part-0.csv"
        token = {"Authorization": f"Bearer {self.workspace.token}"}
        answer = urllib3.request("PUT", address, headers=token, body=(header + "".join(rows)).encode(), retries=False)
        assert answer.status == 204, answer.data


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    made = Team(tmp_path / "fleet")
    yield made
    made.run("-C", str(made.folder), "stub", "stop")


def test_rightsize_suggests_a_band_as_a_patch_that_git_takes(team: Team) -> None:
    team.keep_usage(8 * 24 * 60)
    status, output, job = team.job("rightsize", BANDPLAN_USAGE=VOLUME)
    assert status == 0, output
    # 2,000 tokens in 60 s are 33 tokens/s: one chunk. A step takes 30% or one chunk: 4 x 0.7 = 2.8, and 3 - 1.
    assert "support-chat  3 to 4  1 to 1  1 to 1  1 to 1  down: 2 to 3" in output
    assert team.workspace.token not in output
    kept = job["artifacts"]["paths"]
    assert kept == ["rightsize.patch", "measurements.json", "decisions.jsonl"]
    assert all((team.folder / path).stat().st_size for path in kept)
    assert job["variables"]["GIT_DEPTH"] == "0"  # the history says when the band was changed
    team.git("am", "rightsize.patch")
    assert (team.folder / "models.yaml").read_text() == MODELS.replace("min: 3, max: 4", "min: 2, max: 3")
    (decision,) = (team.folder / "decisions.jsonl").read_text().splitlines()
    assert json.loads(decision)["suggested"] == {"min": 2, "max": 3}
    status, output, _ = team.job("rightsize", BANDPLAN_USAGE=VOLUME)
    assert status == 0, output


def test_rightsize_fails_with_one_line_where_the_volume_has_nothing(team: Team) -> None:
    status, output, _ = team.job("rightsize", BANDPLAN_USAGE=VOLUME)
    assert status == 2
    assert f"error: {VOLUME}: has no .csv file; write the rows there" in output
    assert "Traceback" not in output
    assert not (team.folder / "rightsize.patch").exists()
