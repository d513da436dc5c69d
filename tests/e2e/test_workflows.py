"""The workflow files themselves, step by step: from a pull request's diff to a deployed workspace, and what stops it."""

import io
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from bandplan.cli.engines.plugin_executable import write_plugin_executable
from bandplan.stub import process
from tests.e2e.actions import JobRun, Runner, git, machine
from tests.e2e.conftest import ENGINES, ROOT, FleetProject
from tests.e2e.github import RepositoryFake, only
from tests.e2e.test_saved_plan import ceilings, edit_by_hand
from tests.forge.forge_fake import NUMBER, serving

MODELS = """\
version: 1
defaults: {tags: {team: support, managed-by: bandplan}}
models:
  - name: support-chat
    task: llm/v1/chat
    model: system.ai.llama_v3_3_70b_instruct
    version: "1"
    throughput: {bands: {min: 3, max: 4}}
    demand: {requests_per_second: 4, input_tokens: 1000, output_tokens: 250}
  - name: passage-embeddings
    task: llm/v1/embeddings
    model: system.ai.bge_large_en_v1_5
    version: "1"
    throughput: {bands: {min: 1, max: 2}}
    demand: {requests_per_second: 10, input_tokens: 240, output_tokens: 0}
"""
"""Demand 5,000 and 2,400 tokens/s; chunks of 980 and 1,360 tokens/s: 2,940 to 3,920 and 1,360 to 2,720."""

POLICIES = '{"all": "disabled", "over-provisioned": {"enforcementLevel": "mandatory", "headroom_percent": 20}}'
"""5,000 tokens/s x 1.2 = 6,000: 6 chunks of 980 pass, and so does the one that 6,000 begins; 12 do not."""

BAND, RAISED, FAR_TOO_MUCH = (f"bands: {{min: 3, max: {most}}}" for most in (4, 6, 12))


