"""Runs a workflow file of this repository as GitHub Actions would: its jobs, and in each job its steps, in order.

Each job gets a clone of its own and the environment that the file gives it, and nothing else. Of the actions that it
`uses`, those that install programs are taken to have done so; artifacts go to the fake repository.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.conftest import ROOT
from tests.e2e.expression import holds, rendered
from tests.e2e.github import REPOSITORY, RepositoryFake, WorkflowRun, zipped
from tests.forge.forge_fake import TOKEN

WORKFLOWS = ROOT / ".github" / "workflows"


@dataclass
class JobRun:
    """How a job went. `steps`: name -> success, failure or skipped; `log`: what its steps wrote; `summary`: for people."""

    name: str
    conclusion: str = "success"
    steps: dict[str, str] = field(default_factory=dict)
    log: str = ""
    summary: str = ""


@dataclass
class Runner:
    """What GitHub has beside the file: the repository `origin`, variables, secrets, and machines.

    `backend` is the folder where states lie; `tools` comes first on PATH.
    """

    github: RepositoryFake
    origin: Path
    work: Path
    variables: dict[str, str]
    secrets: dict[str, str]
    machine: dict[str, str]
    backend: Path

    def start(
        self, workflow: str, event_name: str, event: dict[str, Any], ref: str, is_fork: bool = False
    ) -> list[JobRun]:
        """The jobs that ran, in order; those whose `if` does not hold are not among them."""
        document = yaml.load((WORKFLOWS / workflow).read_text(), Loader=yaml.BaseLoader)
        sha = git(self.origin, "rev-parse", ref)
        head = event.get("pull_request", {}).get("head", {}).get("sha") or sha
        number = 1000 + len(self.github.runs)
        run = WorkflowRun(number, workflow, event_name, head, ref.removeprefix("refs/heads/"))
        self.github.runs.append(run)
        github = {
            "event_name": event_name,
            "event": event,
            "repository": REPOSITORY,
            "actor": "somebody",
            "ref": ref,
            "sha": sha,
            "run_id": str(number),
            "server_url": "https://github.example",
            "token": TOKEN,
        }
        secrets = {} if is_fork else self.secrets
        variables = {} if is_fork else self.variables
        contexts = {"github": github, "vars": variables, "secrets": secrets, "inputs": event.get("inputs", {})}
        done: list[JobRun] = []
        needs: dict[str, dict[str, str]] = {}
        for name, job in document["jobs"].items():
            here = {**contexts, "needs": {other: needs[other] for other in job.get("needs", ())}}
            needs[name] = {"result": "skipped"}
            if "if" in job and not holds(job["if"], here):
                continue
            needs[name] = {"result": "success"}
            permissions = job.get("permissions", document.get("permissions", {}))
            self.github.permissions = {} if is_fork else dict(permissions)
            for matrix in combinations(job, here):
                title = f"{name} ({', '.join(matrix.values())})" if matrix else name
                done.append(self._job(title, document, job, {**here, "matrix": matrix}, run))
                if done[-1].conclusion == "failure":
                    needs[name] = {"result": "failure"}
                    if job.get("strategy", {}).get("fail-fast", "true") == "true":
                        break
        run.conclusion = "failure" if any(job.conclusion == "failure" for job in done) else "success"
        return done

    def _job(
        self, title: str, document: dict[str, Any], job: dict[str, Any], contexts: dict[str, Any], run: WorkflowRun
    ) -> JobRun:
        result = JobRun(title)
        folder = self.work / f"{run.id}-{len(list(self.work.iterdir()))}"
        folder.mkdir()
        (folder / "summary.md").touch()
        (folder / "event.json").write_text(json.dumps(contexts["github"]["event"]))
        steps: dict[str, dict[str, str]] = {}
        for index, step in enumerate(job["steps"]):
            name = step.get("name") or step.get("uses") or f"step {index}"
            here = {**contexts, "steps": steps, "status": result.conclusion}
            outcome = "skipped"
            if holds(step.get("if", "success()"), here):
                layers = (document.get("env", {}), job.get("env", {}), step.get("env", {}))
                env = {key: text(rendered(value, here)) for layer in layers for key, value in layer.items()}
                outcome = self._step(step, folder, env, here, run, result)
            result.steps[name] = outcome
            steps[step.get("id", name)] = {"outcome": outcome, "conclusion": outcome}
            if outcome == "failure":
                result.conclusion = "failure"
        result.summary = (folder / "summary.md").read_text()
        return result

    def _step(
        self,
        step: dict[str, Any],
        folder: Path,
        env: dict[str, str],
        contexts: dict[str, Any],
        run: WorkflowRun,
        result: JobRun,
    ) -> str:
        checkout = folder / "repo"
        if "uses" in step:
            given = {key: text(rendered(value, contexts)) for key, value in step.get("with", {}).items()}
            return self._action(step["uses"].split("@")[0], given, checkout, contexts, run)
        github = contexts["github"]
        environment = {
            **self.machine,
            "GITHUB_ACTIONS": "true",
            "CI": "true",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_SHA": github["sha"],
            "GITHUB_REF": github["ref"],
            "GITHUB_REF_NAME": github["ref"].removeprefix("refs/heads/"),
            "GITHUB_RUN_ID": github["run_id"],
            "GITHUB_API_URL": self.github.url,
            "GITHUB_EVENT_NAME": github["event_name"],
            "GITHUB_EVENT_PATH": str(folder / "event.json"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
            **env,
        }
        script = folder / "step.sh"
        script.write_text(step["run"])
        # As GitHub runs a step on Linux that names no shell.
        done = subprocess.run(
            ["bash", "-e", str(script)],
            cwd=checkout if checkout.exists() else folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        result.log += f"$ {step['run'].strip()}\n{done.stdout}"
        return "success" if done.returncode == 0 else "failure"

    def checkout(self, folder: Path, commit: str) -> None:
        """The files of a commit, with the environment and the backend of every job."""
        git(self.origin, "worktree", "add", "--quiet", "--detach", str(folder), commit)
        (folder / ".venv").symlink_to(sys.prefix)
        (folder / ".bandplan").mkdir()
        (folder / ".bandplan" / "state").symlink_to(self.backend)

    def _action(
        self, action: str, given: dict[str, str], checkout: Path, contexts: dict[str, Any], run: WorkflowRun
    ) -> str:
        match action:
            case "actions/checkout":
                assert given["persist-credentials"] == "false"
                self.checkout(checkout, contexts["github"]["sha"])
            case "actions/upload-artifact":
                paths = [checkout / line.strip() for line in given["path"].splitlines() if line.strip()]
                files = {path.name: path.read_bytes() for path in paths if path.is_file()}
                run.artifacts[given["name"]] = zipped(files)
            case "actions/setup-python" | "pulumi/actions":
                pass
            case _:
                raise AssertionError(f"no stand-in for {action}; add one to tests/e2e/actions.py")
        return "success"


def combinations(job: dict[str, Any], contexts: dict[str, Any]) -> list[dict[str, str]]:
    """What a job runs for: each value of its matrix, which has one axis at most here; once where it has none."""
    matrix = job.get("strategy", {}).get("matrix")
    if matrix is None:
        return [{}]
    ((axis, values),) = matrix.items()
    return [{axis: value} for value in (rendered(values, contexts) if isinstance(values, str) else values)]


def text(value: Any) -> str:
    return "" if value is None else str(value)


def git(folder: Path, *arguments: str) -> str:
    identity = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.com"}
    identity |= {"GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@example.com", "GIT_CONFIG_GLOBAL": os.devnull}
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, env={**os.environ, **identity}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def machine(tools: Path | None, pulumi_home: Path) -> dict[str, str]:
    """Environment of a fresh runner: no variable of a CI, of Databricks or of Pulumi."""
    path = os.environ["PATH"] if tools is None else f"{tools}{os.pathsep}{os.environ['PATH']}"
    kept = {
        name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR", "PYTHONDONTWRITEBYTECODE") if name in os.environ
    }
    return {
        **kept,
        "PATH": path,
        "PYTHONPATH": str(ROOT),
        "PULUMI_HOME": str(pulumi_home),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "NO_COLOR": "1",
        # `make install-run` says what it would do: the environment is there.
        "MAKEFLAGS": "-n",
    }


def has_program(name: str) -> bool:
    return shutil.which(name) is not None