class Repository:
    """A repository with the workflows' files on `main`, on a GitHub that runs them, and a workspace to deploy to."""

    def __init__(self, folder: Path, fleet: FleetProject, github: RepositoryFake, engine: str) -> None:
        self.fleet, self.github = fleet, github
        self.path = folder / "origin"
        fleet.use_policies()
        shutil.copytree(fleet.root, self.path, symlinks=True, ignore=shutil.ignore_patterns(".venv", ".bandplan"))
        for name in ("Makefile", ".gitignore"):
            shutil.copy(ROOT / name, self.path / name)
        (self.path / "stacks" / "policies.prod.json").write_text(POLICIES)
        git(self.path, "init", "--quiet", "--initial-branch=main")
        self.commit("the fleet", MODELS)
        backend, work, tools = folder / "backend", folder / "work", folder / "tools"
        for made in (backend, work, tools):
            made.mkdir()
        plugin = write_plugin_executable(tools, sys.executable, ROOT) if engine == "pulumi" else None
        secrets = {"DATABRICKS_TOKEN": fleet.workspace.token, "PULUMI_CONFIG_PASSPHRASE": ""}
        variables = {
            "DATABRICKS_HOST": fleet.workspace.host,
            "DATABRICKS_AUTH_TYPE": "pat",
            "PULUMI_BACKEND_URL": backend.as_uri(),
            "BANDPLAN_STACKS": '["prod"]',
        }
        here = {**machine(tools if plugin else None, folder / "pulumi-home"), "BANDPLAN_ENGINE": engine}
        self.runner = Runner(github, self.path, work, variables, secrets, here, backend)

    def init_stack(self) -> None:
        """What a platform engineer does once; the salt of the passphrase is committed, as Pulumi asks."""
        environ = {**self.runner.machine, **self.runner.variables, **self.runner.secrets}
        command = ["pulumi", "stack", "init", "prod", "--non-interactive"]
        subprocess.run(command, cwd=self.path, env=environ, check=True, capture_output=True)
        self.commit("the stack prod", MODELS)

    def commit(self, message: str, models: str) -> str:
        (self.path / "models.yaml").write_text(models)
        git(self.path, "add", "--all")
        git(self.path, "commit", "--quiet", "--message", message)
        return git(self.path, "rev-parse", "HEAD")

    def push_branch(self, models: str) -> str:
        """Branch `change` with this models.yaml, and its merge into main as GitHub keeps it ready; returns the head."""
        git(self.path, "checkout", "--quiet", "-B", "change", "main")
        head = self.commit("a change", models)
        git(self.path, "checkout", "--quiet", "--detach", "main")
        git(self.path, "merge", "--quiet", "--no-ff", "--message", "merge", "change")
        git(self.path, "update-ref", f"refs/pull/{NUMBER}/merge", "HEAD")
        git(self.path, "checkout", "--quiet", "main")
        return head

    def preview(self, models: str, is_fork: bool = False) -> tuple[JobRun, str]:
        """What the pull request's run did for prod, and the commit it was for."""
        head = self.push_branch(models)
        owner = "somebody-else/repo" if is_fork else "org/repo"
        pull = {"number": NUMBER, "head": {"sha": head, "repo": {"full_name": owner}}}
        *_, job, check = self.runner.start(
            "preview.yml", "pull_request", {"pull_request": pull}, f"refs/pull/{NUMBER}/merge", is_fork
        )
        assert (check.name, check.conclusion) == ("previewed", job.conclusion)
        return job, head

    def merge(self, head: str) -> None:
        """As a squash: another commit than any that was previewed, with the same content."""
        git(self.path, "merge", "--quiet", "--squash", "change")
        git(self.path, "commit", "--quiet", "--message", f"a change (#{NUMBER})")
        merged = {"merge_commit_sha": git(self.path, "rev-parse", "main"), "merged_at": "2026-11-01T00:00:00Z"}
        self.github.pulls.append(
            {"id": NUMBER, "number": NUMBER, "base": {"ref": "main"}, "head": {"sha": head}, **merged}
        )

    def deploy(self, run: int | None = None) -> JobRun:
        """After a push to main, or by hand with the number of a preview's run."""
        by_hand = {"inputs": {"run": str(run)}} if run else {}
        (job,) = self.runner.start("deploy.yml", "workflow_dispatch" if run else "push", by_hand, "refs/heads/main")
        return job

    def deploy_at_once(self) -> None:
        """What the pipeline has deployed before a test begins, in one command of the same version of the files."""
        checkout = self.runner.work / "deployed"
        self.runner.checkout(checkout, "main")
        environ = {**self.runner.machine, **self.runner.variables, **self.runner.secrets}
        command = [sys.executable, "-m", "bandplan.cli.main", "up", "--stack", "prod", "--yes"]
        done = subprocess.run(command, cwd=checkout, env=environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert ceilings(self.fleet, "support-chat") == [3920]

    def look_for_drift(self) -> JobRun:
        (job,) = self.runner.start("drift.yml", "schedule", {}, "refs/heads/main")
        return job


@pytest.fixture
def repository(tmp_path: Path, fleet: FleetProject, engine: str) -> Iterator[Repository]:
    process.start(fleet.stub_folder)
    with serving(RepositoryFake()) as github:
        assert isinstance(github, RepositoryFake)
        repository = Repository(tmp_path, fleet, github, engine)
        if engine == "pulumi":
            repository.init_stack()
        yield repository


@pytest.mark.timeout(600)
def test_the_first_deployment_is_a_plan_that_was_previewed_by_hand(repository: Repository) -> None:
    """There is no pull request yet."""
    job, check = repository.runner.start("preview.yml", "workflow_dispatch", {}, "refs/heads/main")
    assert (job.conclusion, check.conclusion) == ("success", "success"), job.log
    job = repository.deploy(repository.github.runs[-1].id)
    assert job.conclusion == "success", job.log
    assert ceilings(repository.fleet, "support-chat") == [3920]


@pytest.mark.timeout(600)
def test_a_pull_request_has_one_comment_and_a_plan_once_policies_let_it_pass(repository: Repository) -> None:
    github, fleet = repository.github, repository.fleet
    repository.deploy_at_once()

    # far too much: blocked, with the arithmetic
    job, _ = repository.preview(MODELS.replace(BAND, FAR_TOO_MUCH))
    assert (job.conclusion, job.steps["preview"], job.steps["comment"]) == ("failure", "failure", "success"), job.log
    assert job.steps["keep the plan"] == "skipped"
    (comment,) = github.bodies()
    assert "over-provisioned" in comment
    assert "5,000" in comment

    # less of it: the same comment says something else, and the plan is kept
    job, _ = repository.preview(MODELS.replace(BAND, RAISED))
    assert job.conclusion == "success", job.log
    (comment,) = github.bodies()
    assert "over-provisioned" not in comment
    assert "changes 1 of 2 endpoints" in comment
    assert "changes 1 of 2 endpoints" in job.summary
    plan = only(github.runs[-1].artifacts["plan-prod"])
    assert (plan["stack"], len(plan["steps"])) == ("prod", 4)
    assert fleet.workspace.token not in str(plan)


@pytest.mark.timeout(600)
def test_a_merge_is_deployed_as_it_was_reviewed_or_not_at_all(repository: Repository) -> None:
    github, fleet = repository.github, repository.fleet
    repository.deploy_at_once()
    job, head = repository.preview(MODELS.replace(BAND, RAISED))
    assert job.conclusion == "success", job.log

    # merged, but somebody edited the endpoint by hand meanwhile
    repository.merge(head)
    edit_by_hand(fleet, "support-chat", 4900)
    job = repository.deploy()
    assert (job.steps["plan"], job.steps["deploy"], job.conclusion) == ("success", "failure", "failure"), job.log
    assert job.summary.startswith("**<code>prod</code>**: nothing was deployed.\n")
    assert "workspace: endpoint support-chat: was changed" in job.summary.replace("&#58;", ":")
    assert ceilings(fleet, "support-chat") == [4900]
    edit_by_hand(fleet, "support-chat", 3920)

    # run again, with the world as it was: exactly what was reviewed
    job = repository.deploy()
    assert job.conclusion == "success", job.log
    assert ceilings(fleet, "support-chat") == [5880]
    assert "changes 1 of 2 endpoints" in job.summary
    assert len(github.bodies()) == 1


@pytest.mark.timeout(600)
def test_drift_is_one_issue_that_comes_and_goes(repository: Repository) -> None:
    github, fleet = repository.github, repository.fleet
    repository.deploy_at_once()
    edit_by_hand(fleet, "support-chat", 4900)
    job = repository.look_for_drift()
    assert job.conclusion == "success", job.log
    (issue,) = github.issues.values()
    assert (issue["title"], issue["state"]) == ("Drift in prod", "open")
    assert "4900" in issue["body"]
    edit_by_hand(fleet, "support-chat", 3920)
    assert repository.look_for_drift().conclusion == "success"
    assert issue["state"] == "closed"


VOLUME = "/Volumes/ops/bandplan/usage"


@pytest.fixture
def band_of_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits of this test are old, so that the band is not too new to be lowered."""
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z")


def keep_usage(fleet: FleetProject, minutes: int) -> None:
    """Rows in a volume, as a job of the workspace writes them: a request of 2,000 tokens a minute, in two files."""
    now = int(time.time() // 60)
    header = "request_time,endpoint_name,served_entity_name,status_code,input_token_count,output_token_count\n"
    rows = [f"{minute * 60},support-chat,llama-1,200,1500,500\n" for minute in range(now - minutes, now)]
    half = minutes // 2
    for name, part in (("part-0.csv", rows[:half]), ("part-1.csv", rows[half:]), ("_SUCCESS", [])):
        token = {"Authorization": f"Bearer {fleet.workspace.token}"}
        address = f"{fleet.workspace.host}/api/2.0/fs/files{VOLUME}/{name}"
        answer = urllib3.request("PUT", address, headers=token, body=(header + "".join(part)).encode(), retries=False)
        assert answer.status == 204, answer.data


@pytest.mark.usefixtures("band_of_long_ago")
@pytest.mark.parametrize("engine", ENGINES[:1], indirect=True)
def test_observed_use_becomes_a_pull_request_that_policies_let_pass(repository: Repository, tmp_path: Path) -> None:
    github, fleet = repository.github, repository.fleet
    repository.deploy_at_once()
    keep_usage(fleet, 8 * 24 * 60)
    repository.runner.variables["BANDPLAN_USAGE"] = VOLUME

    (job,) = repository.runner.start("rightsize.yml", "schedule", {}, "refs/heads/main")

    assert job.conclusion == "success", job.log
    # 2,000 tokens in 60 s are 33 tokens/s: one chunk. A step takes 30% or one chunk: 4 x 0.7 = 2.8, and 3 - 1.
    assert "**prod**: observed use suggests 1 other band, 2 endpoints looked at." in job.summary
    assert "| support-chat | 3 to 4 | 1 to 1 | 1 to 1 | 1 to 1 | down: 2 to 3 |" in job.summary
    assert f"{VOLUME}/part-1.csv: 5,760 rows of system.serving.endpoint_usage" in job.summary
    assert fleet.workspace.token not in job.log + job.summary
    kept = tmp_path / "artifact"
    with zipfile.ZipFile(io.BytesIO(github.runs[-1].artifacts["rightsize-prod"])) as archive:
        archive.extractall(kept)
    assert sorted(path.name for path in kept.iterdir()) == ["decisions.jsonl", "measurements.json", "rightsize.patch"]
    git(repository.path, "am", str(kept / "rightsize.patch"))
    models = (repository.path / "models.yaml").read_text()
    git(repository.path, "reset", "--quiet", "--hard", "HEAD~1")
    assert models == MODELS.replace("bands: {min: 3, max: 4}", "bands: {min: 2, max: 3}")
    job, _ = repository.preview(models)
    assert job.conclusion == "success", job.log


@pytest.mark.parametrize("engine", ENGINES[:1], indirect=True)
def test_a_fork_is_previewed_without_secrets_and_without_asking_anybody(repository: Repository) -> None:
    fleet = repository.fleet
    before = process.status(fleet.stub_folder)
    process.stop(fleet.stub_folder)

    job, _ = repository.preview(MODELS.replace(BAND, RAISED), is_fork=True)

    assert (job.name, job.conclusion) == ("offline (prod)", "success"), job.log
    assert "changes 1 of 2 endpoints" in job.summary
    assert "Offline preview" in job.summary
    assert repository.github.requests == []
    assert before is not None
    assert before.token not in job.log + job.summary


@pytest.mark.parametrize("engine", ENGINES[:1], indirect=True)
def test_a_fork_that_moves_the_models_file_is_compared_with_where_it_was(repository: Repository) -> None:
    config = repository.path / "stacks" / "Pulumi.prod.yaml"
    process.stop(repository.fleet.stub_folder)
    kept = config.read_text()
    assert "bandplan:models: models.yaml" in kept
    (repository.path / "teams").mkdir()
    git(repository.path, "checkout", "--quiet", "-B", "change", "main")
    config.write_text(kept.replace("models.yaml", "teams/a.yaml"))
    (repository.path / "teams" / "a.yaml").write_text(MODELS.replace(BAND, RAISED))

    job, _ = repository.preview("version: 1\nmodels: []\n", is_fork=True)

    assert (job.name, job.conclusion) == ("offline (prod)", "success"), job.log
    assert "changes 1 of 2 endpoints" in job.summary


@pytest.mark.parametrize("engine", ENGINES[:1], indirect=True)
def test_the_same_files_do_nothing_harmful_where_no_workspace_is_configured(repository: Repository) -> None:
    repository.runner.variables = {}
    for workflow, event in (("deploy.yml", "push"), ("drift.yml", "schedule"), ("rightsize.yml", "schedule")):
        assert repository.runner.start(workflow, event, {}, "refs/heads/main") == []
